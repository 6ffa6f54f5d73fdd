"""The mutations of rules of messages: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications.graphql.rules import inputs, results
from app.notifications.graphql.rules.types import MessageRule
from app.notifications.telling import service


@strawberry.type
class MessageRuleMutation:
    @strawberry.mutation(
        description="Make a rule of your own: when whom which channels tell what. At most 100 in a tenant.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def message_rule_create(
        self, info: Info, input: inputs.MessageRuleCreateInput
    ) -> results.MessageRuleCreateResult:
        new = input.rule(info.context)
        async with info.context.write() as tx:
            rule = await service.create(tx, new)
        return results.MessageRuleCreateSuccess(message_rule=MessageRule.of(rule))

    @strawberry.mutation(
        description="Change a rule, for whatever happens from now on; what is owed already is sent as it is.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def message_rule_update(
        self, info: Info, input: inputs.MessageRuleUpdateInput
    ) -> results.MessageRuleUpdateResult:
        ref = info.context.ref("MessageRule", input.message_rule_id)
        changes = input.changes(info.context)
        async with info.context.write() as tx:
            rule = await service.update(tx, ref.id, changes)
        return results.MessageRuleUpdateSuccess(message_rule=MessageRule.of(rule))

    @strawberry.mutation(
        description="Delete a rule; what is owed by it already is sent. To tell nobody, disable it instead.",
        extensions=[Requires(Permission.NOTIFICATION_WRITE)],
    )
    async def message_rule_delete(
        self, info: Info, input: inputs.MessageRuleDeleteInput
    ) -> results.MessageRuleDeleteResult:
        ref = info.context.ref("MessageRule", input.message_rule_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id, with_texts=input.delete_texts)
        return results.MessageRuleDeleteSuccess(message_rule_id=input.message_rule_id)
