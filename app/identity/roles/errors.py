"""What can be refused about a tenant's own roles."""

from collections.abc import Iterable

from app.core.errors import UserFacingError
from app.identity.errors import RoleNotGrantable
from app.identity.models import Role


class CustomRoleNotGrantable(RoleNotGrantable):
    """The tenant's own role allows more than the acting user may do. `role` is its base."""

    def __init__(self, role: Role, beyond: Iterable[str]) -> None:
        UserFacingError.__init__(
            self,
            f"The custom role allows what you may not do yourself: {_listed(beyond)}. Only somebody with at least its "
            "permissions can give it, take it, or change a user who has it.",
        )
        self.role = role


class PermissionNotGrantable(UserFacingError):
    """The custom role would allow, or allows, more than the acting user may do."""

    def __init__(self, permissions: Iterable[str]) -> None:
        self.permissions = sorted(permissions)
        super().__init__(
            f"You may not do this yourself: {_listed(self.permissions)}. Only somebody who has all permissions of a "
            "custom role, before and after, can create, change or delete it."
        )


class RoleNameTaken(UserFacingError):
    """Another custom role of the tenant has this name."""

    def __init__(self) -> None:
        super().__init__("Another custom role has this name (upper and lower case are the same); choose another one.")


class RoleInUse(UserFacingError):
    """Somebody has the role, or was invited to it."""

    def __init__(self, user_count: int) -> None:
        super().__init__(
            f"Users who have this role: {user_count:,}; or somebody is invited to it. Give them another one first."
        )
        self.user_count = user_count


def _listed(permissions: Iterable[str]) -> str:
    return ", ".join(f"`{permission}`" for permission in sorted(permissions))
