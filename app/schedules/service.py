"""What can be done with a queue's schedule: set its business hours; plan, change and take away events; look ahead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.errors import BadInput, InvalidInput
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.queues import repository as queues
from app.queues.config import QueueConfig, ensure_valid
from app.queues.events import QueueUpdated
from app.queues.line import LockedLine, lock, write_down
from app.queues.models import Queue, QueueStatus
from app.queues.settings import NAMES, LineSettings
from app.schedules import repository
from app.schedules.boundaries import (
    apply_due,
    catch_up,
    caught_up_at,
    enact,
    is_due,
    load,
    next_opening_of,
    note_due,
    planned,
    schedule_of,
)
from app.schedules.errors import ScheduledEventOver, ScheduledEventOverlaps
from app.schedules.hours import Hours, hours_of
from app.schedules.models import ScheduledEvent
from app.schedules.opening import HoursInput, ensure_hours
from app.schedules.plan import LOOK_AGAIN, Boundary, BoundaryKind, end_now, overlapping, step, steps

LONGEST_EVENT = timedelta(days=366)
LONGEST_PREVIEW = timedelta(days=366)
STATUSES = frozenset({QueueStatus.ACTIVE, QueueStatus.PAUSED, QueueStatus.CLOSED, QueueStatus.MAINTENANCE})
"""What an event may make of a queue."""

__all__ = ["apply_due", "catch_up", "is_due", "next_opening_of"]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as it is asked for. `overrides` by column of `queues`: what is not in it is inherited."""

    name: str
    starts_at: datetime
    ends_at: datetime
    prequeue_starts_at: datetime | None = None
    draws_lots: bool | None = None
    queue_status: QueueStatus | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effective:
    """What counts in a queue at a time, if nobody does anything until then."""

    at: datetime
    status: QueueStatus
    settings: LineSettings
    event: ScheduledEvent | None
    next_change_at: datetime | None


class EventState(StrEnum):
    """How far an event is."""

    PLANNED = "PLANNED"
    PREQUEUE = "PREQUEUE"
    RUNNING = "RUNNING"
    ENDED = "ENDED"


def state_of(row: ScheduledEvent) -> EventState:
    """How far an event is, by what has happened."""
    if row.ended_at is not None:
        return EventState.ENDED
    if row.began_at is not None:
        return EventState.RUNNING
    return EventState.PLANNED if row.prequeue_began_at is None else EventState.PREQUEUE


async def set_hours(tx: WriteTx, queue_id: UUID, changes: Mapping[str, Any]) -> Queue:
    """Give a queue business hours (`weekly`, None to take them away) or `exceptions`; what is not named stays.

    They count at once: if the old ones and the new ones differ about this moment, it opens or closes now. Else it stays
    as it is, and as staff has left it, until the next boundary. Raises `InvalidInput`, `NotFound`.
    """
    line = await catch_up(tx, queue_id)
    queue = line.queue
    before = _hours(queue)
    wanted = replace(HoursInput.of(before), **changes)
    ensure_hours(wanted)
    changed = wanted.changes_to(queue.weekly_hours, queue.hours_exceptions)
    if not changed:
        return queue
    for name, value in changed.items():
        setattr(queue, name, value)
    queue.updated_at, queue.updated_by = line.now, tx.actor.label
    write_down(tx, line, lambda state: QueueUpdated(state, changed))
    if (kind := _difference(before, _hours(queue), line.now)) is not None:
        schedule = await load(tx, queue, line.now + LOOK_AGAIN)
        boundary = Boundary(line.now, kind)
        after = step(schedule.standing, boundary)
        if after != schedule.standing:
            line = await enact(tx, line, schedule.rows, boundary, schedule.standing, after)
    await note_due(tx, line)
    return queue


async def create_event(
    tx: WriteTx, queue_id: UUID, new: NewEvent, idempotency_key: str | None = None
) -> ScheduledEvent:
    """Plan an event. What lies in the past begins now.

    Raises `InvalidInput`, `ScheduledEventOverlaps`, `IdempotencyConflict`, `NotFound`.
    """
    if (first := await first_result(tx, "scheduledEventCreate", idempotency_key, queue_id, new)) is not None:
        return await repository.get(tx, first)
    line = await catch_up(tx, queue_id)
    row = ScheduledEvent(
        tenant_id=tx.tenant,
        id=new_id(),
        queue_id=queue_id,
        name=new.name.strip(),
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        prequeue_starts_at=new.prequeue_starts_at,
        draws_lots=new.draws_lots,
        queue_status=new.queue_status,
        overrides=dict(new.overrides),
        created_at=line.now,
        created_by=tx.actor.label,
        updated_at=line.now,
        updated_by=tx.actor.label,
    )
    await _ensure_possible(tx, line, row)
    tx.add(row)
    remember(tx, "scheduledEventCreate", idempotency_key, row.id, queue_id, new)
    _note(tx, line, row)
    await _reschedule(tx, line.later(tx), row)
    return row


