"""What one visit adds to which roll-ups: the one place where it is decided what counts where. Pure.

To correct a visit is to take out what it added and to add what it adds now, so that whatever comes late comes right.
"""

from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from app.analytics.facts import Fact
from app.analytics.hours import Hours, Span
from app.analytics.models import Dimension, Outcome
from app.analytics.sketch import bucket_of

_MILLISECOND: Final = timedelta(milliseconds=1)
NOBODY: Final = UUID(int=0)
"""The member of dimension ALL; of CATEGORY, visits without one."""
_POSITIONS: Final = (*range(1, 11), 15, 20, 30, 50, 100, 200, 500, 1_000)
"""Positions that end a bucket; the last bucket is everything beyond."""
POSITION_BUCKETS: Final = tuple(zip((1, *(last + 1 for last in _POSITIONS)), (*_POSITIONS, None), strict=True))
"""First and last position of each bucket; the last has no last."""
COLUMN_OF_OUTCOME: Final = {
    Outcome.SERVED: "served",
    Outcome.ABANDONED_WAITING: "abandoned",
    Outcome.CANCELLED_AFTER_CALL: "cancelled_after_call",
    Outcome.CANCELLED_BY_STAFF: "cancelled_by_staff",
    Outcome.NO_SHOW: "no_show",
    Outcome.STAY_OVER: "stay_over",
    Outcome.REVOKED: "revoked",
    Outcome.TRANSFERRED: "transferred_out",
}


class Member(NamedTuple):
    """Whose visits a roll-up counts."""

    dimension: Dimension
    member: UUID


Cell = tuple[Span, str, int | None]
"""An hour, a column, and of a histogram the bucket."""

EVERYBODY: Final = Member(Dimension.ALL, NOBODY)


def position_bucket(position: int) -> int:
    """The bucket of a position on entering: one each up to 10, wider beyond (`POSITION_BUCKETS`)."""
    return next((bucket for bucket, last in enumerate(_POSITIONS) if position <= last), len(_POSITIONS))


def member_of_priority(priority: int) -> UUID:
    """A priority as a roll-up's member."""
    return UUID(int=priority)


def members(fact: Fact) -> tuple[Member, ...]:
    """Whose roll-ups a visit counts in. A counter's and a member of staff's are the visits that were called to them."""
    found = [EVERYBODY, Member(Dimension.CATEGORY, fact.category_id or NOBODY), _priority(fact.priority)]
    if fact.counter_id is not None:
        found.append(Member(Dimension.COUNTER, fact.counter_id))
    if fact.served_by is not None:
        found.append(Member(Dimension.STAFF, fact.served_by))
    return tuple(found)


def contribution(fact: Fact, hours: Hours) -> dict[Cell, int]:
    """What a visit adds to the hours of each of its members."""
    hour = hours.of(fact.entered_at)
    cells: dict[Cell, int] = {(hour, "entered", None): 1, (hour, "people", None): fact.party_size}
    if fact.is_transfer:
        cells[hour, "transferred_in", None] = 1
    if fact.position is not None:
        bucket = position_bucket(fact.position)
        cells[hour, "position_buckets", bucket] = 1
        if fact.outcome is Outcome.ABANDONED_WAITING:
            cells[hour, "position_abandoned_buckets", bucket] = 1
    if fact.called_at is not None and fact.wait_ms is not None:
        hour = hours.of(fact.called_at)
        cells[hour, "called", None] = 1
        cells[hour, "wait_ms", None] = fact.wait_ms
        cells[hour, "wait_buckets", bucket_of(fact.wait_ms)] = 1
    if fact.ended_at is not None and fact.outcome is not None:
        hour = hours.of(fact.ended_at)
        cells[hour, COLUMN_OF_OUTCOME[fact.outcome], None] = 1
        if fact.outcome is Outcome.ABANDONED_WAITING:
            waited_ms = (fact.ended_at - fact.entered_at) // _MILLISECOND
            cells[hour, "abandoned_ms", None] = waited_ms
            cells[hour, "abandoned_buckets", bucket_of(waited_ms)] = 1
        if fact.service_ms is not None:
            cells[hour, "service_count", None] = 1
            cells[hour, "service_ms", None] = fact.service_ms
            cells[hour, "service_buckets", bucket_of(fact.service_ms)] = 1
        if fact.rating is not None:
            cells[hour, "rating_buckets", fact.rating] = 1
        if fact.nps is not None:
            cells[hour, "nps_buckets", fact.nps] = 1
    return cells


_PRIORITIES = [Member(Dimension.PRIORITY, member_of_priority(number)) for number in range(10)]


def _priority(priority: int) -> Member:
    return _PRIORITIES[priority]
