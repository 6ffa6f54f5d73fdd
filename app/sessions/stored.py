"""A line out of PostgreSQL: from the tables as they are, or from the log as it was. Follows nothing: `live.py` does."""

import asyncio
from datetime import datetime
from uuid import UUID

from app.core.db import ReadTx
from app.core.errors import NotFound
from app.core.events import read_recorded
from app.queues import repository as queues
from app.queues.events import QUEUE, LineState
from app.queues.rules import Rank
from app.sessions import repository
from app.sessions.events import state_of
from app.sessions.line import Line, read_event


async def load(tx: ReadTx, queue_id: UUID) -> Line:
    """A queue's line from the tables; `tx` has to be a snapshot. `NotFound` if there is no such queue."""
    found = (await queues.with_lines(tx, [queue_id])).get(queue_id)
    if found is None:
        raise NotFound("Queue")
    queue, row = found
    state = LineState(
        queue.status,
        row.waiting_count,
        row.held_count,
        row.called_count,
        row.serving_count,
        row.open_counter_count,
        row.service_seconds_mean,
    )
    at_counters = [state_of(session, counter) for session, counter in await repository.at_counters(tx, queue_id)]
    line = Line(row.revision, state, at_counters)
    async for portion in repository.line_of(tx, queue_id):
        line.extend([(id, ticket, Rank(class_, time, number)) for id, ticket, class_, time, number in portion])
        # A long line's loading must not keep the loop from everybody else.
        await asyncio.sleep(0)
    return line


async def line_as_of(tx: ReadTx, queue_id: UUID, at: datetime) -> tuple[Line, datetime | None]:
    """The line as it was at a time, built from the log, and when its last event before that happened."""
    line, last = Line(), None
    while rows := await read_recorded(tx, QUEUE, queue_id, after=line.revision):
        for row in rows:
            if row.occurred_at > at:
                return line, last
            line.apply(read_event(*row))
            last = row.occurred_at
    return line, last
