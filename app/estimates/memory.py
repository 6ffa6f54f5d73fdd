"""What a line's estimates remember, as plain data that JSON keeps, and back. It does not know where that is kept."""

from typing import TypeVar

from pydantic import JsonValue, TypeAdapter

Remembering = TypeVar("Remembering")
"""A data class of this package: Selector, Staying, Pace, any predictor."""


def remembered(what: Remembering) -> JsonValue:
    """Its state as numbers, texts, lists and objects."""
    state: JsonValue = TypeAdapter(type(what)).dump_python(what, mode="json")
    return state


def recalled(kind: type[Remembering], state: JsonValue) -> Remembering:
    """The same again: it says and learns what the remembered one would have. Raises ValueError for another's state."""
    return TypeAdapter(kind).validate_python(state)
