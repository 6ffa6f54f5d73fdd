"""Reading notifications and their templates."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications import models, service
from app.notifications.defaults import LAST_RESORT
from app.notifications.graphql.results import NotificationPreviewResult
from app.notifications.graphql.types import (
    NotificationChannel,
    NotificationKind,
    NotificationPreview,
    NotificationTemplate,
)
from app.notifications.texts import Text

KindArgument = Annotated[NotificationKind, strawberry.argument(description="For which message.")]  # type: ignore[valid-type]
KindFilter = Annotated[NotificationKind | None, strawberry.argument(description="Only those for this message.")]  # type: ignore[valid-type]
ChannelFilter = Annotated[
    NotificationChannel | None,  # type: ignore[valid-type]
    strawberry.argument(description="Only those for this channel."),
]
LocaleFilter = Annotated[str | None, strawberry.argument(description="Only those in this language, e.g. `pt-BR`.")]
ChannelArgument = Annotated[NotificationChannel, strawberry.argument(description="For which channel.")]  # type: ignore[valid-type]
LocaleArgument = Annotated[str, strawberry.argument(description="Its language tag; decides the direction.")]
SubjectArgument = Annotated[str, strawberry.argument(description="Subject line, at most 200 characters.")]
BodyArgument = Annotated[str, strawberry.argument(description="Text, at most 10,000 characters.")]


@strawberry.type
class NotificationQuery:
    @strawberry.field(
        description=(
            "The text in use for each kind, channel and language: your own, and the built-in ones you left. There are "
            "300 built-in ones: name a kind, a channel or a language."
        ),
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_templates(
        self, info: Info, kind: KindFilter = None, channel: ChannelFilter = None, locale: LocaleFilter = None
    ) -> list[NotificationTemplate]:
        async with info.context.read() as tx:
            templates = await service.templates_in_use(tx, kind, channel, locale)
        return [NotificationTemplate.of(template, info.context.tenant_id) for template in templates]

    @strawberry.field(
        description="How a message would look with example values. Saves nothing.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def notification_preview(
        self,
        kind: KindArgument,
        subject: SubjectArgument,
        body: BodyArgument,
        channel: ChannelArgument = models.NotificationChannel.EMAIL,
        locale: LocaleArgument = LAST_RESORT,
    ) -> NotificationPreviewResult:
        text = service.preview_of(kind, Text(subject, body), channel, locale)
        return NotificationPreview.of(text, channel, locale)
