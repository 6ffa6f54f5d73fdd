"""Inputs of the custom role mutations."""

import strawberry
from strawberry import UNSET

from app.identity.graphql.types import Role
from app.identity.roles.service import NewRole, RoleChanges

_PERMISSIONS = "At least one, e.g. `session:call`, and none that one does not have oneself."


@strawberry.input(description="A new role of one's own business.")
class CustomRoleCreateInput:
    name: str = strawberry.field(
        description="1 to 80 characters; unique in the tenant, in upper or lower case. Not one of the five roles."
    )
    permissions: list[str] = strawberry.field(description=_PERMISSIONS)
    base_role: Role = strawberry.field(  # type: ignore[valid-type]
        default=Role.STAFF,
        description=(
            "`ADMIN`, `MANAGER` or `STAFF`: what its users count as. It grants nothing, and cannot be changed later. "
            "Default `STAFF`."
        ),
    )
    description: str | None = strawberry.field(
        default=None, description="What it is for, at most 500 characters. Default: none."
    )

    def role(self) -> NewRole:
        """What the service takes."""
        return NewRole(self.name, self.permissions, self.base_role, self.description)


@strawberry.input(description="What to change of a custom role; what is left out stays. Effective at once.")
class CustomRoleUpdateInput:
    custom_role_id: strawberry.ID = strawberry.field(description="The role.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 80 characters.")
    permissions: list[str] | None = strawberry.field(
        default=UNSET, description=f"{_PERMISSIONS} Instead of those it has, not besides."
    )
    description: str | None = strawberry.field(default=UNSET, description="At most 500 characters; null for none.")

    def changes(self) -> RoleChanges:
        """What was given. Null stands for "as it is" where there must be a value."""
        changes: RoleChanges = {}
        if self.name is not UNSET and self.name is not None:
            changes["name"] = self.name
        if self.permissions is not UNSET and self.permissions is not None:
            changes["permissions"] = self.permissions
        if self.description is not UNSET:
            changes["description"] = self.description
        return changes


@strawberry.input(description="Which custom role to delete.")
class CustomRoleDeleteInput:
    custom_role_id: strawberry.ID = strawberry.field(description="The role; nobody may have it.")
