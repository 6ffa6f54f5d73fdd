"""Reading requests about people's data, and how long it is kept."""

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.privacy import repository, service
from app.privacy.graphql.types import PrivacyRequest, PrivacyRequestConnection, PrivacyRequestEdge, Retention


@strawberry.type
class PrivacyQuery:
    @strawberry.field(
        description="What was asked about people's data, newest first.",
        extensions=[Requires(Permission.PRIVACY_WRITE)],
    )
    async def privacy_requests(self, info: Info, first: First, after: After = None) -> PrivacyRequestConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(PrivacyRequestConnection, PrivacyRequestEdge, page, PrivacyRequest.of)

    @strawberry.field(
        description="For how long the business keeps what says who people are.",
        extensions=[Requires(Permission.PRIVACY_WRITE)],
    )
    async def retention(self, info: Info) -> Retention:
        async with info.context.read() as tx:
            return Retention.of(await repository.retention(tx))


async def _request(context: Context, ref: Ref) -> PrivacyRequest:
    context.actor.require_in(ref.tenant_id, Permission.PRIVACY_WRITE)
    async with context.read(ref.tenant_id) as tx:
        return PrivacyRequest.of(await service.get(tx, ref.id))


NODES = {"PrivacyRequest": _request}
