"""What can be done with users: create, update, deactivate, reactivate. Signing in is `logins.py`'s business.

Whatever changes who manages a tenant, or how many users count against its limit, is done under the tenant's lock: it is
taken before the user's, never after.
"""

from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import InvalidInput
from app.core.events import Event, record
from app.core.ids import new_id
from app.identity import events, repository, rules
from app.identity.errors import EmailTaken, LastAdmin, SelfDeactivation, UsernameTaken
from app.identity.events import USER
from app.identity.models import Role, User, UserStatus
from app.identity.passwords import HashedPassword
from app.identity.roles import service as roles
from app.identity.roles.grants import Grant
from app.tenants import repository as tenants
from app.tenants import service as tenant_service
from app.tenants.errors import LimitReached

# Somebody active has to keep each of these, where somebody has it.
_INDISPENSABLE = frozenset({Role.SUPER_ADMIN, Role.ADMIN})
# What says together which role somebody has.
_ROLE = frozenset({"role", "custom_role_id"})


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user as they are asked for. The password was hashed before the block: hashing is slow."""

    email: str
    password: HashedPassword
    role: Role
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    # Instead of `role`, which then is its base.
    custom_role_id: UUID | None = None
    # Where they have shown that the address is theirs.
    email_verified: bool = False


class UserChanges(TypedDict, total=False):
    """What is to be different."""

    email: str
    username: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    role: Role
    # None: the role of the matrix it was based on.
    custom_role_id: UUID | None
    password: HashedPassword


async def create(tx: WriteTx, new: NewUser) -> User:
    """Create a user who can sign in at once.

    Raises `InvalidInput`, `RoleNotGrantable`, `LimitReached`, `EmailTaken`, `UsernameTaken`, `NotFound` (of the role).
    """
    await tenants.lock(tx, tx.tenant)
    grant = await roles.grant(tx, new.role, new.custom_role_id)
    rules.ensure_may_manage(tx.actor, grant)
    now, who = tx.now(), tx.actor.label
    user = User(
        tenant_id=tx.tenant,
        id=new_id(),
        email=rules.email(new.email),
        username=rules.username(new.username),
        first_name=rules.person_name("firstName", new.first_name),
        last_name=rules.person_name("lastName", new.last_name),
        phone=rules.phone(new.phone),
        password_hash=new.password,
        role=grant.role,
        custom_role_id=new.custom_role_id,
        email_verified=new.email_verified,
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    await ensure_room(tx, user.role)
    tx.add(user)
    await flush(tx)
    record(tx, USER, user.id, user.revision, events.UserCreated(user.role, user.custom_role_id), now)
    return user


async def update(tx: WriteTx, user_id: UUID, changes: UserChanges) -> User:
    """Change some of a user; nothing is recorded if everything is so already.

    A new role makes tokens that were given out before unusable until they are refreshed; a new password ends every
    sign-in. Raises `InvalidInput`, `RoleNotGrantable`, `LastAdmin`, `LimitReached`, `EmailTaken`, `UsernameTaken`,
    `NotFound`.
    """
    if not _ROLE.isdisjoint(changes):
        await tenants.lock(tx, tx.tenant)
    user = await repository.lock(tx, user_id)
    rules.ensure_may_manage(tx.actor, await roles.grant_of(tx, user))
    wanted = _wanted(changes) | await _wanted_role(tx, user, changes)
    changed = sorted(name for name, value in wanted.items() if getattr(user, name) != value)
    if not changed:
        return user
    if not _ROLE.isdisjoint(changed):
        await _ensure_role_may_change(tx, user, await roles.grant(tx, wanted["role"], wanted["custom_role_id"]))
    for name in changed:
        setattr(user, name, wanted[name])
    if "email" in changed:
        user.email_verified = False
    if "phone" in changed:
        user.phone_verified = False
    if not {*_ROLE, "password_hash"}.isdisjoint(changed):
        user.permission_version += 1
    if "password_hash" in changed:
        await repository.revoke_logins(tx, user.id, "password changed")
    await _note(tx, user, events.UserUpdated(changed, user.role, user.custom_role_id))
    return user


async def deactivate(tx: WriteTx, user_id: UUID) -> User:
    """Take a user's access away: every sign-in ends. Nothing happens if they are inactive already.

    Raises `SelfDeactivation`, `RoleNotGrantable`, `LastAdmin`, `NotFound`.
    """
    await tenants.lock(tx, tx.tenant)
    user = await repository.lock(tx, user_id)
    if tx.actor.id == user.id:
        raise SelfDeactivation
    rules.ensure_may_manage(tx.actor, await roles.grant_of(tx, user))
    if user.status is UserStatus.INACTIVE:
        return user
    await _ensure_dispensable(tx, user)
    user.status = UserStatus.INACTIVE
    user.permission_version += 1
    await repository.revoke_logins(tx, user.id, "deactivated")
    await _note(tx, user, events.UserDeactivated())
    return user


async def reactivate(tx: WriteTx, user_id: UUID) -> User:
    """Let a user sign in again. Nothing happens if they may. Raises `RoleNotGrantable`, `LimitReached`, `NotFound`."""
    await tenants.lock(tx, tx.tenant)
    user = await repository.lock(tx, user_id)
    rules.ensure_may_manage(tx.actor, await roles.grant_of(tx, user))
    if user.status is UserStatus.ACTIVE:
        return user
    if user.status is UserStatus.INACTIVE:
        await ensure_room(tx, user.role)
    user.status = UserStatus.ACTIVE
    user.permission_version += 1
    await _note(tx, user, events.UserReactivated())
    return user


def note(tx: WriteTx, user: User, event: Event) -> None:
    """Record a fact about a user whose lock is held."""
    user.revision += 1
    record(tx, USER, user.id, user.revision, event, tx.now())


async def _note(tx: WriteTx, user: User, event: Event) -> None:
    user.updated_at, user.updated_by = tx.now(), tx.actor.label
    note(tx, user, event)
    await flush(tx)


def _wanted(changes: UserChanges) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if "email" in changes:
        wanted["email"] = rules.email(changes["email"])
    if "username" in changes:
        wanted["username"] = rules.username(changes["username"])
    if "first_name" in changes:
        wanted["first_name"] = rules.person_name("firstName", changes["first_name"])
    if "last_name" in changes:
        wanted["last_name"] = rules.person_name("lastName", changes["last_name"])
    if "phone" in changes:
        wanted["phone"] = rules.phone(changes["phone"])
    if "password" in changes:
        wanted["password_hash"] = changes["password"]
    return wanted


async def _wanted_role(tx: WriteTx, user: User, changes: UserChanges) -> dict[str, Any]:
    """Both columns, for one says nothing without the other; nothing where neither is to change."""
    if _ROLE.isdisjoint(changes):
        return {}
    custom_role_id = changes.get("custom_role_id")
    if custom_role_id is not None and "role" in changes:
        raise InvalidInput("customRoleId", "Give a user either a role or a custom role, not both.")
    grant = await roles.grant(tx, changes.get("role", user.role), custom_role_id)
    return {"role": grant.role, "custom_role_id": custom_role_id}


async def _ensure_role_may_change(tx: WriteTx, user: User, grant: Grant) -> None:
    rules.ensure_may_manage(tx.actor, grant)
    await _ensure_dispensable(tx, user)
    counts_elsewhere = (user.role is Role.CUSTOMER) != (grant.role is Role.CUSTOMER)
    if counts_elsewhere and user.status is not UserStatus.INACTIVE:
        await ensure_room(tx, grant.role)


async def _ensure_dispensable(tx: WriteTx, user: User) -> None:
    if user.role not in _INDISPENSABLE or user.custom_role_id is not None or user.status is not UserStatus.ACTIVE:
        return
    if await repository.count_others_active(tx, user.id, user.role) == 0:
        raise LastAdmin(user.role)


async def ensure_room(tx: WriteTx, role: Role) -> None:
    """`LimitReached` if the tenant has as many members of staff, or customers, as it may; under the tenant's lock."""
    limits = await tenant_service.limits_of(tx)
    if role is Role.CUSTOMER:
        if await repository.count_customers(tx) >= limits.customers:
            raise LimitReached("customers", limits.customers)
    elif await repository.count_staff(tx) >= limits.staff:
        raise LimitReached("staff", limits.staff)


async def flush(tx: WriteTx) -> None:
    """Send what was changed to the database. Raises `EmailTaken`, `UsernameTaken`."""
    try:
        await tx.flush()
    except IntegrityError as error:
        match constraint_name(error):
            case "users_email_key":
                raise EmailTaken from None
            case "users_username_key":
                raise UsernameTaken from None
        raise
