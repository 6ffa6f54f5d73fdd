"""Which rows a block has changed, and what of them, as the ORM writes them.

Statements in the driver's own words pass it by: their events say in full what they have changed. What is collected here
is made into the log's words by `app/core/events/changes.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, UOWTransaction
from sqlalchemy.orm.base import LoaderCallableStatus
from sqlmodel import SQLModel

from app.core.db.driver import BoundSession

NOT_AUDITED = {"audited": False}
"""The `info` of a table whose rows say nothing an event does not say: counts, copies, keys of retries."""


class ChangedRow(NamedTuple):
    """A row, and the values of its columns before and after, as far as they differ. New rows had none, deleted have."""

    row: SQLModel
    table: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def take_changed(session_info: dict[Any, Any]) -> list[ChangedRow]:
    """What was collected since the last time."""
    found: list[ChangedRow] = session_info.pop(_KEY, [])
    return found


_KEY = "changed_rows"


@event.listens_for(BoundSession, "before_flush")
def _collect(session: BoundSession, context: UOWTransaction, instances: object) -> None:
    found: list[ChangedRow] = session.info.setdefault(_KEY, [])
    found += (ChangedRow(row, table, {}, _values(row)) for row, table in _audited(session.new))
    found += (
        ChangedRow(row, table, values, dict.fromkeys(values))
        for row, table in _audited(session.deleted)
        for values in [_values(row)]
    )
    found += (
        ChangedRow(row, table, before, {name: inspect(row).dict.get(name) for name in before})
        for row, table in _audited(session.dirty)
        if (before := _before(row))
    )


def _audited(rows: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    for row in rows:
        if row.__table__.info.get("audited", True):
            yield row, row.__table__.name


def _before(row: Any) -> dict[str, Any]:
    """The old values of columns that have another one now."""
    state: InstanceState[Any] = inspect(row)
    return {
        # Of what was set without having been read, nobody knows what it was.
        name: None if isinstance(old, LoaderCallableStatus) else old
        for name, old in state.committed_state.items()
        if old != state.dict.get(name)
    }


def _values(row: Any) -> dict[str, Any]:
    values: dict[str, Any] = inspect(row).dict
    return {column.name: values[column.name] for column in row.__table__.columns if values.get(column.name) is not None}
