"""Reading notifications and their templates."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications import repository, service
from app.notifications.graphql.results import NotificationPreviewResult
from app.notifications.graphql.types import (
    NotificationKind,
    NotificationPreview,
    NotificationTemplate,
)
from app.notifications.texts import Text

KindArgument = Annotated[NotificationKind, strawberry.argument(description="For which message.")]  # type: ignore[valid-type]
SubjectArgument = Annotated[str, strawberry.argument(description="Subject line, at most 200 characters.")]
BodyArgument = Annotated[str, strawberry.argument(description="Text, at most 10,000 characters.")]


@strawberry.type
class NotificationQuery:
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

