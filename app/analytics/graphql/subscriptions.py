"""The dashboard, live: first as it is, then whenever it has changed. One read serves all who watch the same one."""

from collections.abc import AsyncIterator

import strawberry

from app.analytics import rules, service
from app.analytics.graphql.answers import TenantDashboard
from app.analytics.graphql.inputs import ServiceLevel
from app.analytics.live import figures_topic
from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications.live import changes
from app.sessions.graphql.feeds import SharedItems

LEAST_SECONDS = 1.0
"""Between two items."""


@strawberry.type
class AnalyticsSubscription:
    @strawberry.subscription(
        description=(
            "The dashboard of today, now and whenever something has changed, at most once a second; while nothing "
            "happens, once a minute, because time goes by. Ends with what `tenantDashboard` answers."
        ),
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def dashboard_changed(
        self, info: Info, service_level_seconds: ServiceLevel = None
    ) -> AsyncIterator[TenantDashboard]:
        context = info.context
        context.feed = feed = SharedItems(revision=-1)
        async for _ in changes(context.runtime.bus, figures_topic(context.tenant_id), LEAST_SECONDS):
            now = rules.end_of_minute(context.runtime.clock.now())
            async with context.read_figures() as tx:
                found = await service.tenant_figures(tx, now=now, service_level_seconds=service_level_seconds)
            # Both grow only, so their sum does with each change.
            revision = found.revision + int(now.timestamp()) // 60
            if revision > feed.revision:
                feed.revision = revision
                yield TenantDashboard.of(context.tenant_id, found)
