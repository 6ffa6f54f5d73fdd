"""What the three questions of analytics are answered with. What is dear is counted when it is asked for only."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.analytics import figures as counted
from app.analytics import rules, service
from app.analytics.graphql.figures import AnalyticsFigures, AnalyticsGranularity, AnalyticsPoint
from app.analytics.graphql.types import (
    AnalyticsBreakdown,
    AnalyticsComparison,
    AnalyticsHeatMapCell,
    AnalyticsPeakHour,
    AnalyticsSlice,
    PositionAbandonment,
)
from app.context import Info
from app.core.graphql.pages import PageInfo
from app.core.ids import Ref
from app.identity.graphql.loaders import users_by_id
from app.identity.graphql.types import User
from app.queues.graphql.loaders import load_queue, queues_by_id
from app.queues.graphql.types import Queue


@strawberry.type(description="What happened in a queue in a period: of everything up to `revision`.")
class QueueAnalytics:
    ref: strawberry.Private[Ref]
    asked: strawberry.Private[service.Asked]
    series: strawberry.Private[counted.Series]
    starts_at: datetime = strawberry.field(description="The first instant: `from`, put back to a whole local hour.")
    ends_at: datetime = strawberry.field(description="The first instant after it: `to`, put on to a whole local hour.")
    time_zone: str = strawberry.field(description="The queue's; hours and days are those of its clock.")
    granularity: AnalyticsGranularity = strawberry.field(description="How long the spans are.")  # type: ignore[valid-type]
    service_level_seconds: int = strawberry.field(description="The threshold of `serviceLevel`, in seconds.")
    revision: int = strawberry.field(
        description="The queue's revision up to which everything is counted; a moment behind the queue's own."
    )

    @classmethod
    def of(cls, ref: Ref, asked: service.Asked, series: counted.Series) -> "QueueAnalytics":
        """From what was counted."""
        return cls(
            ref=ref,
            asked=asked,
            series=series,
            starts_at=series.period.starts,
            ends_at=series.period.ends,
            time_zone=series.time_zone,
            granularity=series.granularity,
            service_level_seconds=series.service_level_seconds,
            revision=series.revision,
        )

    @strawberry.field(description="The queue, as it is now.")
    async def queue(self, info: Info) -> Queue:
        """Loaded for all of the answer at once."""
        return await load_queue(info.context, self.ref)

    @strawberry.field(description="The whole period.")
    def total(self) -> AnalyticsFigures:
        """Counted already."""
        return AnalyticsFigures.of(self.series.total)

    @strawberry.field(
        description="Span by span, in order, without gaps; at most 745. The period may cut the first and the last."
    )
    def points(self) -> list[AnalyticsPoint]:
        """Counted already."""
        return [AnalyticsPoint.of(point) for point in self.series.points]

    @strawberry.field(description="The period before it, for comparison.")
    async def previous(self, info: Info) -> AnalyticsComparison:
        """Counted when it is asked for."""
        async with info.context.read_figures(self.ref.tenant_id) as tx:
            period, found = await service.previous_figures(tx, self.asked)
        return AnalyticsComparison.of(period, found, self.series.total)

    @strawberry.field(description="Visits by day of the week and hour: 168 cells, Monday 0:00 first.")
    async def heat_map(self, info: Info) -> list[AnalyticsHeatMapCell]:
        """Counted when it is asked for."""
        return [AnalyticsHeatMapCell.of(cell) for cell in await self._cells(info)]

    @strawberry.field(description="The hours of the day in which most visits begin, busiest first; at most 3.")
    async def peak_hours(self, info: Info) -> list[AnalyticsPeakHour]:
        """Counted when it is asked for."""
        return [AnalyticsPeakHour.of(peak) for peak in rules.peak_hours(await self._cells(info))]

    @strawberry.field(
        description=(
            "Where people give up: visits by the place they had on coming; each place up to 10, then in wider classes "
            "up to 1,000, and all behind. Who was on hold then, or in a pre-queue, had no place and is not counted."
        )
    )
    async def abandonment_by_position(self, info: Info) -> list[PositionAbandonment]:
        """Counted when it is asked for."""
        async with info.context.read_figures(self.ref.tenant_id) as tx:
            shares = await service.abandonment_by_position(tx, self.asked)
        return [PositionAbandonment.of(share) for share in shares]

    @strawberry.field(
        description=(
            "The figures told apart, most visits first; at most 100. Of each only what can be told of it. Not together "
            "with a filter."
        )
    )
    async def slices(
        self,
        info: Info,
        by: Annotated[AnalyticsBreakdown, strawberry.argument(description="By what.")],  # type: ignore[valid-type]
    ) -> list[AnalyticsSlice]:
        """Counted when it is asked for."""
        async with info.context.read_figures(self.ref.tenant_id) as tx:
            found = await service.slices(tx, self.asked, by)
        return [AnalyticsSlice.of(self.ref.tenant_id, part) for part in found]

    async def _cells(self, info: Info) -> list[counted.HeatCell]:
        async with info.context.read_figures(self.ref.tenant_id) as tx:
            return await service.heat_map(tx, self.asked)


@strawberry.type(description="A queue on the dashboard.")
class DashboardQueue:
    ref: strawberry.Private[Ref]
    waiting_count: int = strawberry.field(description="People in line now; those on hold are not counted.")
    inside_count: int = strawberry.field(description="People called and being served now.")
    open_counter_count: int = strawberry.field(description="Counters that call people now.")
    figures: AnalyticsFigures = strawberry.field(description="What has happened in the period.")

    @strawberry.field(description="The queue; null once it is deleted.")
    async def queue(self, info: Info) -> Queue | None:
        """Loaded for all of the answer at once."""
        return await info.context.loader(queues_by_id, self.ref.tenant_id).load(self.ref.id)


@strawberry.type(
    description=(
        "The whole business: how it is now, and what has happened in a period in all its queues together. Queues in "
        "other time zones count with their own local hours."
    )
)
class TenantDashboard:
    starts_at: datetime = strawberry.field(description="The first instant of the period, on a whole local hour.")
    ends_at: datetime = strawberry.field(description="The first instant after it, on a whole local hour.")
    time_zone: str = strawberry.field(description="The business's.")
    service_level_seconds: int = strawberry.field(description="The threshold of `serviceLevel`, in seconds.")
    revision: int = strawberry.field(
        description="The revisions of all queues and of what is counted of them, summed: the greater, the newer."
    )
    active_queue_count: int = strawberry.field(description="Queues that can be joined and called from now.")
    waiting_count: int = strawberry.field(description="People in line now; those on hold are not counted.")
    held_count: int = strawberry.field(description="People on hold now.")
    inside_count: int = strawberry.field(description="People called and being served now.")
    open_counter_count: int = strawberry.field(
        description="Counters that call people now, once for each queue they serve."
    )
    total: AnalyticsFigures = strawberry.field(description="What has happened in the period.")
    previous: AnalyticsComparison = strawberry.field(description="The period before it, for comparison.")
    busiest_queues: list[DashboardQueue] = strawberry.field(
        description="Queues with most people in line now, at most 10; those with more visits in the period first."
    )

    @classmethod
    def of(cls, tenant_id: UUID, found: counted.TenantFigures) -> "TenantDashboard":
        """From what was counted."""
        return cls(
            starts_at=found.period.starts,
            ends_at=found.period.ends,
            time_zone=found.time_zone,
            service_level_seconds=found.service_level_seconds,
            revision=found.revision,
            active_queue_count=found.active_queue_count,
            waiting_count=found.waiting_count,
            held_count=found.held_count,
            inside_count=found.inside_count,
            open_counter_count=found.open_counter_count,
            total=AnalyticsFigures.of(found.total),
            previous=AnalyticsComparison.of(found.before, found.previous, found.total),
            busiest_queues=[
                DashboardQueue(
                    ref=Ref(tenant_id, each.queue_id),
                    waiting_count=each.waiting_count,
                    inside_count=each.inside_count,
                    open_counter_count=each.open_counter_count,
                    figures=AnalyticsFigures.of(each.figures),
                )
                for each in found.busiest
            ],
        )


@strawberry.type(description="What a member of staff did in a period.")
class StaffPerformance:
    ref: strawberry.Private[Ref]
    figures: AnalyticsFigures = strawberry.field(
        description="Of the visits they called last; waits are those of the people they called."
    )
    on_duty_seconds: float = strawberry.field(
        description="Time of their shifts in the period, less breaks; of a shift the period cuts, breaks in proportion."
    )
    occupancy: float | None = strawberry.field(
        description="Time in service ÷ time on duty, from 0 to 1; null without a shift in the period."
    )
    served_per_hour: float | None = strawberry.field(
        description="served ÷ hours on duty; null without a shift in the period."
    )

    @strawberry.field(description="Who; null once they are deleted.")
    async def user(self, info: Info) -> User | None:
        """Loaded for all of the answer at once."""
        return await info.context.loader(users_by_id, self.ref.tenant_id).load(self.ref.id)

    @classmethod
    def of(cls, tenant_id: UUID, found: counted.StaffFigures) -> "StaffPerformance":
        """From what was counted."""
        return cls(
            ref=Ref(tenant_id, found.user_id),
            figures=AnalyticsFigures.of(found.figures),
            on_duty_seconds=found.on_duty_seconds,
            occupancy=found.occupancy,
            served_per_hour=found.served_per_hour,
        )


@strawberry.type(description="What a member of staff did, in a page.")
class StaffPerformanceEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: StaffPerformance = strawberry.field(description="What they did.")


@strawberry.type(description="A page of what members of staff did.")
class StaffPerformanceConnection:
    edges: list[StaffPerformanceEdge] = strawberry.field(description="What each did.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
