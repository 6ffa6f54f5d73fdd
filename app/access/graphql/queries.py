"""Reading codes. A queue's lists and codes are fields of the queue."""

from typing import Annotated

import strawberry

from app.access.graphql.loaders import code_by_text, code_node
from app.access.graphql.types import AccessCode
from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission


@strawberry.type
class AccessQuery:
    @strawberry.field(
        description="What a code is that somebody shows; null for what is no code of the queue.",
        extensions=[Requires(Permission.ACCESS_READ)],
    )
    async def access_code(
        self,
        info: Info,
        queue_id: Annotated[strawberry.ID, strawberry.argument(description="The queue.")],
        code: Annotated[str, strawberry.argument(description="The code, however it is typed.")],
    ) -> AccessCode | None:
        return await code_by_text(info.context, info.context.ref("Queue", queue_id), code)


NODES = {"AccessCode": code_node}
