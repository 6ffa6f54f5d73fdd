"""Reading notifications and their templates."""

from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications import repository, service
from app.notifications.graphql.results import NotificationPreviewResult
from app.notifications.graphql.types import (
    Notification,
    NotificationConnection,
    NotificationEdge,
    NotificationKind,
    NotificationPreview,
    NotificationTemplate,
)
from app.notifications.texts import Text

SessionArgument = Annotated[strawberry.ID | None, strawberry.argument(description="Only those about this session.")]
KindArgument = Annotated[NotificationKind, strawberry.argument(description="For which message.")]  # type: ignore[valid-type]
SubjectArgument = Annotated[str, strawberry.argument(description="Subject line, at most 200 characters.")]
BodyArgument = Annotated[str, strawberry.argument(description="Text, at most 10,000 characters.")]


@strawberry.type
class NotificationQuery:
    @strawberry.field(
        description="Messages owed to visitors, in the order in which they became owed, sent or not.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notifications(
        self, info: Info, first: First, after: After = None, session_id: SessionArgument = None
    ) -> NotificationConnection:
        session = None if session_id is None else info.context.ref("Session", session_id).id
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after), session_id=session)
        return connection(NotificationConnection, NotificationEdge, page, Notification.of)

    @strawberry.field(
        description="The text in use for each kind, channel and language: your own, and the built-in ones you left.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_templates(self, info: Info) -> list[NotificationTemplate]:
        async with info.context.read() as tx:
            templates = await service.templates_in_use(tx)
        return [NotificationTemplate.of(template) for template in templates]

    @strawberry.field(
        description="How a message would look with example values. Saves nothing.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_preview(
        self, kind: KindArgument, subject: SubjectArgument, body: BodyArgument
    ) -> NotificationPreviewResult:
        return NotificationPreview.of(service.preview_of(kind, Text(subject, body)))


async def notification_node(context: Context, ref: Ref) -> Notification | None:
    """A notification by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.NOTIFICATION_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await repository.find(tx, ref.id)
    return None if row is None else Notification.of(row)


NODES = {"Notification": notification_node}
