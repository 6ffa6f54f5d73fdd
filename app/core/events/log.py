"""Writing and reading the event log. Whatever follows from an event is the relay's and the reactions' business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import ClassVar
from uuid import UUID

import orjson
from sqlmodel import col, select

from app.core.db import ReadTx, Recorded, WriteTx
from app.core.db.changed import take_changed
from app.core.events.changes import attributed
from app.core.events.models import EventRow


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. Subclasses are frozen dataclasses of plain values, named in the past tense; no personal data in them."""

    type: ClassVar[str]


def record(
    tx: WriteTx,
    aggregate_type: str,
    aggregate_id: UUID,
    revision: int,
    event: Event,
    occurred_at: datetime,
) -> None:
    """Add a fact to an aggregate's history, in the transaction that makes it true.

    The caller holds the aggregate's row lock and has just taken `revision` from it, so the numbers have no gaps. All
    facts of a block are written in one statement, right before it commits, each with what it has changed in the tables:
    old and new values, masked, for the audit.
    """
    stored = orjson.dumps(event, default=_plain)
    tx.write_recorded = _write
    tx.unwritten.append(
        (
            aggregate_type,
            aggregate_id,
            revision,
            occurred_at,
            event.type,
            stored.decode(),
            tx.actor.label,
            tx.request_id,
            *tx.origin,
        )
    )
    recorded = Recorded(revision, event.type, occurred_at, orjson.loads(stored))
    tx.recorded.setdefault((aggregate_type, aggregate_id), []).append(recorded)


_INSERT = """
    insert into events
        (tenant_id, aggregate_type, aggregate_id, revision, occurred_at, id, type, data, actor, request_id,
        address, agent, changes)
    select $1, kind, aggregate, revision, occurred_at, gen_random_uuid(), type, data::jsonb, actor, request_id,
        address, agent, changes::jsonb
    from unnest(
        $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::text[], $12::text[]
    ) as fact (kind, aggregate, revision, occurred_at, type, data, actor, request_id, address, agent, changes)
"""


def _write(tx: WriteTx) -> None:
    changed = take_changed(tx.info)
    changes = attributed(tx.unwritten, changed) if changed else repeat(None, len(tx.unwritten))
    tx.rows_later(_INSERT, tx.tenant, *zip(*tx.unwritten, strict=True), list(changes))


async def read_recorded(
    tx: ReadTx, aggregate_type: str, aggregate_id: UUID, *, after: int, limit: int = 500
) -> Sequence[Recorded]:
    """An aggregate's events after a revision, oldest first, at most `limit`: for who reads many."""
    found = await tx.rows(_AFTER, tx.tenant, aggregate_type, aggregate_id, after, limit)
    return [Recorded(revision, type, at, orjson.loads(data)) for revision, type, at, data in found]


_AFTER = """
    select revision, type, occurred_at, data::text from events
    where tenant_id = $1 and aggregate_type = $2 and aggregate_id = $3 and revision > $4
    order by revision limit $5
"""


async def read_log(
    tx: ReadTx, aggregate_type: str, aggregate_id: UUID, *, after: int, limit: int = 500
) -> Sequence[EventRow]:
    """An aggregate's events after a revision, oldest first, at most `limit`."""
    found = await tx.exec(
        select(EventRow)
        .where(
            EventRow.tenant_id == tx.tenant,
            EventRow.aggregate_type == aggregate_type,
            EventRow.aggregate_id == aggregate_id,
            EventRow.revision > after,
        )
        .order_by(col(EventRow.revision))
        .limit(limit)
    )
    return found.all()


def _plain(value: object) -> str:
    # The driver reads UUIDs into a subclass of its own, which orjson does not know.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"an event holds plain values, not {type(value).__name__}")
