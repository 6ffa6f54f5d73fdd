"""The schedule at work: what is due is done to a queue under its line's lock, each boundary an event in its log.

What a boundary does is decided in `plan.py`; when the next one comes is written to the line, where the clockwork looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.db import ReadTx, WriteTx
from app.queues import draws
from app.queues import repository as queues
from app.queues.events import QueueClosed, QueueOpened
from app.queues.line import LockedLine, lock, write_down
from app.queues.models import Queue, QueueDiscipline, QueueLine, QueueStatus
from app.queues.settings import LineSettings
from app.schedules import repository
from app.schedules.events import PrequeueStarted, ScheduledEventEnded, ScheduledEventStarted
from app.schedules.hours import HORIZON, hours_of
from app.schedules.models import ScheduledEvent
from app.schedules.plan import LOOK_AGAIN, Boundary, BoundaryKind, Plan, PlannedEvent, Standing, next_opening, steps


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is planned for a queue, and how the queue stands to it."""

    plan: Plan
    standing: Standing
    rows: Mapping[UUID, ScheduledEvent]


async def apply_due(tx: WriteTx, line: LockedLine) -> LockedLine:
    """Do whatever is due by the schedule, in order, however late; the line as it is then.

    `line` comes from `lock`. Boundaries are done by the system, whoever happened to come by.
    """
    due = line.row.schedule_due_at
    if due is None or due > line.now:
        return line
    actor, request_id, origin = tx.actor, tx.request_id, tx.origin
    tx.act_for(SYSTEM, None)
    try:
        schedule = await load(tx, line.queue, line.now + LOOK_AGAIN)
        standing = schedule.standing
        for boundary, after in steps(schedule.plan, standing, due, line.now):
            line = await enact(tx, line, schedule.rows, boundary, standing, after)
            standing = after
    finally:
        tx.act_for(actor, request_id, origin)
    await note_due(tx, line)
    return line


async def catch_up(tx: WriteTx, queue_id: UUID) -> LockedLine:
    """Hold a queue with everything done that is due by its schedule."""
    return await apply_due(tx, await lock(tx, queue_id))


def is_due(line: LockedLine) -> bool:
    """Whether the schedule has something to do in this line."""
    due = line.row.schedule_due_at
    return due is not None and due <= line.now


async def note_due(tx: WriteTx, line: LockedLine) -> None:
    """Write to the line when its schedule has something to do next."""
    row, queue = line.row, line.queue
    # What was changed in this block counts.
    await tx.flush()
    if queue.status is QueueStatus.ARCHIVED:
        row.schedule_due_at = None
    else:
        schedule = await load(tx, queue, line.now + LOOK_AGAIN)
        row.schedule_due_at = schedule.plan.due_after(line.now) or await repository.first_begin(tx, queue.id)
    # Whom the line may release may have changed, or whose time is over before: the clockwork settles it at once, unless
    # the caller does.
    row.due_at = line.now


async def load(tx: ReadTx, queue: Queue, until: datetime) -> Schedule:
    """What is planned for a queue until a time."""
    return schedule_of(queue, await repository.ahead(tx, [queue.id], until))


def schedule_of(queue: Queue, rows: Sequence[ScheduledEvent]) -> Schedule:
    """A queue's schedule from what was read of it."""
    plan = Plan(
        hours_of(queue.weekly_hours, queue.hours_exceptions, queue.time_zone), tuple(planned(row) for row in rows)
    )
    by_id = {row.id: row for row in rows}
    active = None if queue.active_event_id is None else by_id.get(queue.active_event_id)
    if active is None:
        return Schedule(plan, Standing(queue.status), by_id)
    standing = Standing(queue.status, planned(active), active.began_at is not None, active.status_before)
    return Schedule(plan, standing, by_id)


def planned(row: ScheduledEvent) -> PlannedEvent:
    """An event as far as it decides anything."""
    return PlannedEvent(
        row.id,
        row.starts_at,
        row.ends_at,
        row.prequeue_starts_at,
        row.draws_lots,
        row.queue_status,
        tuple(sorted(row.overrides.items())),
    )


