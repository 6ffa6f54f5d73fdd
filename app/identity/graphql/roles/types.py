"""The CustomRole type: a role of a tenant's own."""

from datetime import datetime

import strawberry

from app.context import Info
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.identity.graphql.types import Role
from app.identity.roles import models


@strawberry.type(
    description=(
        "A role that a business defines itself: a name, and exactly the permissions that are listed. Whoever has it "
        "may do these and nothing else."
    )
)
class CustomRole(Node):
    name: str = strawberry.field(
        description="At most 80 characters; unique in the tenant, whether in upper or lower case."
    )
    description: str | None = strawberry.field(description="What it is for, at most 500 characters; null for none.")
    base_role: Role = strawberry.field(  # type: ignore[valid-type]
        description=(
            "`ADMIN`, `MANAGER` or `STAFF`: what its users count as, against the limit of staff and in what the tenant "
            "demands of each role. It grants nothing, and never changes."
        )
    )
    permissions: list[str] = strawberry.field(description="What it allows, e.g. `session:call`, sorted.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.CustomRole) -> "CustomRole":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            name=row.name,
            description=row.description,
            base_role=row.base_role,
            permissions=row.permissions,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="How many users have it, deactivated ones included. Null without `role:read`.")
    async def user_count(self, info: Info) -> int | None:
        """Counted for all roles of the answer at once."""
        if not loaders.may_see_roles(info.context, self.tenant_key):
            return None
        return await info.context.loader(loaders.users_of_roles, self.tenant_key).load(self.key)


@strawberry.type(description="A custom role and its cursor.")
class CustomRoleEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: CustomRole = strawberry.field(description="The role.")


@strawberry.type(description="A page of custom roles, in order of creation.")
class CustomRoleConnection:
    edges: list[CustomRoleEdge] = strawberry.field(description="The roles.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


from app.identity.graphql.roles import loaders  # noqa: E402  (loaders build these types)
