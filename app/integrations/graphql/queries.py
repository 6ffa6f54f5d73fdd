"""Reading integrations: those there are, and those that can be chosen."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.integrations import repository
from app.integrations.graphql.loaders import integration_node
from app.integrations.graphql.types import Integration, IntegrationAdapter, adapters


@strawberry.type
class IntegrationQuery:
    @strawberry.field(
        description="The business's integrations, by name, at most 20.",
        extensions=[Requires(Permission.INTEGRATION_READ)],
    )
    async def integrations(self, info: Info) -> list[Integration]:
        async with info.context.read() as tx:
            return [Integration.of(row) for row in await repository.listed(tx)]

    @strawberry.field(
        description="The systems that can be chosen, by name: the product's, and those of plug-ins.",
        extensions=[Requires(Permission.INTEGRATION_READ)],
    )
    async def integration_adapters(self, info: Info) -> list[IntegrationAdapter]:
        return adapters()


NODES = {"Integration": integration_node}
