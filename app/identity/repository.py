"""Every statement about users, their sign-ins, and the keys that sign tokens."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, select, update

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.personal.sealed import sealed
from app.identity.factors.models import LoginChallenge
from app.identity.models import (
    ImportedHashKind,
    KeyPurpose,
    KeyStatus,
    Login,
    RefreshToken,
    Role,
    SigningKey,
    User,
    UserStatus,
)
from app.identity.roles.grants import permissions_of
from app.identity.roles.models import CustomRole
from app.tenants.models import Tenant, TenantStatus

# One change of the key ring at a time.
_KEY_RING_LOCK = 7_718_003


async def get(tx: ReadTx, user_id: UUID) -> User:
    """A user of the tenant. `NotFound` otherwise."""
    found = await tx.get(User, (tx.tenant, user_id))
    if found is None:
        raise NotFound("User")
    return found


async def by_email(tx: ReadTx, email: str) -> User | None:
    """A user of the tenant by e-mail, as it is stored."""
    return (
        await tx.exec(select(User).where(User.tenant_id == tx.tenant, sealed(User.email).matches(tx.tenant, email)))
    ).one_or_none()


async def imported_hash_kinds(tx: ReadTx) -> Sequence[str]:
    """The kinds of password hashes people of the tenant were imported with; at most 4, the slowest ones."""
    found = await tx.exec(
        select(ImportedHashKind.kind)
        .where(ImportedHashKind.tenant_id == tx.tenant)
        # bcrypt is named `$2…` and is the slow one; more rounds, or more memory, come last.
        .order_by(col(ImportedHashKind.kind).like("$argon%"), col(ImportedHashKind.kind).desc())
        .limit(4)
    )
    return found.all()


async def note_imported_hash(tx: WriteTx, kind: str) -> None:
    """Somebody of the tenant has a password hash of this kind."""
    new = insert(ImportedHashKind).values(tenant_id=tx.tenant, kind=kind)
    await tx.exec(new.on_conflict_do_nothing())


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, User]:
    """Users of the tenant by id."""
    found = await tx.exec(select(User).where(User.tenant_id == tx.tenant, col(User.id).in_(ids)))
    return {user.id: user for user in found}


async def page(tx: ReadTx, request: PageRequest) -> Page[User]:
    """The tenant's users in order of creation."""
    statement = select(User).where(User.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [User.created_at, User.id], request)  # type: ignore[list-item]


