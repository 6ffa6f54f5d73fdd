"""Parts of what analytics answers: heat maps, peaks, comparisons, slices. The answers themselves are `answers.py`'s."""

from datetime import datetime
from uuid import UUID

import strawberry

from app.analytics import figures as counted
from app.analytics.figures import Breakdown
from app.analytics.graphql.figures import AnalyticsFigures
from app.analytics.sums import change
from app.context import Info
from app.core.graphql.enums import explained_enum
from app.counters.graphql.loaders import counters_by_id
from app.counters.graphql.types import Counter
from app.identity.graphql.loaders import users_by_id
from app.identity.graphql.types import User
from app.queues.graphql.loaders import categories_by_id
from app.queues.graphql.parts import QueueCategory
from app.schedules.graphql.types import Weekday
from app.schedules.hours import Weekday as Day

AnalyticsBreakdown = explained_enum(
    Breakdown,
    "By what visits are told apart.",
    called="AnalyticsBreakdown",
    CATEGORY="Their category.",
    PRIORITY="Their priority.",
    COUNTER="The counter of the last call.",
    STAFF="Who called them last.",
)


@strawberry.type(description="An hour of the day on a day of the week, over all weeks of the period.")
class AnalyticsHeatMapCell:
    weekday: Weekday = strawberry.field(description="The day, on the local clock.")  # type: ignore[valid-type]
    hour: int = strawberry.field(description="The hour it begins with, 0 to 23, on the local clock.")
    arrived_count: int = strawberry.field(description="Visits that began in it.")
    called_count: int = strawberry.field(description="Visits that were called in it.")
    mean_arrived_count: float = strawberry.field(
        description="arrived ÷ how often the period has this hour: visits that begin in it in a week."
    )
    mean_wait_seconds: float | None = strawberry.field(
        description="Mean wait of those called in it, in seconds; null if nobody was."
    )

    @classmethod
    def of(cls, cell: counted.HeatCell) -> "AnalyticsHeatMapCell":
        """From what was counted."""
        return cls(
            weekday=list(Day)[cell.weekday],
            hour=cell.hour,
            arrived_count=cell.arrived_count,
            called_count=cell.called_count,
            mean_arrived_count=cell.arrived_count / cell.times if cell.times else 0.0,
            mean_wait_seconds=cell.mean_wait_seconds,
        )


@strawberry.type(description="An hour of the day, over all days of the period.")
class AnalyticsPeakHour:
    hour: int = strawberry.field(description="The hour it begins with, 0 to 23, on the local clock.")
    arrived_count: int = strawberry.field(description="Visits that began in it.")
    mean_wait_seconds: float | None = strawberry.field(
        description="Mean wait of those called in it, in seconds; null if nobody was."
    )

    @classmethod
    def of(cls, peak: counted.PeakHour) -> "AnalyticsPeakHour":
        """From what was counted."""
        return cls(hour=peak.hour, arrived_count=peak.arrived_count, mean_wait_seconds=peak.mean_wait_seconds)


@strawberry.type(description="Who came to the line at one of these places, and how many of them left before a call.")
class PositionAbandonment:
    first_position: int = strawberry.field(description="The first place, from 1: nobody ahead.")
    last_position: int | None = strawberry.field(description="The last place; null: and all behind.")
    arrived_count: int = strawberry.field(description="Visits that began in the period, at such a place.")
    abandoned_count: int = strawberry.field(description="Those of them that were abandoned, up to now.")
    abandonment_rate: float | None = strawberry.field(description="abandoned ÷ arrived; null if nobody came there.")

    @classmethod
    def of(cls, share: counted.PositionShare) -> "PositionAbandonment":
        """From what was counted."""
        return cls(
            first_position=share.first_position,
            last_position=share.last_position,
            arrived_count=share.arrived_count,
            abandoned_count=share.abandoned_count,
            abandonment_rate=share.abandonment_rate,
        )


