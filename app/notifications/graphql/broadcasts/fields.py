"""Broadcasts: starting, cancelling, reading and watching."""

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError
from app.core.graphql.node import IdArgument
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.broadcasts import repository, service
from app.notifications.broadcasts.models import BroadcastStatus
from app.notifications.deliveries import repository as deliveries
from app.notifications.graphql.broadcasts.types import (
    ChannelNotCarriedError,
    NotificationBroadcast,
    NotificationBroadcastCancelInput,
    NotificationBroadcastCancelSuccess,
    NotificationBroadcastConnection,
    NotificationBroadcastEdge,
    NotificationBroadcastOverError,
    NotificationBroadcastRunningError,
    NotificationBroadcastStartInput,
    NotificationBroadcastStartSuccess,
)
from app.notifications.graphql.results import InvalidTemplateError, SmsTooLongError
from app.notifications.live import changes, status_topic
from app.notifications.models import NotificationStatus

QueueArgument = Annotated[strawberry.ID | None, strawberry.argument(description="Only those to this queue.")]

NotificationBroadcastStartResult = Annotated[
    NotificationBroadcastStartSuccess
    | NotificationBroadcastRunningError
    | ChannelNotCarriedError
    | InvalidTemplateError
    | SmsTooLongError
    | InvalidInputError
    | IdempotencyConflictError,
    strawberry.union("NotificationBroadcastStartResult", description="What `notificationBroadcastStart` answers."),
]
NotificationBroadcastCancelResult = Annotated[
    NotificationBroadcastCancelSuccess | NotificationBroadcastOverError,
    strawberry.union("NotificationBroadcastCancelResult", description="What `notificationBroadcastCancel` answers."),
]


@strawberry.type
class BroadcastQuery:
    @strawberry.field(
        description="What staff have told everybody who waited, newest first.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_broadcasts(
        self, info: Info, first: First, after: After = None, queue_id: QueueArgument = None
    ) -> NotificationBroadcastConnection:
        queue = None if queue_id is None else info.context.ref("Queue", queue_id).id
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after), queue)
        return connection(NotificationBroadcastConnection, NotificationBroadcastEdge, page, NotificationBroadcast.of)


@strawberry.type
class BroadcastMutation:
    @strawberry.mutation(
        description=(
            "Tell everybody who waits in a queue something, on channels they can be reached on and want. Written in "
            "portions in the background, behind whatever is more urgent; `notificationBroadcastChanged` shows how far "
            "it is."
        ),
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_broadcast_start(
        self, info: Info, input: NotificationBroadcastStartInput
    ) -> NotificationBroadcastStartResult:
        new = input.new(info)
        async with info.context.write() as tx:
            row = await service.start(tx, info.context.runtime.settings, new)
        return NotificationBroadcastStartSuccess(broadcast=NotificationBroadcast.of(row))

    @strawberry.mutation(
        description="Write no more messages of a broadcast, and send none that was not sent yet.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_broadcast_cancel(
        self, info: Info, input: NotificationBroadcastCancelInput
    ) -> NotificationBroadcastCancelResult:
        ref = info.context.ref("NotificationBroadcast", input.broadcast_id)
        async with info.context.write() as tx:
            row = await service.cancel(tx, ref.id)
        return NotificationBroadcastCancelSuccess(broadcast=NotificationBroadcast.of(row))


@strawberry.type
class BroadcastSubscription:
    @strawberry.subscription(
        description=(
            "A broadcast, now and whenever it or the number of its messages that are sent changes; at most twice a "
            "second. Ends when none of them is PENDING any more."
        ),
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_broadcast_changed(
        self, info: Info, broadcast_id: IdArgument
    ) -> AsyncIterator[NotificationBroadcast]:
        context = info.context
        ref = context.ref("NotificationBroadcast", broadcast_id)
        shown: tuple[int, dict[NotificationStatus, int]] | None = None
        async for _ in changes(context.runtime.bus, status_topic(context.tenant_id)):
            async with context.read(snapshot=True) as tx:
                row = await repository.get(tx, ref.id)
                counts = await deliveries.counts(tx, ref.id)
            if (now := (row.revision, counts)) != shown:
                shown = now
                yield NotificationBroadcast.of(row)
            if row.status is not BroadcastStatus.RUNNING and not counts.get(NotificationStatus.PENDING):
                return


async def broadcast_node(context: Context, ref: Ref) -> NotificationBroadcast | None:
    """A broadcast by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.NOTIFICATION_READ)
    async with context.read(ref.tenant_id) as tx:
        return NotificationBroadcast.of(await repository.get(tx, ref.id))


NODES = {"NotificationBroadcast": broadcast_node}
