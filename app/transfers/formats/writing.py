"""What every format's writer is, and what it is told of the file. Writes nothing itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.transfers.values import Column, Row


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file looks like: the title of its sheet, and its columns."""

    title: str
    columns: Sequence[Column]


class Writer(Protocol):
    """Turns rows into the bytes of one file."""

    def write(self, rows: Sequence[Row]) -> bytes:
        """Add rows; the bytes that are ready with that, perhaps none."""

    def close(self) -> Iterator[bytes]:
        """The rest of the bytes, in pieces. Nothing is written afterwards."""