@strawberry.type(
    description=(
        "How a figure has changed: now ÷ before − 1, so that 0.1 is 10 % more. Null where one of them is null or "
        "before was 0."
    )
)
class AnalyticsChange:
    arrived: float | None = strawberry.field(description="Of `arrivedCount`.")
    served: float | None = strawberry.field(description="Of `servedCount`.")
    mean_wait: float | None = strawberry.field(description="Of `wait.meanSeconds`.")
    wait_p90: float | None = strawberry.field(name="waitP90", description="Of `wait.p90Seconds`.")
    mean_service: float | None = strawberry.field(description="Of `service.meanSeconds`.")
    abandonment_rate: float | None = strawberry.field(description="Of `abandonmentRate`.")
    no_show_rate: float | None = strawberry.field(description="Of `noShowRate`.")
    service_level: float | None = strawberry.field(description="Of `serviceLevel`.")

    @classmethod
    def between(cls, before: counted.Figures, now: counted.Figures) -> "AnalyticsChange":
        """From one period to another."""
        return cls(
            arrived=change(before.arrived_count, now.arrived_count),
            served=change(before.served_count, now.served_count),
            mean_wait=change(before.wait.mean_seconds, now.wait.mean_seconds),
            wait_p90=change(before.wait.p90_seconds, now.wait.p90_seconds),
            mean_service=change(before.service.mean_seconds, now.service.mean_seconds),
            abandonment_rate=change(before.abandonment_rate, now.abandonment_rate),
            no_show_rate=change(before.no_show_rate, now.no_show_rate),
            service_level=change(before.service_level, now.service_level),
        )


@strawberry.type(
    description=(
        "The period before, for comparison: of as many local days if the period is of whole ones, else as long to the "
        "hour; it ends where the period begins. Of a dashboard of today: the same hours of yesterday."
    )
)
class AnalyticsComparison:
    starts_at: datetime = strawberry.field(description="Its first instant.")
    ends_at: datetime = strawberry.field(description="The first instant after it.")
    figures: AnalyticsFigures = strawberry.field(description="What happened in it.")
    change: AnalyticsChange = strawberry.field(description="What has become of it.")

    @classmethod
    def of(cls, period: counted.Period, before: counted.Figures, now: counted.Figures) -> "AnalyticsComparison":
        """From the figures of both."""
        return cls(
            starts_at=period.starts,
            ends_at=period.ends,
            figures=AnalyticsFigures.of(before),
            change=AnalyticsChange.between(before, now),
        )


@strawberry.type(description="The figures of one kind of visits.")
class AnalyticsSlice:
    tenant_key: strawberry.Private[UUID]
    category_key: strawberry.Private[UUID | None] = None
    counter_key: strawberry.Private[UUID | None] = None
    user_key: strawberry.Private[UUID | None] = None
    priority: int | None = strawberry.field(default=None, description="The priority; null unless told apart by it.")
    figures: AnalyticsFigures = strawberry.field(description="What happened to them.")

    @strawberry.field(description="The category; null for visits without one, and unless told apart by it.")
    async def category(self, info: Info) -> QueueCategory | None:
        """Loaded for all slices at once."""
        if self.category_key is None:
            return None
        row = await info.context.loader(categories_by_id, self.tenant_key).load(self.category_key)
        return None if row is None else QueueCategory.of(row)

    @strawberry.field(description="The counter; null unless told apart by it.")
    async def counter(self, info: Info) -> Counter | None:
        """Loaded for all slices at once."""
        if self.counter_key is None:
            return None
        return await info.context.loader(counters_by_id, self.tenant_key).load(self.counter_key)

    @strawberry.field(description="The member of staff; null unless told apart by them, and once deleted.")
    async def user(self, info: Info) -> User | None:
        """Loaded for all slices at once."""
        if self.user_key is None:
            return None
        return await info.context.loader(users_by_id, self.tenant_key).load(self.user_key)

    @classmethod
    def of(cls, tenant_id: UUID, part: counted.Slice) -> "AnalyticsSlice":
        """From what was counted."""
        return cls(
            tenant_key=tenant_id,
            category_key=part.category_id,
            counter_key=part.counter_id,
            user_key=part.user_id,
            priority=part.priority,
            figures=AnalyticsFigures.of(part.figures),
        )
