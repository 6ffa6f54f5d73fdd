"""What texts and JSON from outside have to be, so that the database takes them. Knows no feature."""

import orjson

from app.core.errors import InvalidInput


def ensure_text(field: str, value: str, least: int, most: int) -> None:
    """`InvalidInput` unless the text has at least and at most so many characters (space around it does not count)."""
    if len(value.strip()) < least or len(value) > most:
        raise InvalidInput(field, f"`{field}` needs {least} to {most:,} characters.")
    if "\x00" in value:
        raise InvalidInput(field, f"`{field}` holds the character U+0000, which no text may hold.")


def ensure_json(field: str, value: object, most_bytes: int) -> None:
    """`InvalidInput` unless the value can be stored as JSON of at most so many bytes."""
    try:
        stored = orjson.dumps(value)
    except TypeError as error:
        # Integers of more than 64 bits, and what is nested too deeply.
        raise InvalidInput(field, f"`{field}` cannot be stored as JSON: {error}.") from None
    if len(stored) > most_bytes:
        raise InvalidInput(field, f"`{field}` has at most {most_bytes:,} bytes as JSON.")
    if b"\\u0000" in stored.replace(b"\\\\", b""):
        raise InvalidInput(field, f"`{field}` holds the character U+0000, which no text may hold.")
