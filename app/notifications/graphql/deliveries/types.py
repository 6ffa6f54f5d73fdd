"""What staff ask about messages on their way, and what they are shown."""

from datetime import datetime

import strawberry

from app.context import Context
from app.core.graphql.errors import UserError, error_type
from app.core.graphql.instants import instant
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.notifications.deliveries import errors, repository
from app.notifications.graphql.types import (
    Notification,
    NotificationChannel,
    NotificationEdge,
    NotificationKind,
    NotificationStatus,
)


@strawberry.input(description="Which messages: those for which all that is given is true.")
class NotificationFilter:
    statuses: list[NotificationStatus] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="How far they are: one of these."
    )
    channels: list[NotificationChannel] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="How they travel: one of these."
    )
    kinds: list[NotificationKind] | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="What they say: one of these."
    )
    queue_id: strawberry.ID | None = strawberry.field(default=None, description="About this queue.")
    session_id: strawberry.ID | None = strawberry.field(default=None, description="About this session.")
    broadcast_id: strawberry.ID | None = strawberry.field(default=None, description="Of this broadcast.")
    since: datetime | None = strawberry.field(default=None, description="Owed then or later.")
    until: datetime | None = strawberry.field(default=None, description="Owed before.")

    def wanted(self, context: Context) -> repository.Filter:
        """With the keys of the caller's own things. `NotFound` for others."""
        return repository.Filter(
            statuses=self.statuses,
            channels=self.channels,
            kinds=self.kinds,
            queue_id=None if self.queue_id is None else context.ref("Queue", self.queue_id).id,
            session_id=None if self.session_id is None else context.ref("Session", self.session_id).id,
            broadcast_id=None
            if self.broadcast_id is None
            else context.ref("NotificationBroadcast", self.broadcast_id).id,
            since=instant("filter.since", self.since),
            until=instant("filter.until", self.until),
        )


@strawberry.type(description="The newest messages as they are at a moment.")
class NotificationsState:
    revision: int = strawberry.field(description="Grows with each item of the feed, from 1.")
    edges: list[NotificationEdge] = strawberry.field(description="The newest messages, newest first.")
    page_info: PageInfo = strawberry.field(description="Where they end.")


@strawberry.type(
    description="How long messages of one channel took with one provider, from when they were due. Seconds."
)
class NotificationDelay:
    channel: NotificationChannel = strawberry.field(description="How they travelled.")  # type: ignore[valid-type]
    provider: str | None = strawberry.field(description="The kind of provider, e.g. `TWILIO`.")
    message_provider_id: strawberry.ID | None = strawberry.field(
        description="Which of your providers; null for the installation's own."
    )
    sent_count: int = strawberry.field(description="How many were taken.")
    delivered_count: int = strawberry.field(description="Of how many the arrival was reported.")
    sent_p50_seconds: float | None = strawberry.field(description="Half were taken within this time.")
    sent_p95_seconds: float | None = strawberry.field(description="95 % were taken within this time.")
    delivered_p50_seconds: float | None = strawberry.field(
        description="Half of those that arrived did within this time; null if none is known to have."
    )
    delivered_p95_seconds: float | None = strawberry.field(
        description="95 % of those that arrived did within this time; null if none is known to have."
    )

    @classmethod
    def of(cls, context: Context, delay: repository.Delay) -> "NotificationDelay":
        """From what was found."""
        provider_id = delay.provider_id
        return cls(
            channel=delay.channel,
            provider=delay.provider,
            message_provider_id=None
            if provider_id is None
            else strawberry.ID(encode("MessageProvider", context.tenant_id, provider_id)),
            sent_count=delay.sent,
            delivered_count=delay.delivered,
            sent_p50_seconds=delay.to_sent_p50,
            sent_p95_seconds=delay.to_sent_p95,
            delivered_p50_seconds=delay.to_delivered_p50,
            delivered_p95_seconds=delay.to_delivered_p95,
        )


@strawberry.input(description="What is to be sent again.")
class NotificationRetryInput:
    notification_id: strawberry.ID = strawberry.field(description="A message that FAILED.")


@error_type(errors.NotificationNotRetriable, "The message cannot be sent again.")
class NotificationNotRetriableError(UserError):
    status: NotificationStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]


@strawberry.type(description="It is sent again, within seconds.")
class NotificationRetrySuccess:
    notification: Notification = strawberry.field(description="The message, PENDING again.")
