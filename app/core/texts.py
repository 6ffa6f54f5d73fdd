"""What texts and JSON from outside have to be, so that the database takes them. Knows no feature."""

import math
from collections.abc import Iterable

import orjson

from app.core.errors import InvalidInput

# An answer holds it some levels down, and what is nested more than 254 levels deep cannot be sent at all.
MAX_JSON_LEVELS = 32


def ensure_text(field: str, value: str, least: int, most: int) -> None:
    """`InvalidInput` unless the text has at least and at most so many characters (space around it does not count)."""
    if len(value.strip()) < least or len(value) > most:
        raise InvalidInput(field, f"`{field}` needs {least} to {most:,} characters.")
    if "\x00" in value:
        raise InvalidInput(field, f"`{field}` holds the character U+0000, which no text may hold.")


def ensure_json(field: str, value: object, most_bytes: int) -> None:
    """`InvalidInput` unless the value can be stored as JSON of at most so many bytes, and read again in any answer."""
    if value is None:
        return
    if not _is_flat(value):
        raise InvalidInput(field, f"`{field}` is nested at most {MAX_JSON_LEVELS} levels deep.")
    if not _is_finite(value):
        raise InvalidInput(field, f"`{field}` holds a number that is too large for JSON.")
    try:
        stored = orjson.dumps(value)
    except TypeError as error:
        # Integers of more than 64 bits.
        raise InvalidInput(field, f"`{field}` cannot be stored as JSON: {error}.") from None
    if len(stored) > most_bytes:
        raise InvalidInput(field, f"`{field}` has at most {most_bytes:,} bytes as JSON.")
    if b"\\u0000" in stored.replace(b"\\\\", b""):
        raise InvalidInput(field, f"`{field}` holds the character U+0000, which no text may hold.")


def _is_flat(value: object) -> bool:
    level = [value]
    for _ in range(MAX_JSON_LEVELS):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return True
    return False


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return all(_is_finite(child) for child in _children(value))


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
