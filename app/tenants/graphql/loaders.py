"""Reads behind tenants, batched per operation where many may be asked for."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.counters import repository as counters
from app.identity import repository as users
from app.identity.api_keys import repository as api_keys
from app.identity.permissions import Permission
from app.identity.roles import repository as roles
from app.queues import repository as queues
from app.tenants import models, repository
from app.tenants.domains import service as domains
from app.tenants.graphql import types
from app.transfers import files


def tenants_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, "types.Tenant | None"]:
    """The tenant itself, once for all who refer to it."""

    async def load(ids: list[UUID]) -> Sequence["types.Tenant | None"]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [types.Tenant.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


async def addressed(context: Context, slug: str | None) -> models.Tenant | None:
    """A tenant by its public address: the one question that has to be asked before a tenant is known.

    Without a slug: the tenant whose domain the request came to, else the caller's own.
    """
    async with context.platform_read() as tx:
        found = await domains.addressed(tx, slug, context.host)
        if found is None and slug is None and context.actor.tenant_id is not None:
            found = await repository.find(tx, context.actor.tenant_id)
    if found is not None:
        await context.visit(found.id)
    return found


async def load_tenant(context: Context, tenant_id: UUID) -> "types.Tenant":
    """A tenant. `NotFound` if there is none."""
    tenant = await context.loader(tenants_by_id, tenant_id).load(tenant_id)
    if tenant is None:
        raise NotFound("Tenant")
    return tenant


async def usage_of(context: Context, tenant_id: UUID) -> "types.TenantUsage":
    """How much a tenant uses; counted as its limits are."""
    requests = await context.runtime.gate.requests_of(tenant_id)
    async with context.read(tenant_id) as tx:
        return types.TenantUsage(
            queues=await queues.count_live(tx),
            waiting_sessions=await queues.waiting_total(tx),
            counters=await counters.count_active(tx),
            staff=await users.count_staff(tx),
            customers=await users.count_customers(tx),
            api_keys=await api_keys.count_live(tx, context.runtime.clock.now()),
            custom_roles=await roles.count(tx),
            storage_megabytes=-(-await files.stored_bytes(tx) // files.MEGABYTE),
            requests_in_a_minute=requests,
        )


async def tenant_node(context: Context, ref: Ref) -> "types.Tenant":
    """A tenant by node id, for its own people and the platform."""
    if ref.id != ref.tenant_id:
        raise NotFound("Tenant")
    if not context.actor.may(Permission.PLATFORM_TENANTS):
        context.actor.require_tenant(ref.id, "Tenant")
    return await load_tenant(context, ref.id)
