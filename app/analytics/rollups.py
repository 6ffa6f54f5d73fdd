"""Increments of roll-up rows: from cells of hours to rows of hours, days and months, of queues and of the tenant. Pure.

Rows are added to in whole numbers, so the order of doing so does not matter and what was taken out leaves nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from app.analytics.contribution import Cell, Member
from app.analytics.hours import Hours, Span
from app.analytics.models import Dimension, Grain

COUNTS: Final = (
    "entered",
    "people",
    "transferred_in",
    "called",
    "wait_ms",
    "served",
    "abandoned",
    "cancelled_after_call",
    "cancelled_by_staff",
    "no_show",
    "stay_over",
    "revoked",
    "transferred_out",
    "abandoned_ms",
    "service_count",
    "service_ms",
    "waiting_ms",
    "called_ms",
    "serving_ms",
    "counter_ms",
)
HISTOGRAMS: Final = (
    "wait_buckets",
    "abandoned_buckets",
    "service_buckets",
    "position_buckets",
    "position_abandoned_buckets",
    "rating_buckets",
    "nps_buckets",
)
OF_TENANT: Final = frozenset({Dimension.ALL, Dimension.STAFF})
"""What the tenant's rows tell apart: categories and counters are a queue's, priorities mean something in one only."""


class RowKey(NamedTuple):
    """Which row."""

    scope_id: UUID
    grain: str
    dimension: str
    begins_at: datetime
    member: UUID


@dataclass(slots=True)
class Increment:
    """What is added to a row, or taken out; of histograms by bucket."""

    local_at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, dict[int, int]] = field(default_factory=dict)
    waiting_max: int = 0

    def add(self, column: str, bucket: int | None, amount: int) -> None:
        """Count one cell in."""
        if bucket is None:
            self.counts[column] = self.counts.get(column, 0) + amount
        else:
            histogram = self.histograms.setdefault(column, {})
            histogram[bucket] = histogram.get(bucket, 0) + amount

    def merge(self, other: "Increment", sign: int = 1) -> None:
        """Count another one in, or take it out. The longest line is of queues, and is no sum."""
        for column, amount in other.counts.items():
            self.counts[column] = self.counts.get(column, 0) + sign * amount
        for column, theirs in other.histograms.items():
            histogram = self.histograms.setdefault(column, {})
            for bucket, amount in theirs.items():
                histogram[bucket] = histogram.get(bucket, 0) + sign * amount


Increments = dict[RowKey, Increment]


def rows_of(
    scope_id: UUID, hours: Hours, cells: Mapping[Member, Mapping[Cell, int]], maxima: Mapping[Span, int]
) -> Increments:
    """Cells of one queue as increments of its rows of every grain."""
    found: Increments = {}
    for member, amounts in cells.items():
        by_hour: dict[Span, list[tuple[str, int | None, int]]] = defaultdict(list)
        for (hour, column, bucket), amount in amounts.items():
            if amount:
                by_hour[hour].append((column, bucket, amount))
        for hour, parts in by_hour.items():
            for grain in Grain:
                increment = _row(found, scope_id, grain, member, hours.longer(grain, hour))
                for column, bucket, amount in parts:
                    increment.add(column, bucket, amount)
        if member.dimension is Dimension.ALL:
            for hour, most in maxima.items():
                for grain in Grain:
                    increment = _row(found, scope_id, grain, member, hours.longer(grain, hour))
                    increment.waiting_max = max(increment.waiting_max, most)
    return found


def _row(found: Increments, scope_id: UUID, grain: Grain, member: Member, span: Span) -> Increment:
    key = RowKey(scope_id, grain.value, member.dimension.value, span.begins_at, member.member)
    increment = found.get(key)
    if increment is None:
        increment = found[key] = Increment(span.local_at)
    return increment


def of_tenant(tenant_id: UUID, increments: Iterable[tuple[RowKey, Increment]], sign: int = 1) -> Increments:
    """What rows of queues are, or were, of the tenant's: by what the clocks show, since queues may be in several zones.

    The same instant is another hour on each wall, and one row could not say which.
    """
    found: Increments = {}
    for key, increment in increments:
        if key.dimension in OF_TENANT:
            at = increment.local_at
            own = found.setdefault(key._replace(scope_id=tenant_id, begins_at=at), Increment(at))
            own.merge(increment, sign)
    return found


def negative(increment: Increment) -> Increment:
    """What takes a row out again."""
    taken = Increment(increment.local_at)
    taken.merge(increment, -1)
    return taken


def is_any(increment: Increment) -> bool:
    """Whether it adds or takes out anything; the longest line apart."""
    return any(increment.counts.values()) or any(any(each.values()) for each in increment.histograms.values())


def flat(histogram: Mapping[int, int]) -> list[int] | None:
    """As it is stored: bucket, count, bucket, count …; null if it is empty."""
    return [
        number for bucket in sorted(histogram) if histogram[bucket] for number in (bucket, histogram[bucket])
    ] or None


def unflat(stored: list[int] | None) -> dict[int, int]:
    """A stored histogram by bucket."""
    return dict(zip(stored[::2], stored[1::2], strict=True)) if stored else {}
