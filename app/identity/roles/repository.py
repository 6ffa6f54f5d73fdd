"""Every statement about a tenant's own roles."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.identity.models import User
from app.identity.roles.models import CustomRole


async def get(tx: ReadTx, role_id: UUID) -> CustomRole:
    """A role of the tenant. `NotFound` otherwise."""
    found = await tx.get(CustomRole, (tx.tenant, role_id))
    if found is None:
        raise NotFound("CustomRole")
    return found


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, CustomRole]:
    """Roles of the tenant by id."""
    found = await tx.exec(select(CustomRole).where(CustomRole.tenant_id == tx.tenant, col(CustomRole.id).in_(ids)))
    return {role.id: role for role in found}


async def page(tx: ReadTx, request: PageRequest) -> Page[CustomRole]:
    """The tenant's roles in order of creation."""
    statement = select(CustomRole).where(CustomRole.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [CustomRole.created_at, CustomRole.id], request)  # type: ignore[list-item]


async def lock(tx: WriteTx, role_id: UUID) -> CustomRole:
    """A role, held until the transaction ends. After the tenant, before users. `NotFound` otherwise."""
    found = await tx.exec(
        select(CustomRole)
        .where(CustomRole.tenant_id == tx.tenant, CustomRole.id == role_id)
        # NO KEY UPDATE: users that are written meanwhile point to it, and need not wait.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    role = found.one_or_none()
    if role is None:
        raise NotFound("CustomRole")
    return role


async def count(tx: ReadTx) -> int:
    """How many roles the tenant has defined."""
    found = await tx.exec(select(func.count()).select_from(CustomRole).where(CustomRole.tenant_id == tx.tenant))
    return found.one()


async def user_counts(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many users have each of these roles, deactivated ones included."""
    found = await tx.exec(
        select(User.custom_role_id, func.count())
        .where(User.tenant_id == tx.tenant, col(User.custom_role_id).in_(ids))
        .group_by(col(User.custom_role_id))
    )
    counted = {id: count for id, count in found if id is not None}
    return {id: counted.get(id, 0) for id in ids}
