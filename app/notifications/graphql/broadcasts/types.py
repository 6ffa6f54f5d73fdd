"""A broadcast as staff see it, and what they give to start one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.errors import UserError, error_type
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.notifications.broadcasts import errors, models
from app.notifications.broadcasts.rules import MOST_TEXTS, Words
from app.notifications.broadcasts.service import NewBroadcast
from app.notifications.deliveries import repository as deliveries
from app.notifications.graphql.types import NotificationChannel
from app.notifications.models import NotificationStatus
from app.notifications.texts import Text
from app.queues.graphql.inputs import KEY

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

NotificationBroadcastStatus = explained_enum(
    models.BroadcastStatus,
    "How far a broadcast is.",
    called="NotificationBroadcastStatus",
    RUNNING="Its messages are being written.",
    DONE="All are written; `counts` says how far each is.",
    CANCELLED="Staff cancelled it: what was not sent is not sent any more.",
)


@strawberry.input(description="The text in one language. It may fill in what BROADCAST texts may.")
class NotificationBroadcastTextInput:
    locale: str = strawberry.field(description="Language tag, e.g. `en` or `pt-BR`.")
    subject: str = strawberry.field(
        description="Subject line, at most 200 characters; may be empty if only SMS or WhatsApp carry it."
    )
    body: str = strawberry.field(description="Plain text as long as its channels allow; `{{ ticketNumber }}` fills in.")


@strawberry.input(description="What to tell everybody who waits in a queue.")
class NotificationBroadcastStartInput:
    queue_id: strawberry.ID = strawberry.field(description="Whose line; whoever joins later is not told.")
    texts: list[NotificationBroadcastTextInput] = strawberry.field(
        description=f"The text, once per language, 1 to {MOST_TEXTS}; the first is for whoever speaks none of them."
    )
    channels: list[NotificationChannel] = strawberry.field(  # type: ignore[valid-type]
        description="By preference, without CHAT: each person gets it on the first on which they can be reached."
    )
    every_channel: bool = strawberry.field(
        default=False, description="On every channel on which somebody can be reached, not only on the first."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def new(self, info: Info) -> NewBroadcast:
        """What is asked for."""
        return NewBroadcast(
            queue_id=info.context.ref("Queue", self.queue_id).id,
            texts=[Words(each.locale, Text(each.subject, each.body)) for each in self.texts],
            channels=self.channels,
            every_channel=self.every_channel,
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="What is not to be sent any more.")
class NotificationBroadcastCancelInput:
    broadcast_id: strawberry.ID = strawberry.field(description="A broadcast, running or done.")


@strawberry.type(description="The text in one language.")
class NotificationBroadcastText:
    locale: str = strawberry.field(description="Language tag.")
    subject: str = strawberry.field(description="Subject line.")
    body: str = strawberry.field(description="Text, with its variables.")


@strawberry.type(description="How many messages are how far.")
class NotificationCounts:
    pending: int = strawberry.field(description="Not sent yet.")
    sent: int = strawberry.field(description="Taken by a provider.")
    delivered: int = strawberry.field(description="Reported as arrived.")
    failed: int = strawberry.field(description="Not sent.")
    suppressed: int = strawberry.field(description="Not to be sent.")


@strawberry.type(description="One text to everybody who waits in a queue at a moment.")
class NotificationBroadcast(Node):
    queue_key: strawberry.Private[UUID]
    status: NotificationBroadcastStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    texts: list[NotificationBroadcastText] = strawberry.field(description="The text in each language.")
    channels: list[NotificationChannel] = strawberry.field(description="By preference.")  # type: ignore[valid-type]
    every_channel: bool = strawberry.field(description="Whether people get it on all of them.")
    people_count: int | None = strawberry.field(description="How many waited; null for the second until it is known.")
    told_count: int = strawberry.field(description="For how many of them messages were written so far.")
    gone_count: int = strawberry.field(description="How many had left the line when it was their turn to be told.")
    unreachable_count: int = strawberry.field(description="How many can be reached on none of the channels.")
    revision: int = strawberry.field(description="Grows while its messages are written, and when it is cancelled.")
    created_at: datetime = strawberry.field(description="When it was started.")
    ended_at: datetime | None = strawberry.field(description="When its messages were written, or it was cancelled.")

    @classmethod
    def of(cls, row: models.Broadcast) -> "NotificationBroadcast":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            queue_key=row.queue_id,
            status=row.status,
            texts=[NotificationBroadcastText(**each) for each in row.texts],
            channels=[NotificationChannel(each) for each in row.channels],
            every_channel=row.every_channel,
            people_count=row.people,
            told_count=row.told,
            gone_count=row.gone,
            unreachable_count=row.unreachable,
            revision=row.revision,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )

    @strawberry.field(description="How far its messages are.")
    async def counts(self, info: Info) -> NotificationCounts:
        """Counted when asked."""
        async with info.context.read(self.tenant_key) as tx:
            found = await deliveries.counts(tx, self.key)
        return NotificationCounts(**{each.value.lower(): found.get(each, 0) for each in NotificationStatus})

    @strawberry.field(description="Whose line.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all broadcasts of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        return await info.context.loader(queues_by_id, self.tenant_key).load(self.queue_key)


@strawberry.type(description="A broadcast in a page.")
class NotificationBroadcastEdge:
    cursor: str = strawberry.field(description="Pass as `after` to continue behind this one.")
    node: NotificationBroadcast = strawberry.field(description="The broadcast.")


@strawberry.type(description="A page of broadcasts.")
class NotificationBroadcastConnection:
    edges: list[NotificationBroadcastEdge] = strawberry.field(description="The broadcasts with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="Everybody who waits is being told.")
class NotificationBroadcastStartSuccess:
    broadcast: NotificationBroadcast = strawberry.field(description="The broadcast; follow it with its id.")


@strawberry.type(description="What was not sent yet is not sent any more.")
class NotificationBroadcastCancelSuccess:
    broadcast: NotificationBroadcast = strawberry.field(description="The broadcast.")


@error_type(errors.BroadcastRunning, "Another broadcast to this queue is still being written.")
class NotificationBroadcastRunningError(UserError):
    pass


@error_type(errors.ChannelNotCarried, "Nobody carries one of the channels for the business.")
class ChannelNotCarriedError(UserError):
    channel: NotificationChannel = strawberry.field(description="Which.")  # type: ignore[valid-type]


@error_type(errors.BroadcastOver, "It has been cancelled already.")
class NotificationBroadcastOverError(UserError):
    pass