async def update_event(tx: WriteTx, event_id: UUID, changes: Mapping[str, Any]) -> ScheduledEvent:
    """Change an event; of one that has begun only name, end and overrides, effective at once.

    Of `overrides` what is not named stays, and None means inherited.
    Raises `InvalidInput`, `ScheduledEventOver`, `ScheduledEventOverlaps`, `NotFound`.
    """
    line, row = await _hold(tx, event_id)
    overrides = row.overrides | dict(changes.get("overrides", {}))
    given = dict(changes) | {"overrides": {name: value for name, value in overrides.items() if value is not None}}
    changed = {name: value for name, value in given.items() if getattr(row, name) != value}
    if not changed:
        return row
    _ensure_not_begun(row, changed)
    for name, value in changed.items():
        setattr(row, name, value.strip() if name == "name" else value)
    row.updated_at, row.updated_by = line.now, tx.actor.label
    await _ensure_possible(tx, line, row)
    if line.queue.active_event_id == row.id and "overrides" in changed:
        line.queue.overrides = dict(row.overrides)
        line.queue.updated_at, line.queue.updated_by = line.now, tx.actor.label
        line = replace(line, settings=LineSettings.of(line.queue))
    _note(tx, line, row)
    await _reschedule(tx, line.later(tx), row)
    return row


async def delete_event(tx: WriteTx, event_id: UUID) -> Queue:
    """Take an event away. One that has begun ends now, and stays in the history.

    Raises `ScheduledEventOver`, `NotFound`.
    """
    line, row = await _hold(tx, event_id)
    if line.queue.active_event_id == row.id:
        schedule = await load(tx, line.queue, line.now + LOOK_AGAIN)
        boundary = Boundary(line.now, BoundaryKind.EVENT_ENDS, planned(row))
        after = end_now(schedule.standing)
        line = await enact(tx, line, schedule.rows, boundary, schedule.standing, after, "DELETED")
    else:
        gone = {"id": str(row.id), "name": row.name}
        write_down(tx, line, lambda state: QueueUpdated(state, {"scheduled_event_deleted": gone}))
        await tx.delete(row)
    await note_due(tx, line)
    return line.queue


async def preview(tx: ReadTx, queue_id: UUID, at: datetime, now: datetime) -> Effective:
    """What counts in a queue at a time: the boundaries until then are walked as they will be.

    Raises `BadInput`, `NotFound`.
    """
    if at > now + LONGEST_PREVIEW:
        raise BadInput(f"`at` is at most {LONGEST_PREVIEW.days} days ahead.")
    queue = await queues.get(tx, queue_id)
    (_, line) = (await queues.with_lines(tx, [queue_id]))[queue_id]
    at = max(at, now)
    schedule = schedule_of(queue, await repository.ahead(tx, [queue_id], at + LONGEST_EVENT))
    standing, next_change_at = schedule.standing, None
    for boundary, after in steps(schedule.plan, standing, caught_up_at(line, now), at + LOOK_AGAIN):
        if boundary.at > at:
            next_change_at = boundary.at
            break
        standing = after
    event = None if standing.event is None else schedule.rows[standing.event.id]
    settings = LineSettings.of(queue, {} if event is None else event.overrides)
    return Effective(at, standing.status, settings, event, next_change_at)


async def _hold(tx: WriteTx, event_id: UUID) -> tuple[LockedLine, ScheduledEvent]:
    line = await lock(tx, (await repository.get(tx, event_id)).queue_id)
    line = await apply_due(tx, line)
    await tx.flush()
    # Read again under the lock: it may have begun, or be gone.
    row = await repository.get(tx, event_id)
    if row.ended_at is not None:
        raise ScheduledEventOver(row.name, row.ended_at)
    return line, row


