"""Reading alerts and their rules, and watching those that are open."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.alerts import repository, service
from app.alerts.graphql.inputs import AlertFilter
from app.alerts.graphql.types import Alert, AlertConnection, AlertEdge, AlertRule, OpenAlerts
from app.alerts.live import topic
from app.alerts.models import Alert as AlertRow
from app.alerts.rules import PLATFORM_METRICS
from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.live import changes

MOST_OPEN = 100

FilterArgument = Annotated[AlertFilter | None, strawberry.argument(description="Only these; all if left out.")]


@strawberry.type
class AlertQuery:
    @strawberry.field(
        description=(
            "The rules by which alerts are raised, in order of creation; those about the installation only with "
            "`platform:alerts`."
        ),
        extensions=[Requires(Permission.ALERT_READ)],
    )
    async def alert_rules(self, info: Info) -> list[AlertRule]:
        async with info.context.read() as tx:
            found = await service.rules_of(tx, with_platform=_sees_platform(info.context))
        return [AlertRule.of(row) for row in found]

    @strawberry.field(
        description=(
            "Alerts, newest first, open or over; those that have been over for 400 days are deleted. Those about the "
            "installation only with `platform:alerts`."
        ),
        extensions=[Requires(Permission.ALERT_READ)],
    )
    async def alerts(
        self, info: Info, first: First, after: After = None, filter: FilterArgument = None
    ) -> AlertConnection:
        wanted = (filter or AlertFilter()).wanted(info.context)
        async with info.context.read() as tx:
            page = await repository.page(
                tx, PageRequest(first, after), wanted, with_platform=_sees_platform(info.context)
            )
        return connection(AlertConnection, AlertEdge, page, Alert.of)


@strawberry.type
class AlertSubscription:
    @strawberry.subscription(
        description=(
            "The alerts that are open, now and whenever one is raised, acknowledged or over, at most twice a second; "
            "`raised` are the new ones."
        ),
        extensions=[Requires(Permission.ALERT_READ)],
    )
    async def alert_raised(self, info: Info) -> AsyncIterator[OpenAlerts]:
        context = info.context
        shown: tuple[int, dict[UUID, int]] | None = None
        revision, behind = 0, _NOWHERE
        async for _ in changes(context.runtime.bus, topic(context.tenant_id)):
            async with context.read() as tx:
                count, rows = await repository.open_alerts(tx, with_platform=_sees_platform(context), limit=MOST_OPEN)
            # By what they were when shown: an alert that is as it was, and in its place, is nothing new.
            now = count, {row.id: row.revision for row in rows}
            if now == shown:
                continue
            new = [] if shown is None else [row for row in rows if row.id not in shown[1] and _place(row) > behind]
            # Where there are more than are shown, one of those before follows when one of these is over.
            behind = _place(rows[-1]) if count > len(rows) else _NOWHERE
            shown, revision = now, revision + 1
            yield OpenAlerts(
                revision=revision,
                open_count=count,
                alerts=[Alert.of(row) for row in rows],
                raised=[Alert.of(row) for row in new],
            )


_NOWHERE = datetime.min.replace(tzinfo=UTC), UUID(int=0)


def _place(row: AlertRow) -> tuple[datetime, UUID]:
    """Among the open ones, newest last."""
    return row.raised_at, row.id


def _sees_platform(context: Context) -> bool:
    return context.actor.may(Permission.PLATFORM_ALERTS)


async def alert_rule_node(context: Context, ref: Ref) -> AlertRule:
    """A rule by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.ALERT_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await repository.get(tx, ref.id)
    if row.metric in PLATFORM_METRICS:
        context.actor.require(Permission.PLATFORM_ALERTS)
    return AlertRule.of(row)


async def alert_node(context: Context, ref: Ref) -> Alert:
    """An alert by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.ALERT_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await repository.find(tx, ref.id)
    if row.metric in PLATFORM_METRICS:
        context.actor.require(Permission.PLATFORM_ALERTS)
    return Alert.of(row)


NODES = {"AlertRule": alert_rule_node, "Alert": alert_node}
