"""Messages on their way: reading, watching and sending again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.instants import instant
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.deliveries import repository, service
from app.notifications.graphql.deliveries.types import (
    NotificationDelay,
    NotificationFilter,
    NotificationNotRetriableError,
    NotificationRetryInput,
    NotificationRetrySuccess,
    NotificationsState,
)
from app.notifications.graphql.types import Notification, NotificationConnection, NotificationEdge
from app.notifications.live import changes, status_topic
from app.notifications.repository import find

SessionArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only those about this session; as in `filter`.")
]
FilterArgument = Annotated[NotificationFilter | None, strawberry.argument(description="Only these; all if left out.")]
NewestFirst = Annotated[bool, strawberry.argument(description="From the newest back.")]
Since = Annotated[datetime, strawberry.argument(description="Of messages that became owed then or later.")]
Until = Annotated[
    datetime | None, strawberry.argument(description="And before that; now if left out. At most 31 days after `since`.")
]

NotificationRetryResult = Annotated[
    NotificationRetrySuccess | NotificationNotRetriableError,
    strawberry.union("NotificationRetryResult", description="What `notificationRetry` answers."),
]


@strawberry.type
class DeliveryQuery:
    @strawberry.field(
        description="Messages owed to people, in the order in which they became owed, sent or not.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notifications(
        self,
        info: Info,
        first: First,
        after: After = None,
        session_id: SessionArgument = None,
        filter: FilterArgument = None,
        newest_first: NewestFirst = False,
    ) -> NotificationConnection:
        context = info.context
        wanted = (filter or NotificationFilter()).wanted(context)
        if session_id is not None:
            wanted = replace(wanted, session_id=context.ref("Session", session_id).id)
        async with context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after), wanted, newest_first=newest_first)
        return connection(NotificationConnection, NotificationEdge, page, Notification.of)

    @strawberry.field(
        description="How long messages took, by channel and provider.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_delays(self, info: Info, since: Since, until: Until = None) -> list[NotificationDelay]:
        context = info.context
        span = instant("since", since), instant("until", until or context.runtime.clock.now())
        async with context.read() as tx:
            found = await service.delays(tx, *span)
        return [NotificationDelay.of(context, each) for each in found]


@strawberry.type
class DeliveryMutation:
    @strawberry.mutation(
        description=(
            "Send a message again that FAILED: now, with the same text and key. One that was in doubt may arrive twice."
        ),
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_retry(self, info: Info, input: NotificationRetryInput) -> NotificationRetryResult:
        ref = info.context.ref("Notification", input.notification_id)
        async with info.context.write() as tx:
            row = await service.retry(tx, ref.id)
        return NotificationRetrySuccess(notification=Notification.of(row))


@strawberry.type
class DeliverySubscription:
    @strawberry.subscription(
        description=(
            "The newest messages, now and whenever one of them changes or there is a newer one; at most twice a second."
        ),
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notifications_changed(
        self, info: Info, first: First = 20, filter: FilterArgument = None
    ) -> AsyncIterator[NotificationsState]:
        context = info.context
        wanted, request = (filter or NotificationFilter()).wanted(context), PageRequest(first)
        shown: list[dict[str, object]] | None = None
        revision = 0
        async for _ in changes(context.runtime.bus, status_topic(context.tenant_id)):
            async with context.read() as tx:
                page = await repository.page(tx, request, wanted, newest_first=True)
            now = [row.model_dump() for row in page.rows]
            if now != shown:
                shown, revision = now, revision + 1
                found = connection(NotificationConnection, NotificationEdge, page, Notification.of)
                yield NotificationsState(revision=revision, edges=found.edges, page_info=found.page_info)


async def notification_node(context: Context, ref: Ref) -> Notification | None:
    """A notification by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.NOTIFICATION_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await find(tx, ref.id)
    return None if row is None else Notification.of(row)


NODES = {"Notification": notification_node}
