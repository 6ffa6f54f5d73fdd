"""Reading tenants."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Public, Requires
from app.identity.permissions import Permission
from app.tenants import repository
from app.tenants.graphql.loaders import addressed, tenant_node
from app.tenants.graphql.types import Tenant, TenantConnection, TenantEdge


@strawberry.type
class TenantQuery:
    @strawberry.field(
        description=(
            "A tenant by slug; without one, the tenant whose own domain the request came to (`Host`), else the "
            "caller's own. Null if there is none. Suspended ones are found too: look at `status`."
        ),
        extensions=[Public("Public, but for the fields that name a permission.")],
    )
    async def tenant(
        self, info: Info, slug: Annotated[str | None, strawberry.argument(description="The tenant's slug.")] = None
    ) -> Tenant | None:
        found = await addressed(info.context, slug)
        return None if found is None else Tenant.of(found)

    @strawberry.field(
        description="All tenants of this installation, in order of creation.",
        extensions=[Requires(Permission.PLATFORM_TENANTS)],
    )
    async def tenants(self, info: Info, first: First, after: After = None) -> TenantConnection:
        async with info.context.platform_read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(TenantConnection, TenantEdge, page, Tenant.of)


NODES = {"Tenant": tenant_node}
