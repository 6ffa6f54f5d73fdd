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
        description=(
            "Use a text of your own for one kind of message, channel and language, from the next message on; with "
            "`ruleId` for the messages of that rule only."
        ),
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_template_set(
        self, info: Info, input: inputs.NotificationTemplateSetInput
    ) -> results.NotificationTemplateSetResult:
        rule_id = None if input.rule_id is None else info.context.ref("MessageRule", input.rule_id).id
        text = Text(input.subject, input.body)
        new = service.NewTemplate(input.kind, text, input.channel, input.locale, rule_id)
        async with info.context.write() as tx:
            template, preview = await service.set_template(tx, new)
        return results.NotificationTemplateSetSuccess(
            notification_template=NotificationTemplate.of(template, info.context.tenant_id),
            preview=NotificationPreview.of(preview, template.channel, template.locale),
        )

    @strawberry.mutation(
        description="Give up a text of your own: the next best one is used from the next message on.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def notification_template_remove(
        self, info: Info, input: inputs.NotificationTemplateRemoveInput
    ) -> results.NotificationTemplateRemoveResult:
        rule_id = None if input.rule_id is None else info.context.ref("MessageRule", input.rule_id).id
        async with info.context.write() as tx:
            template = await service.remove_template(tx, input.kind, input.channel, input.locale, rule_id)
        return results.NotificationTemplateRemoveSuccess(
            notification_template=NotificationTemplate.of(template, info.context.tenant_id)
        )