async def next_openings(tx: ReadTx, queue_ids: Sequence[UUID], now: datetime) -> dict[UUID, datetime | None]:
    """When each queue opens next by its schedule; None where it is open, or nothing is planned."""
    found = await queues.with_lines(tx, queue_ids)
    rows = await repository.ahead(tx, queue_ids, now + HORIZON)
    return {
        id: _next_opening(queue, line, [row for row in rows if row.queue_id == id], now)
        for id, (queue, line) in found.items()
    }


async def next_opening_of(tx: ReadTx, line: LockedLine) -> datetime | None:
    """`next_openings` for a line that is held."""
    rows = await repository.ahead(tx, [line.queue.id], line.now + HORIZON)
    return _next_opening(line.queue, line.row, rows, line.now)


def _next_opening(queue: Queue, line: QueueLine, rows: Sequence[ScheduledEvent], now: datetime) -> datetime | None:
    schedule = schedule_of(queue, rows)
    return next_opening(schedule.plan, schedule.standing, caught_up_at(line, now))


def caught_up_at(line: QueueLine, now: datetime) -> datetime:
    """From when on boundaries are still to come: earlier than now where a worker is late."""
    return now if line.schedule_due_at is None else min(now, line.schedule_due_at)


async def enact(
    tx: WriteTx,
    line: LockedLine,
    rows: Mapping[UUID, ScheduledEvent],
    boundary: Boundary,
    before: Standing,
    after: Standing,
    reason: str = "TIME",
) -> LockedLine:
    """Make a queue stand as it does after a boundary, and write it down. The line for the next change."""
    line = _stand(tx, line.later(tx), after)
    row = None if boundary.event is None else rows[boundary.event.id]
    match boundary.kind:
        case BoundaryKind.OPENS | BoundaryKind.CLOSES:
            if before.status is after.status:
                # An event decides at present; it gives the queue back as the hours have it by then.
                assert after.event is not None
                rows[after.event.id].status_before = after.status_before
                return line
            of_hours = QueueOpened if boundary.kind is BoundaryKind.OPENS else QueueClosed
            write_down(tx, line, lambda state: of_hours(state, boundary.at))
        case BoundaryKind.PREQUEUE_STARTS:
            assert row is not None
            await _start_prequeue(tx, line, row, after)
        case BoundaryKind.EVENT_STARTS:
            assert row is not None
            row.began_at, row.status_before = line.now, after.status_before
            started = (row.id, row.name, row.starts_at, row.ends_at, dict(row.overrides))
            write_down(tx, line, lambda state: ScheduledEventStarted(state, *started))
        case BoundaryKind.EVENT_ENDS:
            assert row is not None
            row.ended_at = line.now
            ended = (row.id, row.name, boundary.at, reason)
            write_down(tx, line, lambda state: ScheduledEventEnded(state, *ended))
    if before.status is QueueStatus.PREQUEUE and after.status is not QueueStatus.PREQUEUE:
        line = await draws.open_running(tx, line)
    return line


def _stand(tx: WriteTx, line: LockedLine, after: Standing) -> LockedLine:
    queue = line.queue
    queue.status = after.status
    queue.active_event_id = None if after.event is None else after.event.id
    queue.overrides = {} if after.event is None else dict(after.event.overrides)
    queue.updated_at, queue.updated_by = line.now, tx.actor.label
    return replace(line, settings=LineSettings.of(queue))


async def _start_prequeue(tx: WriteTx, line: LockedLine, row: ScheduledEvent, after: Standing) -> None:
    row.prequeue_began_at, row.status_before = line.now, after.status_before
    draws_lots = row.draws_lots
    if draws_lots is None:
        draws_lots = line.queue.discipline is QueueDiscipline.LOTTERY
    # Where staff has put the queue into maintenance there is no pre-queue to draw lots in.
    is_drawn = draws_lots and after.status is QueueStatus.PREQUEUE
    seed_hash = await draws.begin(tx, line) if is_drawn else None
    assert row.prequeue_starts_at is not None
    started = (row.id, row.name, row.prequeue_starts_at, row.starts_at, seed_hash, dict(row.overrides))
    write_down(tx, line, lambda state: PrequeueStarted(state, *started))
