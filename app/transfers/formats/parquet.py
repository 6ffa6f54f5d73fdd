"""Parquet, with a type for every column: times are instants in UTC with microseconds, JSON is text."""

import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from app.transfers.formats.writing import Layout
from app.transfers.values import ColumnType, Row

_TYPES: Final = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.TIME: pa.timestamp("us", tz="UTC"),
    ColumnType.JSON: pa.string(),
}
ROWS_PER_GROUP: Final = 20_000
"""Rows are kept until a group is full: smaller ones are read slowly, larger ones take more memory here."""


class _Taken(io.RawIOBase):
    """What was written since the last look."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._bytes += memoryview(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        found = bytes(self._bytes)
        self._bytes.clear()
        return found


class ParquetWriter:
    """A table in groups of rows."""

    def __init__(self, layout: Layout) -> None:
        self._schema = pa.schema([pa.field(column.name, _TYPES[column.type]) for column in layout.columns])
        self._out = _Taken()
        self._writer = pq.ParquetWriter(self._out, self._schema, compression="zstd")
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> bytes:
        """Nothing until a group is full."""
        self._rows += rows
        while len(self._rows) >= ROWS_PER_GROUP:
            self._put(self._rows[:ROWS_PER_GROUP])
            del self._rows[:ROWS_PER_GROUP]
        return self._out.take()

    def close(self) -> Iterator[bytes]:
        """The last group, and the index."""
        self._put(self._rows)
        self._rows = []
        self._writer.close()
        yield self._out.take()

    def _put(self, rows: Sequence[Row]) -> None:
        columns = zip(*rows, strict=True) if rows else [() for _ in self._schema]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
