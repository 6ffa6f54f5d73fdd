"""Expected errors as members of result unions: one declaration ties an exception to its GraphQL type."""

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types import Info, get_object_definition

from app.core.errors import InvalidInput, UserFacingError
from app.core.idempotency import IdempotencyConflict


@strawberry.interface(description="A refusal one can act on. `message` says what is wrong and what to do.")
class UserError:
    """Base of all error members of result unions."""

    message: str = strawberry.field(description="English text for developers and logs; decide by `__typename`.")


ErrorType = TypeVar("ErrorType")
_handlers: list[strawberry.ExceptionHandler[Any, Any]] = []


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def error_type(exception: type[UserFacingError], description: str) -> Callable[[type[ErrorType]], type[ErrorType]]:
    """Declare a class as the GraphQL type of an exception.

    The class lists fields by the names of the exception's attributes. A field that needs more than the attribute
    defines a static async method `convert(exception, info)` which returns the instance.
    """

    def declare(cls: type[ErrorType]) -> type[ErrorType]:
        declared = strawberry.type(cls, description=description)
        names = [field.python_name for field in get_object_definition(declared, strict=True).fields]

        def handle(self: object, error: UserFacingError, *, field: object, info: Info) -> Any:
            if (convert := getattr(declared, "convert", None)) is not None:
                return convert(error, info)
            return declared(**{name: getattr(error, name) for name in names})

        handler = type(
            f"{exception.__name__}Handler",
            (strawberry.ExceptionHandler,),
            {"exception_type": exception, "error_type": declared, "handle": handle},
        )
        _handlers.append(handler())
        return declared

    return declare


def exception_handlers() -> list[strawberry.ExceptionHandler[Any, Any]]:
    """Every handler declared so far; read after all features are imported."""
    # Most specific exception first: the first match wins.
    return sorted(_handlers, key=lambda handler: -len(handler.exception_type.__mro__))  # type: ignore[attr-defined]


@error_type(InvalidInput, "A value of the input is unusable.")
class InvalidInputError(UserError):
    field: str = strawberry.field(description="Path of the value in the input, e.g. `contact.email`.")


@error_type(IdempotencyConflict, "The idempotency key was used before with other input.")
class IdempotencyConflictError(UserError):
    pass
