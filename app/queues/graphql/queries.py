"""Reading queues. Public by id and by slug; listing them needs a member of staff."""

from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.node import IdArgument
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Public, Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import repository
from app.queues.graphql.inputs import QueueFilter
from app.queues.graphql.loaders import categories_by_id, load_queue
from app.queues.graphql.parts import QueueCategory
from app.queues.graphql.types import Queue, QueueConnection, QueueEdge
from app.tenants.graphql.loaders import addressed


@strawberry.type
class QueueQuery:
    @strawberry.field(description="A queue by id.", extensions=[Public()])
    async def queue(self, info: Info, id: IdArgument) -> Queue | None:
        return await load_queue(info.context, await info.context.open_ref("Queue", id))

    @strawberry.field(
        description="A queue by its address; null if there is none. Archived queues are not found.",
        extensions=[Public()],
    )
    async def queue_by_slug(
        self,
        info: Info,
        slug: Annotated[str, strawberry.argument(description="The queue's slug.")],
        tenant_slug: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "The tenant's slug. Default: the tenant whose own domain the request came to, else the "
                    "caller's own."
                )
            ),
        ] = None,
    ) -> Queue | None:
        tenant = await addressed(info.context, tenant_slug)
        if tenant is None:
            return None
        tenant_id = tenant.id
        await info.context.enter(tenant_id)
        async with info.context.read(tenant_id) as tx:
            found = await repository.by_slug(tx, slug)
        return None if found is None or found[0].archived_at is not None else Queue.of(*found)

    @strawberry.field(
        description="The tenant's queues in order of creation.", extensions=[Requires(Permission.QUEUE_READ)]
    )
    async def queues(
        self,
        info: Info,
        first: First,
        after: After = None,
        filter: Annotated[
            QueueFilter | None, strawberry.argument(description="Which; by default all not archived.")
        ] = None,
    ) -> QueueConnection:
        context, wanted = info.context, filter or QueueFilter()
        async with context.read() as tx:
            page = await repository.page(
                tx,
                PageRequest(first, after),
                status=wanted.status,
                mode=wanted.mode,
                search=wanted.search,
                include_archived=wanted.include_archived,
            )
            found = await repository.with_lines(tx, [queue.id for queue in page.rows])
        return connection(QueueConnection, QueueEdge, page, lambda queue: Queue.of(*found[queue.id]))


async def _category(context: Context, ref: Ref) -> QueueCategory | None:
    row = await context.loader(categories_by_id, ref.tenant_id).load(ref.id)
    return None if row is None else QueueCategory.of(row)


NODES = {"Queue": load_queue, "QueueCategory": _category}
