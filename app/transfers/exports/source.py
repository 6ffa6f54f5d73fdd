"""What a source of rows is, and every statement that reads one. Which there are is `sources.py`.

Columns with personal data are left out of the statement itself where they are not wanted, so that nothing is opened
that nobody may see.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.db import ReadTx
from app.transfers.values import Column, Value

# How a value is made of what the database gives: the tenant's id, the row's key and the raw value.
Read = Callable[[UUID, Any, Any], Value]


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and where it comes from."""

    column: Column
    sql: str
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one kind. `key` is what sealed values are bound to; rows come by `time`, then by `order`."""

    title: str
    tables: str
    key: str
    tenant: str
    time: str
    order: str
    fields: Sequence[Field]
    # What says which queue a row belongs to; None where none does.
    queue: str | None = None
    where: str = "true"

    def columns(self, *, personal: bool) -> list[Column]:
        """Those a file has."""
        return [field.column for field in self._fields(personal=personal)]

    def _fields(self, *, personal: bool) -> list[Field]:
        return [field for field in self.fields if personal or not field.column.personal]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows: of a queue, or of all; from a time on (inclusive), up to another (exclusive)."""

    queue_id: UUID | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None


async def count(tx: ReadTx, source: Source, chosen: Chosen) -> int:
    """How many rows there are."""
    conditions, values = _where(source, chosen)
    return int((await tx.rows(f"select count(*) from {source.tables} where {conditions}", tx.tenant, *values))[0][0])


async def read(
    tx: ReadTx, source: Source, chosen: Chosen, *, personal: bool, portion: int
) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """The rows as the database gives them, so many at a time; `shown` makes values of them."""
    conditions, values = _where(source, chosen)
    listed = ", ".join(field.sql for field in source._fields(personal=personal))
    statement = (
        f"select {source.key}, {listed} from {source.tables} where {conditions} order by {source.time}, {source.order}"
    )
    async for rows in tx.portions(portion, statement, tx.tenant, *values):
        yield rows


def shown(source: Source, tenant_id: UUID, rows: Sequence[Sequence[Any]], *, personal: bool) -> list[list[Value]]:
    """Rows as they stand in the file."""
    fields = source._fields(personal=personal)
    return [
        [
            raw if field.read is None or raw is None else field.read(tenant_id, row[0], raw)
            for field, raw in zip(fields, row[1:], strict=True)
        ]
        for row in rows
    ]


def _where(source: Source, chosen: Chosen) -> tuple[str, list[object]]:
    conditions, values = [f"{source.tenant} = $1", source.where], list[object]()
    for sql, value in (
        (f"{source.queue} =", chosen.queue_id),
        (f"{source.time} >=", chosen.from_at),
        (f"{source.time} <", chosen.to_at),
    ):
        if value is not None:
            values.append(value)
            conditions.append(f"{sql} ${len(values) + 1}")
    return " and ".join(conditions), values
