"""Who may use a root field, declared on the field itself. A schema walk fails for any root field without one."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.types.field import StrawberryField


class Access(FieldExtension):
    """Base of the declarations; `sentence` is appended to the field's description."""

    sentence: str

    def apply(self, field: StrawberryField) -> None:
        """Say in the schema who may use the field."""
        # Applied each time a schema is built from the field, and a process may build several.
        if self.sentence not in (field.description or ""):
            field.description = f"{field.description}\n\n{self.sentence}" if field.description else self.sentence


class Requires(Access):
    """Users whose role grants a permission. Checked before anything is read; on subscriptions before the first item."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        self.sentence = f"Needs the permission `{permission}`."

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then go on."""
        info.context.actor.require(self.permission)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then go on."""
        info.context.actor.require(self.permission)
        result = next_(source, info, **kwargs)
        # A subscription's resolver answers with its stream at once.
        return await result if isawaitable(result) else result


class Checked(Access):
    """The rule is finer than a permission (a visitor's own session, say) and is enforced where the object is loaded."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


class Public(Access):
    """Anybody, signed in or not; the field shows no personal data."""

    def __init__(self, sentence: str = "Public: needs no sign-in.") -> None:
        self.sentence = sentence
