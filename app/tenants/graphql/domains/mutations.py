"""The mutations of a tenant's own domain. The platform sets domains without a proof, with `tenantUpdate`."""

from urllib.parse import urlsplit

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.tenants.domains import service
from app.tenants.graphql.domains import inputs, results
from app.tenants.graphql.loaders import load_tenant
from app.tenants.graphql.types import Tenant


@strawberry.type
class TenantDomainMutation:
    @strawberry.mutation(
        description=(
            "Claim a domain for one's own business. The answer says which TXT record to publish; then verify it. "
            "Another claim takes the place of this one; the same again changes nothing."
        ),
        extensions=[Requires(Permission.TENANT_WRITE)],
    )
    async def tenant_domain_claim(
        self, info: Info, input: inputs.TenantDomainClaimInput
    ) -> results.TenantDomainClaimResult:
        own_host = urlsplit(info.context.runtime.settings.base_url).hostname
        async with info.context.write() as tx:
            tenant = await service.claim(tx, input.domain, own_host)
        return results.TenantDomainClaimSuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description=(
            "Look for the record, and make the domain the business's: what is public can then be asked there without a "
            "slug. The domain it had before is free. Takes 5 s at most."
        ),
        extensions=[Requires(Permission.TENANT_WRITE)],
    )
    async def tenant_domain_verify(
        self, info: Info, input: inputs.TenantDomainVerifyInput
    ) -> results.TenantDomainVerifyResult:
        async with info.context.read() as tx:
            challenge = await service.claimed(tx, input.domain)
        if challenge is None:
            return results.TenantDomainVerifySuccess(tenant=await load_tenant(info.context, info.context.tenant_id))
        await service.ensure_published(info.context.runtime.settings, input.domain, challenge)
        async with info.context.write() as tx:
            tenant = await service.verify(tx, input.domain, challenge)
        return results.TenantDomainVerifySuccess(tenant=Tenant.of(tenant))

    @strawberry.mutation(
        description="Give up the business's domain, or the claim to one; effective at once.",
        extensions=[Requires(Permission.TENANT_WRITE)],
    )
    async def tenant_domain_remove(
        self, info: Info, input: inputs.TenantDomainRemoveInput
    ) -> results.TenantDomainRemoveResult:
        async with info.context.write() as tx:
            tenant = await service.remove(tx, input.domain)
        return results.TenantDomainRemoveSuccess(tenant=Tenant.of(tenant))
