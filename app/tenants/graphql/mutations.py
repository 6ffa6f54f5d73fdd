"""Mutations of tenants. All but `tenantUpdate` are the platform's; a tenant's administrators may change their own."""

from contextlib import AbstractAsyncContextManager
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.db import WriteTx
from app.core.db.outage import again_after_deadlocks
from app.core.errors import NotFound
from app.core.graphql.permissions import Checked, Requires
from app.core.ids import decode
from app.identity import founding
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.tenants import service
from app.tenants.graphql import inputs, results
from app.tenants.graphql.types import Tenant
from app.tenants.service import PLATFORM_FIELDS, TenantChanges

_PLATFORM_ONLY = Requires(Permission.PLATFORM_TENANTS)


@strawberry.type
class TenantMutation:
    @strawberry.mutation(
        description="Create a tenant with its first administrator; both can be used at once.",
        extensions=[_PLATFORM_ONLY],
    )
    async def tenant_create(self, info: Info, input: inputs.TenantCreateInput) -> results.TenantCreateResult:
        tenant_id = founding.tenant_id_for(info.context.tenant_id, input.idempotency_key)
        administrator = await input.administrator()
        async with info.context.platform_write(tenant_id) as tx:
            tenant = await founding.found(tx, input.tenant(), administrator, input.idempotency_key)
        return results.TenantCreateSuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description="Change a tenant; effective at once.",
        extensions=[
            Checked(
                "Needs the permission `tenant:write` in one's own tenant; `platform:tenants` for other tenants, and "
                "for slug, domain and limits."
            )
        ],
    )
    async def tenant_update(self, info: Info, input: inputs.TenantUpdateInput) -> results.TenantUpdateResult:
        tenant_id, changes = _tenant_id(info.context, input.tenant_id), input.changes()
        async with _changing(info.context, tenant_id, changes) as tx:
            tenant = await service.update(tx, tenant_id, changes)
        return results.TenantUpdateSuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description=(
            "Turn a tenant's users and visitors away, within 2 s, sockets included. Nothing is lost, and nothing "
            "happens if it is suspended already."
        ),
        extensions=[_PLATFORM_ONLY],
    )
    async def tenant_suspend(self, info: Info, input: inputs.TenantSuspendInput) -> results.TenantSuspendResult:
        tenant_id = _tenant_id(info.context, input.tenant_id)
        async with info.context.platform_write(tenant_id) as tx:
            tenant = await service.suspend(tx, tenant_id)
        return results.TenantSuspendSuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description="Let a tenant serve again. Nothing happens if it does already.", extensions=[_PLATFORM_ONLY]
    )
    async def tenant_reactivate(
        self, info: Info, input: inputs.TenantReactivateInput
    ) -> results.TenantReactivateResult:
        tenant_id = _tenant_id(info.context, input.tenant_id)
        async with info.context.platform_write(tenant_id) as tx:
            tenant = await service.reactivate(tx, tenant_id)
        return results.TenantReactivateSuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description="Erase a suspended tenant and everything it owns. There is no way back.",
        extensions=[StepUp(), _PLATFORM_ONLY],
    )
    async def tenant_delete(self, info: Info, input: inputs.TenantDeleteInput) -> results.TenantDeleteResult:
        tenant_id = _tenant_id(info.context, input.tenant_id)

        async def delete() -> None:
            async with info.context.platform_write(info.context.tenant_id) as tx:
                await service.delete(tx, tenant_id, input.slug)

        # The relay and workers may still be busy with what the tenant did last.
        await again_after_deadlocks(delete)
        return results.TenantDeleteSuccess(tenant_id=input.tenant_id)


def _tenant_id(context: Context, id: str) -> UUID:
    """The key of a tenant: one's own, or for the platform any."""
    ref = decode("Tenant", id)
    if ref.id != ref.tenant_id:
        raise NotFound("Tenant")
    if not context.actor.may(Permission.PLATFORM_TENANTS):
        context.actor.require_tenant(ref.id, "Tenant")
    return ref.id


def _changing(context: Context, tenant_id: UUID, changes: TenantChanges) -> AbstractAsyncContextManager[WriteTx]:
    """The block to change a tenant in: its administrators', or, for what only the platform may, the platform's."""
    if tenant_id == context.actor.tenant_id and PLATFORM_FIELDS.isdisjoint(changes):
        context.actor.require(Permission.TENANT_WRITE)
        return context.write()
    context.actor.require(Permission.PLATFORM_TENANTS)
    return context.platform_write(tenant_id)
