"""Dangerous root fields: declared on the field, refused in its result. The rule itself is `identity/step_up.py`'s."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

import strawberry
from pydantic.alias_generators import to_camel
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from app.core.graphql.errors import UserError, error_type
from app.identity import errors
from app.identity.graphql.factors.types import LoginMethod
from app.identity.step_up import FRESH, ensure_fresh

_MINUTES = int(FRESH.total_seconds() // 60)


@error_type(
    errors.StepUpRequired,
    f"Users need a sign-in that was proved within {_MINUTES} minutes: show again who you are with `loginStepUp`, and "
    "send this again.",
)
class StepUpRequiredError(UserError):
    methods: list[LoginMethod] = strawberry.field(  # type: ignore[valid-type]
        description="By which this user can, the usual one first. With `PROVIDER`: by signing in again."
    )


class StepUp(FieldExtension):
    """A user's sign-in must have been proved lately. Programs with an API key are exempt: their scopes say it all.

    With names of values of the input, it is asked for only where one of them is given. Stands before `Requires` in the
    list of extensions, which makes it the one that is asked later: whoever lacks the permission is told that. The
    field's result needs `StepUpRequiredError`.
    """

    def __init__(self, *values: str) -> None:
        self._values = values
        given = " or ".join(f"`{to_camel(each)}`" for each in values)
        whoever = f"Users who give {given} need" if values else "Users need"
        self.sentence = f"{whoever} a sign-in that was proved within {_MINUTES} minutes (`loginStepUp`)."

    def apply(self, field: StrawberryField) -> None:
        """Say in the schema that it is dangerous."""
        if self.sentence not in (field.description or ""):
            field.description = f"{field.description} {self.sentence}" if field.description else self.sentence

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then go on."""
        if not self._values or any(getattr(kwargs["input"], name) is not UNSET for name in self._values):
            await ensure_fresh(info.context.runtime.dbs.app, info.context.actor)
        result = next_(source, info, **kwargs)
        return await result if isawaitable(result) else result
