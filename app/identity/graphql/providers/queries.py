"""Reading providers: those anybody can sign in with, and how they are configured."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.permissions import Public, Requires
from app.identity.graphql.providers.loaders import identity_node, provider_node
from app.identity.graphql.providers.types import IdentityProvider, LoginProvider
from app.identity.permissions import Permission
from app.identity.providers import repository
from app.tenants.graphql.loaders import addressed
from app.tenants.models import TenantStatus

TenantSlug = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "The slug of the business. Default: the business whose own domain the request came to, else the caller's "
            "own."
        )
    ),
]


@strawberry.type
class ProviderQuery:
    @strawberry.field(
        description="The providers a business's people can sign in with, by name, at most 20; none if there is none.",
        extensions=[Public()],
    )
    async def login_providers(self, info: Info, tenant_slug: TenantSlug = None) -> list[LoginProvider]:
        runtime = info.context.runtime
        tenant = await addressed(info.context, tenant_slug)
        if tenant is None or tenant.status is not TenantStatus.ACTIVE:
            return []
        async with info.context.read(tenant.id) as tx:
            found = await repository.listed(tx)
        base_url = runtime.settings.base_url
        return [LoginProvider.of(row, tenant.slug, base_url) for row in found if row.enabled]

    @strawberry.field(
        description="The business's providers with their configuration, by name, at most 20.",
        extensions=[Requires(Permission.PROVIDER_READ)],
    )
    async def identity_providers(self, info: Info) -> list[IdentityProvider]:
        async with info.context.read() as tx:
            found = await repository.listed(tx)
        return [IdentityProvider.of(row) for row in found]


NODES = {"IdentityProvider": provider_node, "UserIdentity": identity_node}
