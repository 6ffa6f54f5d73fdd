"""Asking for figures: of a queue, of the whole business, of people. Staff may ask for their own."""

from typing import Annotated
from uuid import UUID

import strawberry

from app.analytics import rules, service
from app.analytics.figures import Filters
from app.analytics.figures import Granularity as Spans
from app.analytics.graphql.answers import (
    QueueAnalytics,
    StaffPerformance,
    StaffPerformanceConnection,
    StaffPerformanceEdge,
    TenantDashboard,
)
from app.analytics.graphql.inputs import (
    AnalyticsFilter,
    From,
    Granularity,
    MaybeFrom,
    MaybeTo,
    ServiceLevel,
    To,
    period,
)
from app.context import Context, Info
from app.core.actor import ActorKind
from app.core.db.pages import PageRequest
from app.core.errors import BadInput
from app.core.graphql.node import IdArgument
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Checked, Requires
from app.identity.permissions import Permission

FilterArgument = Annotated[
    AnalyticsFilter | None, strawberry.argument(description="Only some visits; all if left out.")
]
WhoseArgument = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only this member of staff; all if left out, without `analytics:read` oneself."),
]


@strawberry.type
class AnalyticsQuery:
    @strawberry.field(
        description="What happened in a queue in a period: whole, span by span, and told apart.",
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def queue_analytics(
        self,
        info: Info,
        queue_id: IdArgument,
        from_: From,
        to: To,
        granularity: Granularity = Spans.DAY,
        filter: FilterArgument = None,
        service_level_seconds: ServiceLevel = None,
    ) -> QueueAnalytics:
        context = info.context
        ref = context.ref("Queue", queue_id)
        async with context.read_figures() as tx:
            asked = await service.ask(
                tx,
                [ref.id],
                period(from_, to),
                now=context.runtime.clock.now(),
                granularity=granularity,
                filters=Filters() if filter is None else filter.filters(context),
                service_level_seconds=service_level_seconds,
            )
            found = await service.series(tx, asked)
        return QueueAnalytics.of(ref, asked, found)

    @strawberry.field(
        description="The whole business: how it is now, and what has happened today, or in another period.",
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def tenant_dashboard(
        self, info: Info, from_: MaybeFrom = None, to: MaybeTo = None, service_level_seconds: ServiceLevel = None
    ) -> TenantDashboard:
        context = info.context
        if (from_ is None) != (to is None):
            raise BadInput("Give `from` and `to`, or neither of them.")
        wanted = None if from_ is None or to is None else period(from_, to)
        async with context.read_figures() as tx:
            found = await service.tenant_figures(
                tx,
                wanted,
                now=rules.end_of_minute(context.runtime.clock.now()),
                service_level_seconds=service_level_seconds,
            )
        return TenantDashboard.of(context.tenant_id, found)

    @strawberry.field(
        description=(
            "What members of staff did in a period, who served most first: all who called somebody or had a shift."
        ),
        extensions=[Checked("For members of staff: their own figures; with `analytics:read` everybody's.")],
    )
    async def staff_performance(
        self,
        info: Info,
        first: First,
        from_: From,
        to: To,
        after: After = None,
        user_id: WhoseArgument = None,
        service_level_seconds: ServiceLevel = None,
    ) -> StaffPerformanceConnection:
        context = info.context
        request = PageRequest(first, after)
        whose = _whose(context, user_id)
        async with context.read_figures() as tx:
            found = await service.staff_figures(
                tx,
                period(from_, to),
                now=context.runtime.clock.now(),
                user_id=whose,
                service_level_seconds=service_level_seconds,
            )
        tenant_id = context.tenant_id
        return connection(
            StaffPerformanceConnection,
            StaffPerformanceEdge,
            service.staff_page(found, request),
            lambda each: StaffPerformance.of(tenant_id, each),
        )


def _whose(context: Context, user_id: str | None) -> UUID | None:
    """Whose figures are shown; null: everybody's. `Unauthenticated`, `Forbidden`, `NotFound`."""
    wanted = None if user_id is None else context.ref("User", user_id).id
    if context.actor.may(Permission.ANALYTICS_READ):
        return wanted
    if context.actor.kind is not ActorKind.USER or not context.actor.may(Permission.COUNTER_WORK):
        context.actor.require(Permission.ANALYTICS_READ)
    if wanted not in (None, context.actor.id):
        context.actor.require(Permission.ANALYTICS_READ)
    return context.actor.id
