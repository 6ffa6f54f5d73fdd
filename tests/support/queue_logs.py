"""A queue as the database has it: its log, its sessions, its hot row. Read whole, for tests that compare them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from app.core.db import Database
from app.core.events.models import EventRow
from app.core.ids import decode, parse
from app.queues.models import Queue, QueueLine
from app.sessions.models import Session
from tests.support.api import Api
from tests.support.log_checks import Expected, LogEvent, check, check_together, fold

_ACTIVE = ("WAITING", "CALLED", "SERVING")
_TABLES = (
    "queues", "queue_lines", "queue_categories", "sessions", "session_notes",
    "counters", "counter_queues", "shifts", "idempotency_keys", "events", "access_entries", "access_codes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """One queue at one instant."""

    queue: Queue
    line: QueueLine
    sessions: Sequence[Session]
    events: Sequence[LogEvent]


async def read_queue(db: Database, tenant_id: UUID, queue_id: UUID) -> StoredQueue:
    """Everything of one queue, in one snapshot."""
    async with db.read(tenant_id, snapshot=True) as tx:
        queue = (await tx.exec(select(Queue).where(Queue.id == queue_id))).one()
        line = (await tx.exec(select(QueueLine).where(QueueLine.id == queue_id))).one()
        sessions = (await tx.exec(select(Session).where(Session.queue_id == queue_id))).all()
        rows = (
            await tx.exec(
                select(EventRow)
                .where(EventRow.aggregate_type == "queue", EventRow.aggregate_id == queue_id)
                .order_by(col(EventRow.revision))
            )
        ).all()
    events = [LogEvent(row.revision, row.type, row.occurred_at, row.data) for row in rows]
    return StoredQueue(queue, line, sessions, events)


def disagreements(stored: StoredQueue) -> list[str]:
    """Where the tables say something else than the log: state and event were not written together."""
    state = fold(stored.events)
    found = []
    told: dict[str, Any] = state.counts() | {
        "revision": len(stored.events),
        "open_counter_count": state.open_counter_count,
        "last_change_at": stored.events[-1].occurred_at,
    }
    found += [
        f"line.{name} is {getattr(stored.line, name)}, the log says {value}"
        for name, value in told.items()
        if getattr(stored.line, name) != value
    ]
    if stored.queue.status != state.status:
        found.append(f"the queue is {stored.queue.status}, the log says {state.status}")
    rows = {str(row.id): row for row in stored.sessions}
    if rows.keys() != state.sessions.keys():
        found.append(f"sessions of only one of the two: {sorted(rows.keys() ^ state.sessions.keys())}")
    for id in rows.keys() & state.sessions.keys():
        found += [
            f"session {id}: {name} is {getattr(rows[id], name)}, the log says {value}"
            for name, value in state.sessions[id].items()
            if name not in ("id", "counter_name") and _plain(getattr(rows[id], name)) != _plain(value)
        ]
    people = [row.user_identifier for row in stored.sessions if row.status in _ACTIVE and row.user_identifier]
    if len(people) != len(set(people)):
        found.append("somebody has two places")
    return found


async def assert_sound(
    api: Api, *queue_ids: str, expected: Mapping[str, Expected] | None = None
) -> dict[str, StoredQueue]:
    """Check the logs of some queues of one tenant, one by one, together, and against the tables."""
    stored = {}
    for id in queue_ids:
        ref = decode("Queue", id)
        stored[id] = await read_queue(api.runtime.dbs.app, ref.tenant_id, ref.id)
        broken = check(stored[id].events, (expected or {}).get(id))
        assert not broken, broken[:5]
        differing = disagreements(stored[id])
        assert not differing, differing[:5]
    together = check_together({str(decode("Queue", id).id): one.events for id, one in stored.items()})
    assert not together, together[:5]
    return stored


async def events_of(api: Api, queue_id: str) -> Sequence[LogEvent]:
    """A queue's log."""
    ref = decode("Queue", queue_id)
    return (await read_queue(api.runtime.dbs.app, ref.tenant_id, ref.id)).events


async def revision_of(api: Api, queue_id: str) -> int:
    """A queue's revision, as its log has it."""
    return len(await events_of(api, queue_id))


async def picture(api: Api, node_id: str) -> dict[str, list[str]]:
    """Every row that the tenant of a node has in the tables of queues, sessions and counters."""
    tenant_id = parse(node_id)[1].tenant_id
    shown = {}
    async with api.runtime.dbs.app.read(tenant_id, snapshot=True) as tx:
        for table in _TABLES:
            rows = await tx.exec(text(f"select (to_jsonb(t) - 'published_at')::text from {table} t order by 1"))  # type: ignore[call-overload]
            shown[table] = [row for (row,) in rows]
    return shown


@asynccontextmanager
async def nothing_changes(api: Api, *node_ids: str) -> AsyncIterator[None]:
    """Fail if what is done inside changes a single row of the tenants these nodes are of."""
    before = [await picture(api, id) for id in node_ids]
    yield
    assert [await picture(api, id) for id in node_ids] == before


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int) else str(value).replace("T", " ").replace("Z", "+00:00")
