"""Rows as transfers know them: columns with a type, and plain values. Knows no table and no format."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ColumnType(StrEnum):
    """What a column holds; JSON as text."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    BOOLEAN = "BOOLEAN"
    TIME = "TIME"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `personal`: it may say who somebody is."""

    name: str
    type: ColumnType = ColumnType.TEXT
    personal: bool = False


Value = str | int | float | bool | datetime | None
Row = Sequence[Value]
