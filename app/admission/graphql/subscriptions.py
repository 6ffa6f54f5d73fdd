"""The live feed of one admission: watch, then read, then yield. Moves in line are none of its news."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import strawberry

from app.admission import rules
from app.admission.graphql.types import Admission
from app.admission.models import AdmissionState
from app.context import Context, Info
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Checked
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues.events import QueueEventType
from app.sessions import models
from app.sessions.graphql.feeds import row_at_event
from app.sessions.graphql.loaders import is_own_session, session_ref
from app.sessions.watching import Watch


@strawberry.type
class AdmissionSubscription:
    @strawberry.subscription(
        description=(
            "The admission of one session, now and whenever it changes: `WAITING` until the visitor is released, then "
            "each release, entry and renewal with its token, none left out. Ends after the item that shows the end. "
            "Positions are told by `sessionChanged`."
        ),
        extensions=[
            Checked("For the session's visitor (session token), or staff with `session:read`, without tokens.")
        ],
    )
    async def admission_changed(self, info: Info, session_id: IdArgument) -> AsyncIterator[Admission]:
        ref = session_ref(info.context, session_id, Permission.SESSION_READ)
        async with aclosing(_items(info.context, ref)) as items:
            async for item in items:
                yield item


async def _items(context: Context, ref: Ref) -> AsyncGenerator[Admission, None]:
    is_bearers = is_own_session(context, ref)
    shown: tuple[AdmissionState, int] | None = None
    async for row, revision in _rows(context, ref):
        state = rules.state_of(row.status)
        # Recalled, noted, held: nothing of that is the admission's.
        if (state, row.admission_number) != shown:
            shown = state, row.admission_number
            yield Admission.of(row, revision, is_bearers=is_bearers)


async def _rows(context: Context, ref: Ref) -> AsyncGenerator[tuple[models.Session, int], None]:
    """The session as it is, and after each of its events, in whichever queue, until it has ended."""
    runtime = context.runtime
    while True:
        row, revision = await runtime.arrivals.row(ref)
        if row.ended_at is not None:
            yield row, revision
            return
        live = await runtime.lines.get(ref.tenant_id, row.queue_id, revision)
        watch = Watch(ref.id)
        live.watching.add(watch, moves=False)
        try:
            row, revision = await runtime.arrivals.row(ref)
            is_here = row.queue_id == live.queue_id
            if is_here:
                yield row, revision
            while is_here:
                if row.ended_at is not None:
                    return
                await watch.changed()
                while is_here and (told := watch.take()) is not None:
                    if told.event.revision <= revision:
                        continue
                    if told.event.type is QueueEventType.SESSION_TRANSFERRED_OUT:
                        is_here = False
                        continue
                    row, revision = await row_at_event(context, ref, told, live.queue_id), told.event.revision
                    yield row, revision
        finally:
            live.watching.discard(watch)
            live.used_at = asyncio.get_running_loop().time()
