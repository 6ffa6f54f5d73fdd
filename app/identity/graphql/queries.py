"""Reading users, who is asking, and who may do what."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Public, Requires
from app.identity import repository
from app.identity.graphql.loaders import load_viewer, user_node
from app.identity.graphql.types import RolePermissions, User, UserConnection, UserEdge, Viewer
from app.identity.permissions import MATRIX, Permission


@strawberry.type
class IdentityQuery:
    @strawberry.field(
        description="Who is asking: a user, a visitor, an API key, or null without a token.",
        extensions=[Public("Anybody; it tells the asker about themselves only.")],
    )
    async def viewer(self, info: Info) -> Viewer | None:
        return await load_viewer(info.context)

    @strawberry.field(
        description="The tenant's users in order of creation.", extensions=[Requires(Permission.USER_READ)]
    )
    async def users(self, info: Info, first: First, after: After = None) -> UserConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(UserConnection, UserEdge, page, User.of)

    @strawberry.field(description="What each role may do, from the greatest to the least.", extensions=[Public()])
    def permission_matrix(self) -> list[RolePermissions]:
        return [RolePermissions(role=role, permissions=sorted(granted)) for role, granted in MATRIX.items()]


NODES = {"User": user_node}
