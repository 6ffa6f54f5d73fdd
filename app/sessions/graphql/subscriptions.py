"""Live feeds. Each is watch, then read, then yield: first the state as it is, then every newer one.

State feeds are latest-wins for moves of the line; what happens to the watched session itself is never left out.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry

from app.context import Info
from app.core.errors import BadInput
from app.core.events import read_log
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Checked, Public, Requires
from app.identity.permissions import Permission
from app.queues import service as queues
from app.queues.events import QUEUE
from app.queues.graphql.events import QueueEvent
from app.queues.graphql.loaders import load_queue
from app.queues.graphql.types import Queue
from app.sessions.graphql.display import Display
from app.sessions.graphql.feeds import SessionFeed, SharedItems
from app.sessions.graphql.loaders import session_ref
from app.sessions.graphql.queries import QueueIds, display_refs, show
from app.sessions.graphql.types import Session
from app.sessions.pace import (
    LEAST_PER_SECOND,
    LONGEST_HELD_SECONDS,
    MOST_DELTA,
    MOST_PER_SECOND,
    NEAR_THE_HEAD,
    Pace,
)

MinDelta = Annotated[
    int | None,
    strawberry.argument(
        description=(
            f"Show a move only if it is by at least so many places (1 to {MOST_DELTA:,}; default: every move). What it "
            f"holds back is shown after {LONGEST_HELD_SECONDS:g} seconds at the latest. Up to position "
            f"{NEAR_THE_HEAD} every move is shown, and what happens to the session itself always is."
        )
    ),
]
MaxPerSecond = Annotated[
    float | None,
    strawberry.argument(
        description=(
            f"Show at most so many moves per second ({LEAST_PER_SECOND:g} to {MOST_PER_SECOND:g}; default: all), the "
            f"newest last. Up to position {NEAR_THE_HEAD} every move is shown, and what happens to the session itself "
            "always is."
        )
    ),
]


@strawberry.type
class SessionSubscription:
    @strawberry.subscription(
        description=(
            "A session and its position, now and whenever either changes. Ends after the item that shows it ended; "
            "follows a transfer to the other queue."
        ),
        extensions=[Checked("For the session's visitor (session token), or staff with `session:read`.")],
    )
    async def session_changed(
        self,
        info: Info,
        session_id: IdArgument,
        min_delta: MinDelta = None,
        max_per_second: MaxPerSecond = None,
    ) -> AsyncIterator[Session]:
        context = info.context
        ref = session_ref(context, session_id, Permission.SESSION_READ)
        feed = context.feed
        if not isinstance(feed, SessionFeed):
            feed = context.feed = SessionFeed(ref, Pace.of(min_delta, max_per_second))
        try:
            # Closed here: what the collector finds unclosed costs a task and a system call.
            async with aclosing(feed.items(context)) as items:
                async for session in items:
                    yield session
        finally:
            feed.leave()

    @strawberry.subscription(description="A queue and its counts, now and whenever they change.", extensions=[Public()])
    async def queue_changed(self, info: Info, queue_id: IdArgument) -> AsyncIterator[Queue]:
        context = info.context
        ref = await context.open_ref("Queue", queue_id)
        context.feed = feed = SharedItems()
        async with context.runtime.lines.watch(ref.tenant_id, [ref.id]) as (watch, [live]):
            queue = await load_queue(context, ref)
            while True:
                feed.revision = queue.revision
                yield queue
                while queue.revision <= feed.revision:
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
        info.context.feed = feed = SharedItems()
        async with info.context.runtime.lines.watch(tenant_id, ids) as (watch, lives):
            async with info.context.read(tenant_id) as tx:
                revisions = await queues.public_revisions(tx, ids)
            for live in lives:
                await live.at_least(revisions[live.queue_id])
            while True:
                display = await show(lives)
                feed.revision = sum(queue.revision for queue in display.queues)
                yield display
                await watch.changed()