async def lock(tx: WriteTx, user_id: UUID) -> User:
    """A user, held until the transaction ends, with all their sign-ins. After the tenant, never before. `NotFound`."""
    found = await tx.exec(
        select(User)
        .where(User.tenant_id == tx.tenant, User.id == user_id)
        # NO KEY UPDATE: shifts and sessions that point to the user need not wait.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    user = found.one_or_none()
    if user is None:
        raise NotFound("User")
    return user


async def count_staff(tx: ReadTx) -> int:
    """Users who count against the tenant's limit: all but customers and those who left."""
    found = await tx.exec(
        select(func.count())
        .select_from(User)
        .where(User.tenant_id == tx.tenant, User.role != Role.CUSTOMER, User.status != UserStatus.INACTIVE)
    )
    return found.one()


async def count_customers(tx: ReadTx) -> int:
    """Customers who count against the tenant's limit: all but those who left."""
    found = await tx.exec(
        select(func.count())
        .select_from(User)
        .where(User.tenant_id == tx.tenant, User.role == Role.CUSTOMER, User.status != UserStatus.INACTIVE)
    )
    return found.one()


async def count_others_active(tx: ReadTx, user_id: UUID, role: Role) -> int:
    """Active users with a role of the matrix, but for one."""
    found = await tx.exec(
        select(func.count())
        .select_from(User)
        .where(
            User.tenant_id == tx.tenant,
            User.role == role,
            col(User.custom_role_id).is_(None),
            User.status == UserStatus.ACTIVE,
            col(User.id) != user_id,
        )
    )
    return found.one()


class Standing(NamedTuple):
    """What every use of a user's token depends on, as it is now."""

    tenant_status: TenantStatus
    user_status: UserStatus
    permissions: frozenset[str]
    permission_version: int
    login_revoked_at: datetime | None
    login_expires_at: datetime


async def standing(tx: ReadTx, user_id: UUID, login_id: UUID) -> Standing | None:
    """How a user stands, with the sign-in their token is from; None if either is gone."""
    found = await tx.exec(
        select(Tenant.status, User, Login, CustomRole.permissions)
        .join(User, col(User.tenant_id) == Tenant.id)
        .join(Login, (col(Login.tenant_id) == User.tenant_id) & (col(Login.user_id) == User.id))
        .outerjoin(
            CustomRole,
            (col(CustomRole.tenant_id) == User.tenant_id) & (col(CustomRole.id) == User.custom_role_id),
        )
        .where(Tenant.id == tx.tenant, User.id == user_id, Login.id == login_id)
    )
    row = found.one_or_none()
    if row is None:
        return None
    tenant_status, user, login, custom = row
    return Standing(
        TenantStatus(tenant_status),
        user.status,
        permissions_of(user.role, custom),
        user.permission_version,
        login.revoked_at,
        login.expires_at,
    )


async def login(tx: ReadTx, login_id: UUID) -> Login | None:
    """A sign-in by id."""
    return await tx.get(Login, (tx.tenant, login_id))


async def login_of(tx: ReadTx, token_hash: str) -> Login | None:
    """The sign-in a refresh token belongs to."""
    found = await tx.exec(
        select(Login)
        .join(
            RefreshToken,
            (col(RefreshToken.tenant_id) == Login.tenant_id) & (col(RefreshToken.login_id) == Login.id),
        )
        .where(Login.tenant_id == tx.tenant, RefreshToken.token_hash == token_hash)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def refresh_token(tx: ReadTx, token_hash: str) -> RefreshToken:
    """A refresh token that is known to exist, as it is now."""
    found = await tx.exec(
        select(RefreshToken)
        .where(RefreshToken.tenant_id == tx.tenant, RefreshToken.token_hash == token_hash)
        .execution_options(populate_existing=True)
    )
    return found.one()


async def revoke_logins(tx: WriteTx, user_id: UUID, reason: str, *, but: UUID | None = None) -> None:
    """End every running sign-in of a user, but perhaps for one, and every one that waits for its second factor."""
    running = update(Login).where(
        col(Login.tenant_id) == tx.tenant, col(Login.user_id) == user_id, col(Login.revoked_at).is_(None)
    )
    if but is not None:
        running = running.where(col(Login.id) != but)
    await tx.exec(running.values(revoked_at=tx.now(), revoke_reason=reason))
    await end_challenges(tx, user_id)


async def end_challenges(tx: WriteTx, user_id: UUID) -> None:
    """End every sign-in of a user that waits for its second factor: what it was proved with is good no more."""
    await tx.exec(
        update(LoginChallenge)
        .where(
            col(LoginChallenge.tenant_id) == tx.tenant,
            col(LoginChallenge.user_id) == user_id,
            col(LoginChallenge.used_at).is_(None),
        )
        .values(used_at=tx.now())
    )


async def lock_keys(tx: WriteTx) -> None:
    """Hold the key ring until the transaction ends."""
    await tx.exec(text("select pg_advisory_xact_lock(:key)"), params={"key": _KEY_RING_LOCK})  # type: ignore[call-overload]


async def signing_keys(tx: ReadTx) -> Sequence[SigningKey]:
    """The key ring, oldest first."""
    return (await tx.exec(select(SigningKey).order_by(col(SigningKey.created_at), col(SigningKey.kid)))).all()


async def drop_keys_retired_before(tx: WriteTx, purpose: KeyPurpose, moment: datetime) -> None:
    """Forget keys of a purpose that nothing was signed with for so long."""
    await tx.exec(
        delete(SigningKey).where(
            col(SigningKey.purpose) == purpose,
            col(SigningKey.status) == KeyStatus.RETIRED,
            col(SigningKey.retired_at) < moment,
        )
    )
