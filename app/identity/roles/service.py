"""What can be done with a tenant's own roles: create, update, delete; and what giving one to somebody means.

All of it is done under the tenant's lock, as giving roles is: what is given is what was looked at. Giving and taking
them is `identity/service.py`'s business.
"""

from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.events import Event, record
from app.core.ids import new_id
from app.identity.models import Role, User
from app.identity.roles import events, repository, rules
from app.identity.roles.errors import RoleInUse, RoleNameTaken
from app.identity.roles.events import ROLE
from app.identity.roles.grants import Grant
from app.identity.roles.models import CustomRole
from app.tenants import service as tenants
from app.tenants.errors import LimitReached


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role as it is asked for."""

    name: str
    permissions: list[str]
    base_role: Role = Role.STAFF
    description: str | None = None


class RoleChanges(TypedDict, total=False):
    """What is to be different."""

    name: str
    description: str | None
    permissions: list[str]


async def create(tx: WriteTx, new: NewRole) -> CustomRole:
    """Define a role. Raises `InvalidInput`, `PermissionNotGrantable`, `LimitReached`, `RoleNameTaken`."""
    now, who = tx.now(), tx.actor.label
    role = CustomRole(
        tenant_id=tx.tenant,
        id=new_id(),
        name=rules.name(new.name),
        description=rules.description(new.description),
        base_role=rules.base_role(new.base_role),
        permissions=rules.permissions(new.permissions),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    rules.ensure_grantable(tx.actor, role.permissions)
    limits = await tenants.hold_limits(tx)
    if await repository.count(tx) >= limits.custom_roles:
        raise LimitReached("customRoles", limits.custom_roles)
    tx.add(role)
    await _flush(tx)
    record(tx, ROLE, role.id, role.revision, events.RoleCreated(role.name, role.base_role, role.permissions), now)
    return role


async def update(tx: WriteTx, role_id: UUID, changes: RoleChanges) -> CustomRole:
    """Change some of a role, for all who have it, at once; nothing is recorded if everything is so already.

    Raises `InvalidInput`, `PermissionNotGrantable`, `RoleNameTaken`, `NotFound`.
    """
    await tenants.hold_limits(tx)
    role = await repository.lock(tx, role_id)
    wanted = _wanted(changes)
    changed = sorted(name for name, value in wanted.items() if getattr(role, name) != value)
    if not changed:
        return role
    # Before and after: whoever may do less than its users neither widens nor cripples what they may do.
    rules.ensure_grantable(tx.actor, [*role.permissions, *wanted.get("permissions", [])])
    for name in changed:
        setattr(role, name, wanted[name])
    await _note(tx, role, events.RoleUpdated(changed, role.permissions))
    return role


async def delete(tx: WriteTx, role_id: UUID) -> CustomRole:
    """Take a role away that nobody has. Raises `RoleInUse`, `PermissionNotGrantable`, `NotFound`."""
    await tenants.hold_limits(tx)
    role = await repository.lock(tx, role_id)
    rules.ensure_grantable(tx.actor, role.permissions)
    if users := (await repository.user_counts(tx, [role.id]))[role.id]:
        raise RoleInUse(users)
    record(tx, ROLE, role.id, role.revision + 1, events.RoleDeleted(role.name), tx.now())
    await tx.delete(role)
    await _flush(tx)
    return role


async def grant(tx: ReadTx, role: Role, custom_role_id: UUID | None) -> Grant:
    """What giving this means; a custom role goes before `role`. `NotFound` if the tenant has no such custom role."""
    if custom_role_id is None:
        return Grant(role)
    custom = await repository.get(tx, custom_role_id)
    return Grant(custom.base_role, custom)


async def grant_of(tx: ReadTx, user: User) -> Grant:
    """What a user has."""
    return await grant(tx, user.role, user.custom_role_id)


def _wanted(changes: RoleChanges) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "name" in changes:
        wanted["name"] = rules.name(changes["name"])
    if "description" in changes:
        wanted["description"] = rules.description(changes["description"])
    if "permissions" in changes:
        wanted["permissions"] = rules.permissions(changes["permissions"])
    return wanted


async def _note(tx: WriteTx, role: CustomRole, event: Event) -> None:
    role.revision += 1
    role.updated_at, role.updated_by = tx.now(), tx.actor.label
    await _flush(tx)
    record(tx, ROLE, role.id, role.revision, event, role.updated_at)


async def _flush(tx: WriteTx) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        name = constraint_name(error) or ""
        if name == "roles_name_key":
            raise RoleNameTaken from None
        if name.endswith("_fkey"):
            # An invitation, say, that nobody has answered yet.
            raise RoleInUse(0) from None
        raise
