"""How often a field may be asked for, declared on the field itself. The numbers stand in `core/limits/buckets.py`.

Counted for each field that is resolved: aliases, several operations of a socket and single requests are all the same.
"""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.types.field import StrawberryField

from app.core.actor import ActorKind
from app.core.errors import CodedError, UserFacingError
from app.core.limits import RULES, Bucket


class Limited(FieldExtension):
    """Attempts from one network address, good ones included: who gets in must not get further guesses for it.

    With `failures_only`, what succeeds is never held up and never counted: for secrets too long to be guessed, whose
    owners must not be locked out by a neighbour. Who has the permission `unless`, and programs with an API key, are not
    counted.
    """

    def __init__(self, bucket: Bucket | str, *, unless: str | None = None, failures_only: bool = False) -> None:
        self.bucket = Bucket(bucket)
        self._unless = unless
        self._failures_only = failures_only
        self._sentence = RULES[self.bucket].sentence
        if failures_only:
            self._sentence = "What is refused counts as an attempt to sign in."

    def apply(self, field: StrawberryField) -> None:
        """Say in the schema that it is limited."""
        if self._sentence not in (field.description or ""):
            field.description = f"{field.description} {self._sentence}" if field.description else self._sentence

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Count, then go on; or go on, and count what is refused."""
        context = info.context
        if not self._failures_only:
            if not self._is_trusted(context):
                await context.runtime.limiter.attempt(self.bucket, context.address)
            return await _awaited(next_(source, info, **kwargs))
        try:
            return await _awaited(next_(source, info, **kwargs))
        except (UserFacingError, CodedError):
            # Told that there were too many, instead of what was wrong.
            await context.runtime.limiter.attempt(self.bucket, context.address)
            raise

    def _is_trusted(self, context: Any) -> bool:
        return self._unless is not None and (context.actor.kind is ActorKind.API_KEY or context.actor.may(self._unless))


async def _awaited(result: Any) -> Any:
    return await result if isawaitable(result) else result
