"""Reading sessions, display boards and queues of the past."""

from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.errors import BadInput
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Checked, Public, Requires
from app.identity.permissions import Permission
from app.queues import service as queues
from app.sessions.graphql.as_of import At, QueueSnapshot, queue_as_of
from app.sessions.graphql.display import MAX_QUEUES, Display, DisplayQueue
from app.sessions.graphql.loaders import load_session, session_node, session_ref
from app.sessions.graphql.types import Session
from app.sessions.live import LiveLine

QueueIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description=f"1 to {MAX_QUEUES} queues of one tenant."),
]


async def display_refs(context: Context, ids: list[strawberry.ID]) -> tuple[UUID, list[UUID]]:
    """Tenant and queues of a display. `BadInput` for too many or several tenants, else as `open_ref`."""
    refs = [await context.open_ref("Queue", id) for id in ids[: MAX_QUEUES + 1]]
    if not 1 <= len(refs) <= MAX_QUEUES or len({ref.tenant_id for ref in refs}) > 1:
        raise BadInput(f"A display shows 1 to {MAX_QUEUES} queues of one tenant.")
    return refs[0].tenant_id, list(dict.fromkeys(ref.id for ref in refs))


async def show(lives: list[LiveLine]) -> Display:
    """A display of some live lines."""
    shown = []
    for live in lives:
        queue, row = await live.rows()
        shown.append(DisplayQueue.of(queue, row, live.line))
    return Display(queues=shown)


@strawberry.type
class SessionQuery:
    @strawberry.field(
        description="A session by id.",
        extensions=[Checked("For the session's visitor (session token), or staff with `session:read`.")],
    )
    async def session(self, info: Info, id: IdArgument) -> Session | None:
        return await load_session(info.context, session_ref(info.context, id, Permission.SESSION_READ))

    @strawberry.field(description="What a display board shows now.", extensions=[Public()])
    async def display(self, info: Info, queue_ids: QueueIds) -> Display | None:
        tenant_id, ids = await display_refs(info.context, queue_ids)
        async with info.context.read(tenant_id) as tx:
            revisions = await queues.public_revisions(tx, ids)
        return await show([await info.context.runtime.lines.get(tenant_id, id, revisions[id]) for id in ids])

    @strawberry.field(
        description="A queue as it was at a past time, built from its log; the same as its `asOf`.",
        extensions=[Requires(Permission.EVENT_READ)],
    )
    async def queue_as_of(self, info: Info, queue_id: IdArgument, at: At) -> QueueSnapshot:
        return await queue_as_of(info.context, *info.context.ref("Queue", queue_id), at)


NODES = {"Session": session_node}
