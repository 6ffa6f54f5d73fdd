"""Rows of a file that is read piece by piece: CSV, JSON lines, or one JSON array. Knows no kind of row, and no table.

What is held is a piece and the row it ends in, whatever the length of the file.
"""

import codecs
import csv
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from app.transfers.formats.texts import as_given
from app.transfers.imports.errors import UnreadableFile
from app.transfers.imports.models import ImportFormat

MOST_ROW_CHARACTERS: Final = 1_000_000
_QUOTE: Final = '"'
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class Line(NamedTuple):
    """A row: which line of the file it begins in (in a JSON array, which object it is), and its values as text."""

    number: int
    values: dict[str, str]


class Reader(Protocol):
    """Takes pieces, gives rows."""

    def feed(self, piece: bytes) -> Iterator[Line]:
        """The rows that end in this piece. `UnreadableFile`."""

    def close(self) -> Iterator[Line]:
        """What is left, once there are no more pieces. `UnreadableFile`."""


def reader(file_format: ImportFormat) -> Reader:
    """One for a file of this format, from its beginning."""
    match file_format:
        case ImportFormat.CSV:
            return CsvReader()
        case ImportFormat.JSON_LINES:
            return JsonLinesReader()
        case ImportFormat.JSON:
            return JsonArrayReader()


class _Text:
    """Bytes as text; a byte order mark is none of it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()

    def of(self, piece: bytes, *, final: bool = False) -> str:
        try:
            return self._decoder.decode(piece, final)
        except UnicodeDecodeError:
            raise UnreadableFile("The file is not in UTF-8.") from None


class _Records:
    """Text cut into records at line ends, but not at those within quotes."""

    def __init__(self, *, quoted: bool) -> None:
        self._rest = ""
        self._line = 1
        self._quoted = quoted

    def feed(self, text: str) -> Iterator[tuple[int, str]]:
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        parts: list[str] = []
        is_open = False
        for line in lines:
            parts.append(line)
            # Within quotes as long as there is an odd number of them: a doubled one is two.
            is_open ^= self._quoted and line.count(_QUOTE) % 2 == 1
            if not is_open:
                yield self._line, "\n".join(parts).removesuffix("\r")
                self._line += len(parts)
                parts.clear()
        self._rest = "\n".join([*parts, self._rest])
        if len(self._rest) > MOST_ROW_CHARACTERS:
            raise UnreadableFile(f"Line {self._line}: a row has at most {MOST_ROW_CHARACTERS:,} characters.")

    def close(self) -> Iterator[tuple[int, str]]:
        if self._rest.strip():
            yield self._line, self._rest.removesuffix("\r")


class CsvReader:
    """A header with the names of columns, then a row to a record; commas or semicolons, as the header has them."""

    def __init__(self) -> None:
        self._text, self._records = _Text(), _Records(quoted=True)
        self._names: list[str] | None = None
        self._delimiter = ","

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Rows without any value are passed over."""
        for number, record in self._records.feed(self._text.of(piece)):
            yield from self._read(number, record)

    def close(self) -> Iterator[Line]:
        """The last row, where the file does not end with a line end."""
        for part in (self._records.feed(self._text.of(b"", final=True)), self._records.close()):
            for number, record in part:
                yield from self._read(number, record)
        if self._names is None:
            raise UnreadableFile("The file is empty: its first line names the columns.")

    def _read(self, number: int, record: str) -> Iterator[Line]:
        if self._names is None:
            self._delimiter = ";" if record.count(";") > record.count(",") else ","
            self._names = [name.strip() for name in self._cells(number, record)]
            if len(set(self._names)) < len(self._names) or not all(self._names):
                raise UnreadableFile("The first line names the columns, each once.")
            return
        cells = self._cells(number, record)
        if not any(cell.strip() for cell in cells):
            return
        if len(cells) != len(self._names):
            raise UnreadableFile(f"Line {number}: {len(cells)} values, but the first line names {len(self._names)}.")
        yield Line(number, {name: as_given(cell) for name, cell in zip(self._names, cells, strict=True)})

    def _cells(self, number: int, record: str) -> list[str]:
        try:
            return next(csv.reader([record], delimiter=self._delimiter, strict=True), [])
        except csv.Error as problem:
            raise UnreadableFile(f"Line {number}: {problem}.") from None


class JsonLinesReader:
    """An object to a line."""

    def __init__(self) -> None:
        self._text, self._records = _Text(), _Records(quoted=False)

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Empty lines are passed over."""
        for number, record in self._records.feed(self._text.of(piece)):
            yield from self._read(number, record)

    def close(self) -> Iterator[Line]:
        """The last row, where the file does not end with a line end."""
        for part in (self._records.feed(self._text.of(b"", final=True)), self._records.close()):
            for number, record in part:
                yield from self._read(number, record)

    def _read(self, number: int, record: str) -> Iterator[Line]:
        if record.strip():
            try:
                found = json.loads(record)
            except (ValueError, RecursionError) as problem:
                raise UnreadableFile(f"Line {number} is no JSON: {_said(problem)}.") from None
            yield Line(number, _values(f"Line {number}", found))


class JsonArrayReader:
    """One array of objects."""

    def __init__(self) -> None:
        self._text = _Text()
        self._rest = ""
        self._number = 0
        # What comes next: the array's beginning, an object or the end, a comma or the end, nothing.
        self._awaits = "["
        self._decoder = json.JSONDecoder()

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Objects, as soon as they are whole."""
        text, place = self._rest + self._text.of(piece), 0
        while (place := _SPACE.match(text, place).end()) < len(text):  # type: ignore[union-attr]  # matches anything
            letter = text[place]
            if self._awaits == "":
                raise UnreadableFile("There is something behind the end of the array.")
            if self._awaits == "{" and letter != "]":
                try:
                    found, place = self._decoder.raw_decode(text, place)
                except RecursionError:
                    raise UnreadableFile(f"Object {self._number + 1} is nested too deeply.") from None
                except ValueError as problem:
                    # It may go on in the next piece.
                    if len(text) - place > MOST_ROW_CHARACTERS:
                        raise UnreadableFile(f"Object {self._number + 1} is no JSON: {_said(problem)}.") from None
                    break
                self._awaits = ","
                self._number += 1
                yield Line(self._number, _values(f"Object {self._number}", found))
            elif letter == self._awaits or (letter == "]" and self._awaits != "["):
                self._awaits = "" if letter == "]" else "{"
                place += 1
            else:
                where = "at its beginning" if self._awaits == "[" else f"behind object {self._number}"
                raise UnreadableFile(f"The file is an array of objects; there is no `{self._awaits}` {where}.")
        self._rest = text[place:]

    def close(self) -> Iterator[Line]:
        """Nothing: an array has an end."""
        yield from self.feed(b"")
        self._text.of(b"", final=True)
        if self._awaits != "":
            raise UnreadableFile(f"The array has no end; behind object {self._number} the file is no JSON.")


def _values(place: str, found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        raise UnreadableFile(f"{place} is no object with a value for each column.")
    return {name: _as_text(value) for name, value in found.items()}


def _as_text(value: Any) -> str:
    """As a cell of a table has it: nothing for null, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _said(problem: Exception) -> str:
    # Without the text around it, which may say who somebody is.
    return problem.msg if isinstance(problem, json.JSONDecodeError) else "it is nested too deeply"
