"""Every statement about tenants. Only the platform (the system role) sees more than the bound one."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, delete, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.events.models import EventRow
from app.tenants.models import Tenant


async def get(tx: ReadTx, tenant_id: UUID) -> Tenant:
    """A tenant. `NotFound` if there is none, or none this block may see."""
    found = await tx.get(Tenant, tenant_id)
    if found is None:
        raise NotFound("Tenant")
    return found


async def find(tx: ReadTx, tenant_id: UUID) -> Tenant | None:
    """A tenant this block may see, if there is one."""
    return await tx.get(Tenant, tenant_id)


async def by_slug(tx: ReadTx, slug: str) -> Tenant | None:
    """A tenant by slug; needs a block of the platform."""
    return (await tx.exec(select(Tenant).where(Tenant.slug == slug))).one_or_none()


async def by_domain(tx: ReadTx, domain: str) -> Tenant | None:
    """A tenant by its own domain; needs a block of the platform."""
    return (await tx.exec(select(Tenant).where(Tenant.domain == domain))).one_or_none()


async def ids_by_slug(tx: ReadTx, slug: str | None = None) -> dict[str, UUID]:
    """Every tenant, or the one with this slug; needs a block of the platform."""
    statement = select(Tenant.slug, Tenant.id).order_by(Tenant.slug)
    found = await tx.exec(statement if slug is None else statement.where(Tenant.slug == slug))
    return dict(found.all())


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, Tenant]:
    """Those of these tenants the block may see, by id."""
    found = await tx.exec(select(Tenant).where(col(Tenant.id).in_(ids)))
    return {tenant.id: tenant for tenant in found}


async def page(tx: ReadTx, request: PageRequest) -> Page[Tenant]:
    """Tenants in order of creation; needs a block of the platform."""
    return await fetch_page(tx, select(Tenant), [Tenant.created_at, Tenant.id], request)  # type: ignore[list-item]


async def lock(tx: WriteTx, tenant_id: UUID) -> Tenant:
    """A tenant, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(Tenant)
        .where(Tenant.id == tenant_id)
        # NO KEY UPDATE: every insert of a tenant's row checks this key, and need not wait for it.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    tenant = found.one_or_none()
    if tenant is None:
        raise NotFound("Tenant")
    return tenant


async def erase(tx: WriteTx, tenant: Tenant) -> None:
    """Remove a tenant and all it owns. The event log has no foreign key, so it is emptied by hand."""
    await tx.exec(delete(EventRow).where(col(EventRow.tenant_id) == tenant.id))
    await tx.delete(tenant)
    await tx.flush()
