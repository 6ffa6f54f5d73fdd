"""What a user was given, a role of the matrix or one of the tenant's own, and what it allows. Reads nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from app.identity.roles.models import CustomRole

# What no release of ours knows any more, a role does not allow any more.
_KNOWN = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role as it is given to somebody: `custom` where it is one of the tenant's own, then `role` is its base."""

    role: Role
    custom: CustomRole | None = None

    @property
    def permissions(self) -> frozenset[str]:
        """What it allows."""
        return permissions_of(self.role, None if self.custom is None else self.custom.permissions)


def permissions_of(role: Role, custom: Sequence[str] | None) -> frozenset[str]:
    """What a user with this role may do; `custom` are the permissions of their custom role, if they have one."""
    return frozenset(MATRIX[role] if custom is None else _KNOWN.intersection(custom))
