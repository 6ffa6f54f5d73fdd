"""Messages in the app: the live feed, all there are, and marking them as read. Each for oneself."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.errors import InvalidInputError
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Checked
from app.core.ids import Ref
from app.notifications.graphql.inbox.types import (
    ReceivedNotification,
    ReceivedNotificationConnection,
    ReceivedNotificationEdge,
)
from app.notifications.graphql.owner import OWN, recipient
from app.notifications.inbox import repository, service

AfterReceived = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The last one received: those sent later come first, read or not."),
]


@strawberry.input(description="What was read.")
class NotificationMarkReadInput:
    notification_ids: list[strawberry.ID] = strawberry.field(
        description=f"Messages of one's own in the app, 1 to {service.MOST_AT_ONCE}."
    )


@strawberry.type(description="They are read.")
class NotificationMarkReadSuccess:
    notifications: list[ReceivedNotification] = strawberry.field(description="The messages, each once.")


NotificationMarkReadResult = Annotated[
    NotificationMarkReadSuccess | InvalidInputError,
    strawberry.union("NotificationMarkReadResult", description="What `notificationMarkRead` answers."),
]


@strawberry.type
class InboxMutation:
    @strawberry.mutation(
        description="Say that messages in the app were read. Nothing happens to those that were.",
        extensions=[Checked(OWN)],
    )
    async def notification_mark_read(self, info: Info, input: NotificationMarkReadInput) -> NotificationMarkReadResult:
        whose = recipient(info.context)
        ids = [info.context.ref("ReceivedNotification", id).id for id in input.notification_ids]
        async with info.context.write() as tx:
            rows = await service.mark_read(tx, whose, ids)
        return NotificationMarkReadSuccess(notifications=[ReceivedNotification.of(row) for row in rows])


@strawberry.type
class InboxQuery:
    @strawberry.field(
        description="One's own messages in the app, newest first, read or not.", extensions=[Checked(OWN)]
    )
    async def notifications_received(
        self, info: Info, first: First, after: After = None
    ) -> ReceivedNotificationConnection:
        whose = recipient(info.context)
        async with info.context.read() as tx:
            page = await repository.page(tx, whose, PageRequest(first, after))
        return connection(ReceivedNotificationConnection, ReceivedNotificationEdge, page, ReceivedNotification.of)


@strawberry.type
class InboxSubscription:
    @strawberry.subscription(
        description=(
            f"One's own messages in the app: first those that were not read (the newest {service.MOST_UNREAD}), then "
            "each as it is sent. Every one comes at least once: know them by their `id`, and mark them as read. After "
            "a lost connection give `afterId`, and nothing is missed."
        ),
        extensions=[Checked(OWN)],
    )
    async def notification_received(
        self, info: Info, after_id: AfterReceived = None
    ) -> AsyncIterator[ReceivedNotification]:
        context = info.context
        whose = recipient(context)
        last = None if after_id is None else context.ref("ReceivedNotification", after_id).id
        runtime = context.runtime
        found = service.received(runtime.bus, context.read, context.tenant_id, whose, runtime.clock.now(), last)
        async with aclosing(found):
            async for row in found:
                yield ReceivedNotification.of(row)


async def received_notification_node(context: Context, ref: Ref) -> ReceivedNotification | None:
    """A message of one's own in the app by node id."""
    whose = recipient(context)
    async with context.read() as tx:
        row = await repository.find(tx, whose, ref.id) if ref.tenant_id == tx.tenant else None
    return None if row is None else ReceivedNotification.of(row)


NODES = {"ReceivedNotification": received_notification_node}
