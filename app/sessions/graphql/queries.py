"""Reading sessions, display boards and queues of the past."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.errors import BadInput
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.ids import encode
from app.identity.permissions import Permission
from app.queues import service as queues
from app.sessions.graphql.display import MAX_QUEUES, Display, DisplayCall, DisplayQueue, QueueSnapshot, SnapshotPlace
from app.sessions.graphql.loaders import load_session, session_node, session_ref
from app.sessions.graphql.types import Session
from app.sessions.live import LiveLine
from app.sessions.stored import line_as_of

QueueIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description=f"1 to {MAX_QUEUES} queues of one tenant."),
]
SNAPSHOT_PLACES = 100


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
        description="A queue as it was at a past time, built from its log.",
        extensions=[Requires(Permission.EVENT_READ)],
    )
    async def queue_as_of(
        self,
        info: Info,
        queue_id: IdArgument,
        at: Annotated[datetime, strawberry.argument(description="The time, with its zone.")],
    ) -> QueueSnapshot:
        if at.tzinfo is None:
            raise BadInput("`at` needs a time zone, e.g. `2026-05-04T10:00:00Z`.")
        ref = info.context.ref("Queue", queue_id)
        # One at a time in a process: folding a long log is work, and must not take the readers' connections.
        async with info.context.runtime.turns.of("queueAsOf"), info.context.read() as tx:
            await queues.get(tx, ref.id)
            line, changed_at = await line_as_of(tx, ref.id, at)
        return QueueSnapshot(
            at=at,
            revision=line.revision,
            changed_at=changed_at,
            status=line.state.status,
            waiting_count=line.state.waiting_count,
            called_count=line.state.called_count,
            serving_count=line.state.serving_count,
            open_counter_count=line.state.open_counter_count,
            waiting=[
                SnapshotPlace(
                    position=position,
                    ticket_number=entry.ticket_number,
                    session_id=strawberry.ID(encode("Session", ref.tenant_id, entry.id)),
                )
                for position, entry in enumerate(line.head(SNAPSHOT_PLACES), start=1)
            ],
            now_serving=DisplayCall.all_of(line),
        )


NODES = {"Session": session_node}
