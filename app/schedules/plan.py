"""What a schedule does to a queue, and when: business hours and scheduled events as boundaries, and a step at each.

Pure. Applying what is due and previewing what will be are the same steps (`steps`), so that they cannot disagree.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

from app.queues.models import QueueStatus
from app.queues.rules import JOINABLE
from app.schedules.hours import HORIZON, Hours

# A schedule is looked at anew at least so often: what is behind the horizon comes nearer, and governments move clocks.
LOOK_AGAIN = timedelta(days=1)


class BoundaryKind(IntEnum):
    """What a boundary does. At one instant they come in this order: what ends makes room for what begins."""

    CLOSES = 1
    OPENS = 2
    EVENT_ENDS = 3
    PREQUEUE_STARTS = 4
    EVENT_STARTS = 5


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """A scheduled event, as far as it decides anything. `status`: what the queue is while it runs; None: as it is."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    prequeue_starts_at: datetime | None = None
    draws_lots: bool | None = None
    status: QueueStatus | None = None
    # By column of `queues`.
    overrides: tuple[tuple[str, Any], ...] = ()

    @property
    def begins_at(self) -> datetime:
        """When it first matters: its pre-queue, or its start."""
        return self.prequeue_starts_at or self.starts_at

    @property
    def decides_status(self) -> bool:
        """Whether the queue's status is its business: it names one, or it opens a pre-queue."""
        return self.status is not None or self.prequeue_starts_at is not None

    def boundaries(self) -> "Iterator[Boundary]":
        """Its boundaries, in order."""
        if self.prequeue_starts_at is not None:
            yield Boundary(self.prequeue_starts_at, BoundaryKind.PREQUEUE_STARTS, self)
        yield Boundary(self.starts_at, BoundaryKind.EVENT_STARTS, self)
        yield Boundary(self.ends_at, BoundaryKind.EVENT_ENDS, self)


class Boundary(NamedTuple):
    """An instant at which the schedule does something."""

    at: datetime
    kind: BoundaryKind
    event: PlannedEvent | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a queue stands to its schedule: its status, and the event whose overrides are in force.

    `status_before` is what the event has taken the queue over from: what it is again afterwards. Business hours go on
    changing it meanwhile.
    """

    status: QueueStatus
    event: PlannedEvent | None = None
    has_started: bool = False
    status_before: QueueStatus | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything scheduled for one queue."""

    hours: Hours | None
    events: tuple[PlannedEvent, ...] = ()

    def __bool__(self) -> bool:
        return self.hours is not None or bool(self.events)

    def boundaries(self, start: datetime, until: datetime) -> Iterator[Boundary]:
        """All boundaries from `start` on, that instant included, until before `until`, in order."""
        of_events = sorted(
            (boundary for event in self.events for boundary in event.boundaries() if start <= boundary.at < until),
            key=_order,
        )
        of_hours = self._of_hours(start, until) if self.hours is not None else iter(())
        return heapq.merge(of_events, of_hours, key=_order)

    def _of_hours(self, start: datetime, until: datetime) -> Iterator[Boundary]:
        assert self.hours is not None
        for at, opens in self.hours.boundaries(start, until):
            yield Boundary(at, BoundaryKind.OPENS if opens else BoundaryKind.CLOSES)

    def due_after(self, now: datetime) -> datetime | None:
        """When there is something to do next; None if nothing is planned. Never later than it is looked at anew."""
        if not self:
            return None
        first = next(self.boundaries(_just_after(now), now + LOOK_AGAIN), None)
        return now + LOOK_AGAIN if first is None else first.at


def steps(plan: Plan, standing: Standing, start: datetime, until: datetime) -> Iterator[tuple[Boundary, Standing]]:
    """The boundaries from `start` to `until`, both included, that change anything, and how the queue stands after."""
    for boundary in plan.boundaries(start, _just_after(until)):
        after = step(standing, boundary)
        if after != standing:
            yield boundary, after
        standing = after


