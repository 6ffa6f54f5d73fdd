"""What a tenant's own role may look like, and who may have a say in it. Reads and writes nothing."""

import re
from collections.abc import Iterable

from app.core.actor import Actor, ActorKind
from app.core.errors import InvalidInput
from app.core.texts import ensure_text
from app.identity.models import Role
from app.identity.permissions import Permission
from app.identity.roles.errors import PermissionNotGrantable

# A customer does not count against the limit of staff, and super-admins are the platform's.
BASES = (Role.ADMIN, Role.MANAGER, Role.STAFF)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_RESERVED = frozenset(role.value.casefold() for role in Role)


def name(value: str) -> str:
    """A name without space around it. `InvalidInput` otherwise, and for the name of a role that everybody has."""
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= 80 or _CONTROL.search(trimmed):
        raise InvalidInput("name", "`name` needs 1 to 80 characters, on one line.")
    if trimmed.casefold().replace(" ", "_") in _RESERVED:
        raise InvalidInput("name", "This is the name of one of the five roles that are always there; choose another.")
    return trimmed


def description(value: str | None) -> str | None:
    """At most 500 characters; None for an empty one. `InvalidInput` otherwise."""
    ensure_text("description", value or "", 0, 500)
    return (value or "").strip() or None


def base_role(value: Role) -> Role:
    """What its users may count as. `InvalidInput` otherwise."""
    if value not in BASES:
        raise InvalidInput("baseRole", "A custom role counts as `ADMIN`, `MANAGER` or `STAFF`.")
    return value


def permissions(values: Iterable[str]) -> list[str]:
    """At least one permission there is, each once, sorted. `InvalidInput` otherwise."""
    wanted = sorted(set(values))
    if not wanted:
        raise InvalidInput("permissions", "Give at least one permission; for users without any there is `CUSTOMER`.")
    if not set(Permission).issuperset(wanted):
        raise InvalidInput(
            "permissions", "There is no such permission; the query `permissionMatrix` shows those there are."
        )
    return wanted


def ensure_grantable(actor: Actor, permissions: Iterable[str]) -> None:
    """`PermissionNotGrantable` unless the actor has all of them: nobody gives what they do not have."""
    beyond = {permission for permission in permissions if not actor.may(permission)}
    if beyond and actor.kind is not ActorKind.SYSTEM:
        raise PermissionNotGrantable(beyond)
