"""CSV, JSON and JSON lines, as text in UTF-8. What a spreadsheet would run as a formula is written so that it is none.

CSV is RFC 4180 with a header, times in ISO 8601 (UTC), JSON as text, nothing for null.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from app.transfers.formats.writing import Layout
from app.transfers.values import ColumnType, Row, Value

# What spreadsheets take for the beginning of a formula, in any of their languages; some pass over white space first.
# Apostrophes before it are the text's own, and get one more: else nobody could tell which of them is ours.
_SIGN: Final = r"[=+\-@＝＋－＠]"
_FORMULA: Final = re.compile(rf"'*(?:\s*{_SIGN}|[\t\r\n])")
# A number or a telephone number is computed at worst; it names no function and no other file.
_NUMBER: Final = re.compile(r"[+\-]?[0-9][0-9 ()./\-]*")
# Where a comma is the decimal sign, spreadsheets cut lines at semicolons and pass over our quotes: the formula of a
# cell may begin in the middle of a text, or in its next line.
_INSIDE: Final = rf"(?='*[^\S\t\r\n]*{_SIGN})(?!{_NUMBER.pattern}(?:[;\t\r\n]|$))"
_BEFORE: Final = re.compile(rf"([;\t\r\n]){_INSIDE}")
_MARKED: Final = re.compile(rf"([;\t\r\n])'{_INSIDE}")


def harmless(text: str) -> str:
    """A text as a cell of a CSV file: with an apostrophe before what a spreadsheet would run."""
    inside = _BEFORE.sub(r"\1'", text)
    return f"'{inside}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else inside


def as_given(text: str) -> str:
    """What `harmless` was given."""
    for marked in (text[1:], text) if text.startswith("'") else (text,):
        found = _MARKED.sub(r"\1", marked)
        if harmless(found) == text:
            return found
    return text


class CsvWriter:
    """A table with a header."""

    def __init__(self, layout: Layout) -> None:
        self._buffer = io.StringIO(newline="")
        self._csv = csv.writer(self._buffer, lineterminator="\r\n")
        self._csv.writerow([column.name for column in layout.columns])

    def write(self, rows: Sequence[Row]) -> bytes:
        """As text."""
        self._csv.writerows([[_cell(value) for value in row] for row in rows])
        return self._taken()

    def close(self) -> Iterator[bytes]:
        """The header, if nothing else was written."""
        yield self._taken()

    def _taken(self) -> bytes:
        written = self._buffer.getvalue().encode()
        self._buffer.seek(0)
        self._buffer.truncate()
        return written


class JsonWriter:
    """Objects: one to a line, or as one array. Times in ISO 8601 (UTC); JSON columns are JSON within it."""

    def __init__(self, layout: Layout, *, lines: bool) -> None:
        self._names = [column.name for column in layout.columns]
        self._nested = [place for place, column in enumerate(layout.columns) if column.type is ColumnType.JSON]
        self._lines = lines
        self._is_first = True

    def write(self, rows: Sequence[Row]) -> bytes:
        """As text."""
        objects = [orjson.dumps(self._object(row), option=_AS_UTC) for row in rows]
        if self._lines:
            return b"".join(each + b"\n" for each in objects)
        if not objects:
            return b""
        start, self._is_first = b"[\n" if self._is_first else b",\n", False
        return start + b",\n".join(objects)

    def close(self) -> Iterator[bytes]:
        """The array's end."""
        if not self._lines:
            yield b"[]\n" if self._is_first else b"\n]\n"

    def _object(self, row: Row) -> dict[str, Any]:
        found: dict[str, Any] = dict(zip(self._names, row, strict=True))
        for place in self._nested:
            text = row[place]
            if isinstance(text, str):
                found[self._names[place]] = orjson.Fragment(text)
        return found


_AS_UTC = orjson.OPT_UTC_Z


def _cell(value: Value) -> str | int | float | None:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