def step(standing: Standing, boundary: Boundary) -> Standing:
    """How a queue stands after a boundary. What has been done already is not done again."""
    event = boundary.event
    match boundary.kind:
        case BoundaryKind.OPENS:
            return _by_hours(standing, {QueueStatus.CLOSED: QueueStatus.ACTIVE})
        case BoundaryKind.CLOSES:
            return _by_hours(standing, {QueueStatus.ACTIVE: QueueStatus.CLOSED, QueueStatus.PAUSED: QueueStatus.CLOSED})
        case BoundaryKind.PREQUEUE_STARTS:
            assert event is not None
            return standing if _same(standing.event, event) else _take_over(standing, event, QueueStatus.PREQUEUE)
        case BoundaryKind.EVENT_STARTS:
            assert event is not None
            return _start(standing, event)
        case BoundaryKind.EVENT_ENDS:
            assert event is not None
            return _end(standing) if _same(standing.event, event) else standing


def end_now(standing: Standing) -> Standing:
    """How a queue stands when the event that is in force is taken away."""
    return _end(standing) if standing.event is not None else standing


def next_opening(plan: Plan, standing: Standing, now: datetime) -> datetime | None:
    """When people can join next, or in a pre-queue when it opens, by the schedule alone.

    None while it is open, and if not within the horizon.
    """
    wanted = JOINABLE - {standing.status}
    if standing.status in JOINABLE and standing.status is not QueueStatus.PREQUEUE:
        return None
    for boundary, after in steps(plan, standing, _just_after(now), now + HORIZON):
        if after.status in wanted:
            return boundary.at
    return None


def overlapping(events: Iterable[PlannedEvent], wanted: PlannedEvent) -> PlannedEvent | None:
    """Another event that takes some of the same time, pre-queues included. One may begin when another ends."""
    found = (
        event
        for event in events
        if event.id != wanted.id and event.begins_at < wanted.ends_at and wanted.begins_at < event.ends_at
    )
    return min(found, key=lambda event: event.begins_at, default=None)


def _order(boundary: Boundary) -> tuple[datetime, BoundaryKind]:
    return boundary.at, boundary.kind


def _just_after(at: datetime) -> datetime:
    return at + timedelta(microseconds=1)


def _same(one: PlannedEvent | None, other: PlannedEvent) -> bool:
    return one is not None and one.id == other.id


def _by_hours(standing: Standing, change: Mapping[QueueStatus, QueueStatus]) -> Standing:
    """What the hours say counts at once, or, while an event decides, for afterwards. Maintenance is staff's to end."""
    if standing.event is not None and standing.event.decides_status:
        before = standing.status_before
        return standing if before is None else replace(standing, status_before=change.get(before, before))
    return replace(standing, status=change.get(standing.status, standing.status))


def _take_over(standing: Standing, event: PlannedEvent, status: QueueStatus | None) -> Standing:
    taken = Standing(standing.status, event, has_started=False, status_before=standing.status)
    return taken if status is None or not _yields(standing.status, status) else replace(taken, status=status)


def _start(standing: Standing, event: PlannedEvent) -> Standing:
    if not _same(standing.event, event):
        return replace(_take_over(standing, event, event.status), has_started=True)
    if standing.has_started:
        return standing
    # Its pre-queue ends in opening, unless it says otherwise.
    wanted = event.status or QueueStatus.ACTIVE
    status = wanted if _yields(standing.status, wanted) else standing.status
    return replace(standing, status=status, has_started=True)


def _end(standing: Standing) -> Standing:
    event, before = standing.event, standing.status_before
    assert event is not None
    is_free = not event.decides_status or before is None
    if is_free or (standing.status is QueueStatus.MAINTENANCE and event.status is not QueueStatus.MAINTENANCE):
        return Standing(standing.status)
    assert before is not None
    return Standing(before)


def _yields(status: QueueStatus, wanted: QueueStatus) -> bool:
    """Whether an event may put its status in place of this one: not where staff has put the queue into maintenance."""
    return status not in (QueueStatus.MAINTENANCE, QueueStatus.ARCHIVED) or wanted is status
