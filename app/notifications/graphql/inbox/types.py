"""A message in the app as its recipient sees it: without what only staff see of sending."""

from datetime import datetime

import strawberry

from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.notifications import models
from app.notifications.graphql.types import NotificationKind


@strawberry.type(description="A message in the app, as whom it is for sees it.")
class ReceivedNotification(Node):
    kind: NotificationKind = strawberry.field(description="What it says.")  # type: ignore[valid-type]
    locale: str = strawberry.field(description="Language of the text, e.g. `en`.")
    subject: str = strawberry.field(description="One line; a headline.")
    body: str = strawberry.field(description="Text. Plain text, not HTML.")
    sent_at: datetime = strawberry.field(description="When it was sent.")
    read_at: datetime | None = strawberry.field(description="When it was marked as read; null until then.")

    @classmethod
    def of(cls, row: models.Notification) -> "ReceivedNotification":
        """From its row."""
        assert row.sent_at is not None  # what was not sent is shown to nobody
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            kind=row.kind,
            locale=row.locale,
            subject=row.subject.strip(),
            body=row.body.strip(),
            sent_at=row.sent_at,
            read_at=row.read_at,
        )


@strawberry.type(description="A message in a page.")
class ReceivedNotificationEdge:
    cursor: str = strawberry.field(description="Pass as `after` to continue behind this one.")
    node: ReceivedNotification = strawberry.field(description="The message.")


@strawberry.type(description="A page of messages in the app.")
class ReceivedNotificationConnection:
    edges: list[ReceivedNotificationEdge] = strawberry.field(description="The messages with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
