"""What analytics answers with: plain frozen values, and the formula of each figure where it is made.

They know neither tables nor GraphQL; what they are made of is counted elsewhere (`contribution.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Granularity(StrEnum):
    """How long the spans of a series are, on the local clock."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Breakdown(StrEnum):
    """By what visits are told apart."""

    CATEGORY = "CATEGORY"
    PRIORITY = "PRIORITY"
    COUNTER = "COUNTER"
    STAFF = "STAFF"


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant up to and without another."""

    starts: datetime
    ends: datetime

    @property
    def hours(self) -> float:
        """How long it is."""
        return (self.ends - self.starts).total_seconds() / 3600

    def before(self) -> "Period":
        """The one of the same length that ends where this begins."""
        return Period(self.starts - (self.ends - self.starts), self.starts)


@dataclass(frozen=True, slots=True)
class Filters:
    """Only visits of one kind; at most one is given. None of them: all visits."""

    category_id: UUID | None = None
    priority: int | None = None
    counter_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Durations:
    """How long something took: exact but for the percentiles, which are right to 1 %. Null where there is none."""

    count: int
    total_seconds: float
    mean_seconds: float | None
    p50_seconds: float | None
    p90_seconds: float | None
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """What people said: ratings from 1 to 5, and how likely they are to recommend, 0 to 10."""

    rating_count: int
    mean_rating: float | None
    csat: float | None
    nps_count: int
    nps: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a span. Each count belongs to the span in which what it counts happened.

    Shares are null where nothing could be counted.
    """

    joined_count: int
    transferred_in_count: int
    called_count: int
    served_count: int
    abandoned_count: int
    cancelled_after_call_count: int
    cancelled_by_staff_count: int
    no_show_count: int
    expired_count: int
    revoked_count: int
    transferred_out_count: int
    wait: Durations
    service: Durations
    abandoned_wait: Durations
    abandonment_rate: float | None
    no_show_rate: float | None
    service_level: float | None
    throughput_per_hour: float
    occupancy: float | None
    mean_waiting_count: float | None
    most_waiting_count: int | None
    satisfaction: Satisfaction

    @property
    def arrived_count(self) -> int:
        """Visits that began."""
        return self.joined_count + self.transferred_in_count


@dataclass(frozen=True, slots=True)
class Point:
    """The figures of one span of a series."""

    period: Period
    figures: Figures


@dataclass(frozen=True, slots=True)
class Series:
    """The figures of a period, whole and span by span."""

    period: Period
    time_zone: str
    granularity: Granularity
    service_level_seconds: int
    total: Figures
    points: tuple[Point, ...]
    # Of one queue: up to where everything is counted. Of several: summed.
    revision: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of one kind of visits; which, says one of the four. All null: visits without a category."""

    category_id: UUID | None
    priority: int | None
    counter_id: UUID | None
    user_id: UUID | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class HeatCell:
    """An hour of the day on a day of the week, over all weeks of a period. Monday is 0."""

    weekday: int
    hour: int
    arrived_count: int
    called_count: int
    mean_wait_seconds: float | None
    # How often the period has this hour: what a mean per week is made with.
    times: int


@dataclass(frozen=True, slots=True)
class PeakHour:
    """An hour of the day."""

    hour: int
    arrived_count: int
    mean_wait_seconds: float | None


@dataclass(frozen=True, slots=True)
class PositionShare:
    """Who came to the line at these places, and how many of them went away before a call. No last one: and beyond."""

    first_position: int
    last_position: int | None
    arrived_count: int
    abandoned_count: int
    abandonment_rate: float | None


@dataclass(frozen=True, slots=True)
class StaffFigures:
    """What one member of staff did in a period. On duty: time of shifts, without breaks."""

    user_id: UUID
    figures: Figures
    on_duty_seconds: float
    occupancy: float | None
    served_per_hour: float | None


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue at present, and its figures of a period."""

    queue_id: UUID
    waiting_count: int
    inside_count: int
    open_counter_count: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """A business at present, and the figures of all its queues together."""

    period: Period
    time_zone: str
    service_level_seconds: int
    active_queue_count: int
    waiting_count: int
    held_count: int
    inside_count: int
    open_counter_count: int
    total: Figures
    before: Period
    previous: Figures
    busiest: tuple[QueueNow, ...]
    revision: int
