"""A line out of PostgreSQL, from the tables as they are. Follows nothing: `live.py` does; as it was: `as_of.py`."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import orjson

from app.core.db import ReadTx
from app.core.errors import NotFound
from app.queues import repository as queues
from app.queues.disciplines import Rank
from app.queues.limits import state_of as state_of_line
from app.sessions import repository
from app.sessions.events import state_of
from app.sessions.line import Line, LineEventData, read_event

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
    async for portion in repository.line_of(tx, queue_id):
        line.extend([(id, ticket, Rank(class_, time, number)) for id, ticket, class_, time, number in portion])
        # A long line's loading must not keep the loop from everybody else.
        await asyncio.sleep(0)
    return line


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
