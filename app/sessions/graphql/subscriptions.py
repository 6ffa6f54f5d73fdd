"""Live feeds. Each is watch, then read, then yield: first the state as it is, then every newer one.

State feeds are latest-wins for moves of the line; what happens to the watched session itself is never left out.
"""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.errors import BadInput
from app.core.events import read_log
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import service as queues
from app.queues.events import QUEUE, QueueEventType
from app.queues.graphql.events import QueueEvent
from app.queues.graphql.loaders import load_queue
from app.queues.graphql.types import Queue
from app.sessions import repository
from app.sessions.events import SessionState
from app.sessions.graphql.display import Display
from app.sessions.graphql.loaders import load_session, session_ref
from app.sessions.graphql.queries import QueueIds, display_refs, show
from app.sessions.graphql.types import Session
from app.sessions.live import LiveLine
from app.sessions.watching import Told


@strawberry.type
class SessionSubscription:
    @strawberry.subscription(
        description=(
            "A session and its position, now and whenever either changes. Ends after the item that shows it ended; "
            "follows a transfer to the other queue."
        ),
        extensions=[Checked("For the session's visitor (session token), or staff with `session:read`.")],
    )
    async def session_changed(self, info: Info, session_id: IdArgument) -> AsyncIterator[Session]:
        context = info.context
        ref = session_ref(context, session_id, Permission.SESSION_READ)
        queue_id: UUID | None = await _queue_of(context, ref)
        while queue_id is not None:
            stay, queue_id = queue_id, None
            async with context.runtime.lines.watch(ref.tenant_id, [stay], ref.id) as (watch, [live]):
                shown = await load_session(context, ref)
                if shown.row.queue_id != stay:
                    # It went on before we watched: nothing here would ever tell.
                    yield shown
                    queue_id = None if shown.ended_at else shown.row.queue_id
                    continue
                yield shown
                while shown.ended_at is None and queue_id is None:
                    for told in await watch.changed():
                        if told.event.revision <= shown.revision:
                            continue
                        if told.event.type is QueueEventType.SESSION_TRANSFERRED_OUT:
                            queue_id = await _queue_of(context, ref)
                            break
                        shown = await _at_event(context, ref, told, stay)
                        yield shown
                    # With news waiting the row shown is old, and the line's place is another state's.
                    if queue_id is None and not watch.has_news and (moved := _moved(shown, live)) is not None:
                        shown = moved
                        yield shown

    @strawberry.subscription(description="A queue and its counts, now and whenever they change.", extensions=[Public()])
    async def queue_changed(self, info: Info, queue_id: IdArgument) -> AsyncIterator[Queue]:
        context = info.context
        ref = await context.open_ref("Queue", queue_id)
        async with context.runtime.lines.watch(ref.tenant_id, [ref.id]) as (watch, [live]):
            queue = await load_queue(context, ref)
            while True:
                yield queue
                revision = queue.revision
                while queue.revision <= revision:
                    await watch.changed()
                    queue = Queue.of(*await live.rows())

    @strawberry.subscription(
        description=(
            "Every event of a queue, in order, none left out: those after the revision `after` from the log, then "
            "new ones as they happen. Without `after`: new ones only. Resume with the `revision` of the "
            "last event received."
        ),
        extensions=[Requires(Permission.EVENT_READ)],
    )
    async def queue_events(
        self,
        info: Info,
        queue_id: IdArgument,
        after: Annotated[
            int | None, strawberry.argument(description="A revision; 0 for the whole log. Default: from now on.")
        ] = None,
    ) -> AsyncIterator[QueueEvent]:
        context = info.context
        ref = context.ref("Queue", queue_id)
        async with context.runtime.lines.watch(ref.tenant_id, [ref.id]) as (watch, _):
            async with context.read() as tx:
                current = (await queues.revisions(tx, [ref.id]))[ref.id]
            seen = current if after is None else after
            if not 0 <= seen <= current:
                raise BadInput(f"`after` is from 0 to {current}, the queue's revision now.")
            while True:
                async with context.read() as tx:
                    rows = await read_log(tx, QUEUE, ref.id, after=seen)
                for row in rows:
                    yield QueueEvent.of(row)
                    seen = row.revision
                if not rows:
                    await watch.changed()

    @strawberry.subscription(
        description="A display board, now and whenever one of its queues changes.", extensions=[Public()]
    )
    async def display_changed(self, info: Info, queue_ids: QueueIds) -> AsyncIterator[Display]:
        tenant_id, ids = await display_refs(info.context, queue_ids)
        async with info.context.runtime.lines.watch(tenant_id, ids) as (watch, lives):
            async with info.context.read(tenant_id) as tx:
                revisions = await queues.public_revisions(tx, ids)
            for live in lives:
                await live.at_least(revisions[live.queue_id])
            while True:
                yield await show(lives)
                await watch.changed()


async def _queue_of(context: Context, ref: Ref) -> UUID:
    async with context.read(ref.tenant_id) as tx:
        return (await repository.get(tx, ref.id)).queue_id


async def _at_event(context: Context, ref: Ref, told: Told, queue_id: UUID) -> Session:
    """The session as an event of a queue left it, even if more has happened since."""
    assert told.event.session is not None  # only events of the watched session are told
    async with context.read(ref.tenant_id) as tx:
        row = await repository.get(tx, ref.id)
        tx.expunge(row)
    row.queue_id = queue_id
    for name in _LIFECYCLE:
        setattr(row, name, getattr(told.event.session, name))
    return Session.of(row, told.event.revision, told.place)


_LIFECYCLE = [name for name in SessionState.__dataclass_fields__ if name not in ("id", "ticket_number", "counter_name")]


def _moved(shown: Session, live: LiveLine) -> Session | None:
    """The session at its new place; None if neither place nor estimate has changed."""
    if live.line.revision <= shown.revision:
        # The row was read after something the line has not heard of yet: what it says of the place is older.
        return None
    place = live.line.place(shown.key)
    if place is None or (place.position, place.estimated_wait_seconds) == (
        shown.position,
        shown.estimated_wait_seconds,
    ):
        return None
    return Session.of(shown.row, live.line.revision, place)
