"""A queue of the past, as its log tells it: the types, and the one way they are answered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from sqlalchemy import Integer

from app.context import Context
from app.core.db.pages import PageRequest, decode_cursor, encode_cursor
from app.core.errors import BadInput
from app.core.graphql.instants import instant
from app.core.graphql.pages import After, First, PageInfo
from app.core.ids import encode
from app.identity.permissions import Permission
from app.queues import service as queues
from app.queues.graphql.enums import QueueStatus
from app.sessions.as_of import MOST_EVENTS, line_as_of
from app.sessions.graphql.display import DisplayCall
from app.sessions.line import Line

SNAPSHOT_PLACES = 100
At = Annotated[
    datetime,
    strawberry.argument(
        description=(
            "The time, with its zone; later than now is now. `BAD_USER_INPUT` where the log is not kept any more, or "
            f"somebody was in the line who had not moved for {MOST_EVENTS:,} changes."
        )
    ),
]


@strawberry.type(description="Somebody in a line of the past.")
class SnapshotPlace:
    position: int = strawberry.field(description="Place in line, from 1.")
    ticket_number: str = strawberry.field(description="E.g. `A042`.")
    session_id: strawberry.ID = strawberry.field(description="The session's id.")


@strawberry.type(description="Somebody in a line of the past, and the cursor.")
class SnapshotPlaceEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it, with the same time.")
    node: SnapshotPlace = strawberry.field(description="The place.")


@strawberry.type(description="A part of a line of the past.")
class SnapshotPlaceConnection:
    edges: list[SnapshotPlaceEdge] = strawberry.field(description="The places.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="A queue as it was at a time, built from its log.")
class QueueSnapshot:
    tenant_key: strawberry.Private[UUID]
    past: strawberry.Private[Line]
    at: datetime = strawberry.field(description="The time asked for.")
    revision: int = strawberry.field(description="The last revision until then; 0 if the queue did not exist yet.")
    changed_at: datetime | None = strawberry.field(description="When that revision was; null for revision 0.")
    status: QueueStatus = strawberry.field(description="What it let happen.")  # type: ignore[valid-type]
    waiting_count: int = strawberry.field(description="People in line.")
    called_count: int = strawberry.field(description="People called whose service had not started.")
    serving_count: int = strawberry.field(description="People being served.")
    open_counter_count: int = strawberry.field(description="Counters that called people.")
    waiting: list[SnapshotPlace] = strawberry.field(description="The first 100 of the line; `line` has all of it.")
    now_serving: list[DisplayCall] = strawberry.field(
        description="Numbers at counters, or let in by a queue of mode `METERED`; latest call first, at most 100."
    )

    @strawberry.field(
        description=(
            "Who stood in line, in order. Nobody for a time in a pre-queue: nobody had a place that could be known."
        )
    )
    def line(self, first: First, after: After = None) -> SnapshotPlaceConnection:
        """A page of what is in memory: a line of the past does not change between two pages."""
        request = PageRequest(first, after)
        begin = 0 if request.after is None else _last_shown(request.after)
        places = _places(self.tenant_key, self.past, begin + request.first + 1)[begin:]
        edges = [
            SnapshotPlaceEdge(cursor=encode_cursor([place.position]), node=place) for place in places[: request.first]
        ]
        end = edges[-1].cursor if edges else None
        return SnapshotPlaceConnection(
            edges=edges, page_info=PageInfo(has_next_page=len(places) > request.first, end_cursor=end)
        )


async def queue_as_of(context: Context, tenant_id: UUID, queue_id: UUID, at: datetime) -> QueueSnapshot:
    """A queue of the past, for whoever may read its log."""
    context.actor.require_in(tenant_id, Permission.EVENT_READ)
    at = instant("at", at)
    # One at a time in a process: folding a long log is work, and must not take the readers' connections.
    async with context.runtime.turns.of("queueAsOf"), context.read(tenant_id) as tx:
        await queues.get(tx, queue_id)
        line, changed_at = await line_as_of(tx, queue_id, at)
    return QueueSnapshot(
        tenant_key=tenant_id,
        past=line,
        at=at,
        revision=line.revision,
        changed_at=changed_at,
        status=line.state.status,
        waiting_count=line.state.waiting_count,
        called_count=line.state.called_count,
        serving_count=line.state.serving_count,
        open_counter_count=line.state.open_counter_count,
        waiting=_places(tenant_id, line, SNAPSHOT_PLACES),
        now_serving=DisplayCall.all_of(line),
    )


def _last_shown(after: str) -> int:
    (position,) = decode_cursor(after, [Integer()])
    if not isinstance(position, int) or position < 1:
        raise BadInput("`after` is not a cursor of this connection.")
    return position


def _places(tenant_id: UUID, line: Line, count: int) -> list[SnapshotPlace]:
    return [
        SnapshotPlace(
            position=position,
            ticket_number=entry.ticket_number,
            session_id=strawberry.ID(encode("Session", tenant_id, entry.id)),
        )
        for position, entry in enumerate(line.head(count), start=1)
    ]
