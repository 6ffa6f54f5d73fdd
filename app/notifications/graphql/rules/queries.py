"""Reading rules of messages."""

import strawberry

from app.context import Context, Info
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.graphql.rules.types import BuiltInMessageRule, MessageRule
from app.notifications.telling import repository, service
from app.notifications.telling.rules import BUILT_IN


@strawberry.type
class MessageRuleQuery:
    @strawberry.field(
        description="The rules of your own, in order of creation: when whom which channels tell what.",
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def message_rules(self, info: Info) -> list[MessageRule]:
        async with info.context.read() as tx:
            found = await service.rules_of(tx)
        return [MessageRule.of(row) for row in found]

    @strawberry.field(
        description=(
            "The rules that are in force in every queue where no rule of your own is for the same kind of message."
        ),
        extensions=[Requires(Permission.NOTIFICATION_READ)],
    )
    async def built_in_message_rules(self) -> list[BuiltInMessageRule]:
        return [BuiltInMessageRule.of(rule) for rule in BUILT_IN]


async def message_rule_node(context: Context, ref: Ref) -> MessageRule | None:
    """A rule by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.NOTIFICATION_READ)
    async with context.read(ref.tenant_id) as tx:
        return MessageRule.of(await repository.get(tx, ref.id))


NODES = {"MessageRule": message_rule_node}
