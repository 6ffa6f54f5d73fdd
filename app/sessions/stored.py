"""A line out of PostgreSQL, from the tables as they are. Follows nothing: `live.py` does; as it was: `as_of.py`."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from app.core.db import ReadTx
from app.core.errors import NotFound
from app.core.events import read_recorded
from app.queues import repository as queues
from app.queues.disciplines import Rank
from app.queues.events import QUEUE, QueueEventType
from app.queues.limits import state_of as state_of_line
from app.queues.models import Queue, QueueLine
from app.sessions import repository
from app.sessions.events import state_of
from app.sessions.line import Line, LineEventData, read_event
from app.sessions.waits import repository as waits
from app.sessions.waits.fold import read_pace, read_said
from app.sessions.waits.observed import Observed

MOST_CAUGHT_UP = 200
"""Learners are some seconds behind; of a line that is busier its pace is known without the newest."""
MANY_EVENTS = 10_000
"""So many are read without a thought: 0.1 s, and every step of every session is told."""
EVENT_PER_SESSION = 6
"""Reading and applying an event takes as long as loading so many waiting sessions: 12 µs and 2 µs were measured."""


async def load(tx: ReadTx, queue_id: UUID) -> Line:
    """A queue's line from the tables; `tx` has to be a snapshot. `NotFound` if there is no such queue."""
    found = (await queues.with_lines(tx, [queue_id])).get(queue_id)
    if found is None:
        raise NotFound("Queue")
    queue, row = found
    at_counters = [state_of(session, counter) for session, counter in await repository.at_counters(tx, queue_id)]
    line = Line(row.revision, state_of_line(queue, row), at_counters)
    observed = await observed_until(tx, queue, row)
    async for portion in repository.line_of(tx, queue_id):
        line.extend([(id, ticket, Rank(class_, time, number)) for id, ticket, class_, time, number, _, _ in portion])
        for id, _, _, time, _, joined_at, category_id in portion:
            observed.is_in_line(id.int, category_id, joined_at, time)
        # A long line's loading must not keep the loop from everybody else.
        await asyncio.sleep(0)
    line.learned(observed)
    return line


async def observed_until(tx: ReadTx, queue: Queue, row: QueueLine) -> Observed:
    """What was learned of a queue's waits, and how its line has moved since, as far as it is quickly read."""
    observed = Observed(zone=ZoneInfo(queue.time_zone))
    said = await waits.said_of(tx, queue.id)
    if said is not None:
        observed.memory, observed.memory_revision = read_said(said.said), said.revision
        observed.pace = read_pace(said.pace)
        if 0 < row.revision - said.revision <= MOST_CAUGHT_UP:
            for event in await read_recorded(tx, QUEUE, queue.id, after=said.revision, limit=MOST_CAUGHT_UP):
                observed.caught_up(QueueEventType(event.type), event.occurred_at, event.data.get("session"))
    if row.last_change_at is not None:
        observed.at = row.last_change_at.timestamp()
    return observed


async def news_since(
    tx: ReadTx, queue_id: UUID, line: Line, revision: int, session_ids: Sequence[UUID]
) -> list[LineEventData]:
    """What has happened to some sessions after a revision: of each the last event, as of the line's revision.

    `line` has been loaded in the same snapshot: what the event says of the session is still true of it.
    """
    counts = asdict(line.state)
    found = await repository.last_events(tx, queue_id, revision, session_ids)
    return [read_event(line.revision, type, at, {**orjson.loads(data), "line": counts}) for type, at, data in found]


async def is_reload_cheaper(tx: ReadTx, queue_id: UUID, revision: int) -> bool:
    """Whether a line at this revision is so far behind that loading it is less work than reading what it missed."""
    _, row = (await queues.with_lines(tx, [queue_id]))[queue_id]
    missing = row.revision - revision
    return missing > MANY_EVENTS and missing * EVENT_PER_SESSION > row.waiting_count
