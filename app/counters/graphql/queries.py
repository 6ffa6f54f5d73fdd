"""Reading counters."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.counters import repository
from app.counters.graphql.loaders import counter_node, shift_node
from app.counters.graphql.types import Counter, CounterConnection, CounterEdge
from app.identity.permissions import Permission


@strawberry.type
class CounterQuery:
    @strawberry.field(
        description="The tenant's counters in order of creation.", extensions=[Requires(Permission.COUNTER_READ)]
    )
    async def counters(self, info: Info, first: First, after: After = None) -> CounterConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(CounterConnection, CounterEdge, page, Counter.of)


NODES = {"Counter": counter_node, "Shift": shift_node}
