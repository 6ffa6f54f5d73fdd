"""Reading the providers of messages: those a tenant has, and those it could have."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.notifications.channels.registry import PROVIDERS
from app.notifications.graphql.providers.loaders import message_provider_node
from app.notifications.graphql.providers.types import MessageProvider, MessageProviderKind
from app.notifications.providers import repository


@strawberry.type
class MessageProviderQuery:
    @strawberry.field(
        description=(
            "Who carries the business's messages, in the order in which they are tried, at most 20. For a channel that "
            "none of them is switched on for, the installation's own is used, if it has one."
        ),
        extensions=[Requires(Permission.MESSAGE_PROVIDER_READ)],
    )
    async def message_providers(self, info: Info) -> list[MessageProvider]:
        async with info.context.read() as tx:
            found = await repository.listed(tx)
        return [MessageProvider.of(row) for row in found]

    @strawberry.field(
        description="Who could carry messages: everybody this installation knows, by name.",
        extensions=[Requires(Permission.MESSAGE_PROVIDER_READ)],
    )
    async def message_provider_kinds(self) -> list[MessageProviderKind]:
        return [MessageProviderKind.of(PROVIDERS[name]) for name in sorted(PROVIDERS)]


NODES = {"MessageProvider": message_provider_node}
