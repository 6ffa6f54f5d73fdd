"""Reading custom roles."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.identity.graphql.roles.loaders import custom_role_node
from app.identity.graphql.roles.types import CustomRole, CustomRoleConnection, CustomRoleEdge
from app.identity.permissions import Permission
from app.identity.roles import repository


@strawberry.type
class CustomRoleQuery:
    @strawberry.field(
        description="The tenant's own roles in order of creation.", extensions=[Requires(Permission.ROLE_READ)]
    )
    async def custom_roles(self, info: Info, first: First, after: After = None) -> CustomRoleConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(CustomRoleConnection, CustomRoleEdge, page, CustomRole.of)


NODES = {"CustomRole": custom_role_node}
