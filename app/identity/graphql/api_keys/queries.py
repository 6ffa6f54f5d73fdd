"""Reading API keys."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.identity.api_keys import repository
from app.identity.graphql.api_keys.loaders import api_key_node
from app.identity.graphql.api_keys.types import ApiKey, ApiKeyConnection, ApiKeyEdge
from app.identity.permissions import Permission


@strawberry.type
class ApiKeyQuery:
    @strawberry.field(
        description="The business's API keys in order of creation, ended ones included.",
        extensions=[Requires(Permission.API_KEY_READ)],
    )
    async def api_keys(self, info: Info, first: First, after: After = None) -> ApiKeyConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(ApiKeyConnection, ApiKeyEdge, page, ApiKey.of)


NODES = {"ApiKey": api_key_node}
