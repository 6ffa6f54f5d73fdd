"""Mutations of notification templates."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications import service
from app.notifications.graphql import inputs, results
from app.notifications.graphql.types import NotificationPreview, NotificationTemplate
from app.notifications.texts import Text


@strawberry.type
class NotificationMutation:
    @strawberry.mutation(
        description="Use a text of your own for one kind of message and one language, from the next message on.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_template_set(
        self, info: Info, input: inputs.NotificationTemplateSetInput
    ) -> results.NotificationTemplateSetResult:
        new = service.NewTemplate(input.kind, Text(input.subject, input.body), input.channel, input.locale)
        async with info.context.write() as tx:
            template, preview = await service.set_template(tx, new)
        return results.NotificationTemplateSetSuccess(
            notification_template=NotificationTemplate.of(template), preview=NotificationPreview.of(preview)
        )