def _hours(queue: Queue) -> Hours | None:
    return hours_of(queue.weekly_hours, queue.hours_exceptions, queue.time_zone)


def _difference(before: Hours | None, after: Hours | None, now: datetime) -> BoundaryKind | None:
    if after is None:
        return None
    is_open = after.is_open(now)
    if before is None:
        # Nothing was said before: somebody has closed it who knows why.
        return None if is_open else BoundaryKind.CLOSES
    if before.is_open(now) is is_open:
        return None
    return BoundaryKind.OPENS if is_open else BoundaryKind.CLOSES


def _ensure_not_begun(row: ScheduledEvent, changed: Mapping[str, Any]) -> None:
    fixed: Sequence[str] = ()
    if row.began_at is not None:
        fixed = ("starts_at", "prequeue_starts_at", "draws_lots", "queue_status")
    elif row.prequeue_began_at is not None:
        fixed = ("prequeue_starts_at", "draws_lots", "queue_status")
    for name in fixed:
        if name in changed:
            raise InvalidInput(_camel(name), f"The event has begun: `{_camel(name)}` stays as it is.")


async def _ensure_possible(tx: WriteTx, line: LockedLine, row: ScheduledEvent) -> None:
    ensure_text("name", row.name, 1, 120)
    now = line.now
    if row.ends_at <= now:
        raise InvalidInput("endsAt", "An event ends in the future.")
    if row.began_at is None:
        row.starts_at = max(row.starts_at, now)
    if row.prequeue_starts_at is not None and row.prequeue_began_at is None:
        row.prequeue_starts_at = max(row.prequeue_starts_at, now)
    if not row.starts_at < row.ends_at <= row.starts_at + LONGEST_EVENT:
        raise InvalidInput("endsAt", f"An event ends after it starts, and lasts at most {LONGEST_EVENT.days} days.")
    if row.prequeue_starts_at is not None and not (
        row.starts_at - LONGEST_EVENT <= row.prequeue_starts_at < row.starts_at
    ):
        raise InvalidInput(
            "prequeueStartsAt", f"A pre-queue begins at most {LONGEST_EVENT.days} days before the start."
        )
    if row.draws_lots and row.prequeue_starts_at is None:
        raise InvalidInput("drawsLots", "Lots are drawn among those who came to a pre-queue: give `prequeueStartsAt`.")
    if row.queue_status is not None and row.queue_status not in STATUSES:
        raise InvalidInput("queueStatus", "An event makes a queue `ACTIVE`, `PAUSED`, `CLOSED` or `MAINTENANCE`.")
    _ensure_overrides(line.queue, row.overrides)
    others = [planned(other) for other in await repository.within(tx, line.queue.id, _begins_at(row), row.ends_at)]
    if (other := overlapping(others, planned(row))) is not None:
        found = await repository.get(tx, other.id)
        raise ScheduledEventOverlaps(tx.tenant, found.id, found.name, other.begins_at, other.ends_at)


def _ensure_overrides(queue: Queue, overrides: Mapping[str, Any]) -> None:
    assert set(overrides) <= set(NAMES)  # no input can name others
    current = {item.name: getattr(queue, item.name) for item in fields(QueueConfig)}
    ensure_valid(QueueConfig(**(current | dict(overrides))))


def _begins_at(row: ScheduledEvent) -> datetime:
    return row.prequeue_starts_at or row.starts_at


async def _reschedule(tx: WriteTx, line: LockedLine, row: ScheduledEvent) -> None:
    """After an event has changed: what begins now begins, and the next boundary is the right one."""
    await note_due(tx, line)
    begins = None
    if row.began_at is None and row.starts_at <= line.now:
        begins = row.starts_at
    elif row.prequeue_began_at is None and row.prequeue_starts_at is not None and row.prequeue_starts_at <= line.now:
        begins = row.prequeue_starts_at
    if begins is not None:
        line.row.schedule_due_at = begins
        line = await apply_due(tx, line)


def _note(tx: WriteTx, line: LockedLine, row: ScheduledEvent) -> None:
    now = {
        "id": str(row.id),
        "name": row.name,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
        "prequeue_starts_at": row.prequeue_starts_at,
        "draws_lots": row.draws_lots,
        "queue_status": row.queue_status,
        "overrides": dict(row.overrides),
    }
    write_down(tx, line, lambda state: QueueUpdated(state, {"scheduled_event": now}))


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
