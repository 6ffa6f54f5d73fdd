"""A line as it was at a past time, out of its queue's log. Follows nothing and writes nothing.

The log is read backwards from that time: the last event before it says how many people stood where, and each event on
the way back who one of them was. So the work is bounded by how long ago the longest of them last moved, and not by the
length of the log; a queue of a million changes is looked up as quickly as one of a hundred.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from app.core.db import ReadTx
from app.core.errors import BadInput
from app.queues.disciplines import Rank
from app.queues.events import QUEUE
from app.sessions import repository_as_of as repository
from app.sessions.line import Line, LineEventData, read_event

MOST_EVENTS: Final = 100_000
"""So many changes before the time asked for are read at most, some two seconds' work."""
_AT_ONCE: Final = 500
_GONE: Final = "The queue's log is not kept for long enough to tell who was in the line then."


async def line_as_of(tx: ReadTx, queue_id: UUID, at: datetime) -> tuple[Line, datetime | None]:
    """The line as it was at a time, and when its last event before that happened; revision 0 before there was any.

    Raises `BadInput` where the log is not kept any more, or somebody in the line had not moved for `MOST_EVENTS`.
    """
    revision = await _revision_at(tx, queue_id, at)
    if revision == 0:
        return Line(), None
    seen: set[int] = set()
    waiting: list[LineEventData] = []
    at_counters: list[LineEventData] = []
    last: LineEventData | None = None
    before = revision
    while before and (last is None or not _is_whole(last, waiting, at_counters)):
        if revision - before >= MOST_EVENTS:
            raise BadInput(f"Somebody was in the line then who had not moved for {MOST_EVENTS:,} changes of the queue.")
        rows = await repository.events_until(tx, QUEUE, queue_id, before, at, limit=_AT_ONCE)
        if not rows:
            raise BadInput(_GONE)
        for row in rows:
            if row.revision != before:
                raise BadInput(_GONE)
            before -= 1
            event = read_event(*row)
            last = last or event
            key = event.session_key
            # What the log says before that is older.
            if key is not None and key not in seen:
                seen.add(key)
                if event.order_key is not None:
                    waiting.append(event)
                elif event.at_counter is not None:
                    at_counters.append(event)
            if _is_whole(last, waiting, at_counters):
                break
    assert last is not None, "there is an event of this revision"
    return _line(last, waiting, at_counters), last.occurred_at


async def _revision_at(tx: ReadTx, queue_id: UUID, at: datetime) -> int:
    """The last revision until then."""
    first, newest = await repository.ends_of_log(tx, QUEUE, queue_id)
    if first is None or newest is None:
        return 0
    if at < first.occurred_at:
        if first.revision > 1:
            raise BadInput(f"The queue's log is kept from {first.occurred_at.isoformat()} on.")
        return 0
    if at >= newest.occurred_at:
        return newest.revision
    found = await repository.revision_between(tx, QUEUE, queue_id, at, first.revision, newest.revision)
    if found is None:
        raise BadInput(_GONE)
    return found


def _is_whole(last: LineEventData, waiting: Sequence[LineEventData], at_counters: Sequence[LineEventData]) -> bool:
    """Whether everybody who was there has been met. Whoever was on hold is in no order, and is not looked for."""
    there = last.line
    return len(waiting) >= there.waiting_count and len(at_counters) >= there.called_count + there.serving_count


def _line(last: LineEventData, waiting: list[LineEventData], at_counters: list[LineEventData]) -> Line:
    at_counters.sort(key=lambda event: event.revision)
    line = Line(last.revision, last.line, [event.at_counter for event in at_counters if event.at_counter is not None])
    waiting.sort(key=lambda event: event.order_key or 0)
    line.extend([_entry(event) for event in waiting])
    return line


def _entry(event: LineEventData) -> tuple[UUID, str, Rank]:
    session = event.session
    assert session is not None, "it is about somebody in line"
    return session.id, session.ticket_number, Rank(session.rank_class, session.rank_time, session.rank_sequence)
