"""What runs behind the live feeds: objects that outlive their generators, so that a transport can park them.

Each is watch, then read, then yield. They say what is shown and when; `api/compiled.py` decides who is parked.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from uuid import UUID

from strawberry.utils.str_converters import to_camel_case

from app.context import Context
from app.core.ids import Ref
from app.core.live.fanout import Seat, Template, Values
from app.queues.estimates import WaitUnknown
from app.queues.events import QueueEventType
from app.queues.graphql.columns import CONFIGURATION
from app.sessions import models, repository
from app.sessions.events import SessionState
from app.sessions.graphql.loaders import load_session
from app.sessions.graphql.types import Session
from app.sessions.live import LiveLine
from app.sessions.models import SessionStatus
from app.sessions.moves import FIRST_OF_KIND, Mover
from app.sessions.pace import Pace
from app.sessions.watching import Told, Watch

_GAPS = {
    "position": 0,
    "aheadCount": 1,
    "estimatedWaitSeconds": 2,
    "revision": 3,
    "estimatedWaitUnknown": 4,
    "estimatedWaitP50Seconds": FIRST_OF_KIND,
    "estimatedWaitP90Seconds": FIRST_OF_KIND + 1,
    "estimatedWaitReason": FIRST_OF_KIND + 2,
}
_ROW_FIELDS = frozenset(
    {
        "__typename",
        "id",
        "queueId",
        "ticketNumber",
        "status",
        "isBypassed",
        "onHold",
        "priority",
        "partySize",
        "paymentDueAt",
        "locale",
        "joinedAt",
        "calledAt",
        "startedAt",
        "completedAt",
        "cancelledAt",
        "cancelledBy",
        "cancelReason",
        "endedAt",
        "callCount",
        "waitSeconds",
        "serviceSeconds",
        "userIdentifier",
        "contact",
        "metadata",
        # A note is an event of its session, and so is each step of an admission.
        "notes",
        "admission",
    }
)

_CONFIG_FIELDS = {
    "queue": frozenset({"__typename", "id", "priorityCredits", *map(to_camel_case, CONFIGURATION)}),
}


# In the order of the gaps.
Shown = tuple[int | None, int | None, int | None, int, WaitUnknown | None]


class _Values:
    """What an item showed in the gaps; what was expected of its place only if somebody wants to know."""

    __slots__ = ("_session", "_shown")

    def __init__(self, shown: Shown, session: Session | None) -> None:
        self._shown = shown
        self._session = session

    def __getitem__(self, number: int, /) -> int | str | None:
        if number < FIRST_OF_KIND:
            return self._shown[number]
        expected = self._session.quantiles() if self._session is not None else None
        return None if expected is None else expected[number - FIRST_OF_KIND]


class SessionFeed:
    """One session, in whichever queue it is, until it ends.

    Moves are latest-wins; what happens to the session itself is shown item by item, with the place it had right after.
    """

    __slots__ = ("_epoch", "_live", "_over", "_pace", "_ref", "_shown", "_values", "_watch", "revision")

    gaps: Mapping[str, int] = _GAPS
    row_fields = _ROW_FIELDS
    config_fields: Mapping[str, frozenset[str]] = _CONFIG_FIELDS
    is_shared = False

    def __init__(self, ref: Ref, pace: Pace | None = None) -> None:
        """Whoever makes one has checked that the subscriber may see the session."""
        self._ref = ref
        self._pace = pace
        self._live: LiveLine | None = None
        self._watch: Watch | None = None
        # The last item; not kept while parked.
        self._shown: Session | None = None
        self._values: Shown = (None, None, None, 0, None)
        self._over = False
        # Of the queue's configuration, before the last item was executed.
        self._epoch = 0
        self.revision = 0

    @property
    def values(self) -> Values:
        """What the last item showed in the gaps."""
        return _Values(self._values, self._shown)

    async def items(self, context: Context) -> AsyncGenerator[Session, None]:
        """Every item from here on. May be closed and begun again as long as the feed is not left."""
        while not self._over:
            if self._live is None or self._watch is None:
                yield self._show(await self._arrive(context))
                continue
            live, watch = self._live, self._watch
            if self._shown is None and not watch.has_news:
                # Resumed for no event of its own: the queue's configuration is another one.
                again = await self._look_again(context, live, watch)
                if again is not None:
                    yield self._show(again)
                    continue
            await self._changed(live, watch)
            while (told := watch.take()) is not None:
                if told.event.revision <= self.revision:
                    continue
                if told.event.type is QueueEventType.SESSION_TRANSFERRED_OUT:
                    self._leave_line()
                    break
                row = await row_at_event(context, self._ref, told, live.queue_id)
                yield self._show(Session.of(row, told.event.revision, told.place))
            # With news waiting the row shown is old, and the line's place is another state's.
            if not watch.has_news and (moved := self._moved(live)) is not None:
                yield self._show(moved)

    def park(self, template: Template, seat: Seat, *, shows_config: bool) -> "SessionFeed | None":
        """Show moves in the template; None if there is news, or nothing more will come."""
        watch, live = self._watch, self._live
        if self._over or watch is None or live is None or watch.has_news:
            return None
        position, _, seconds, _, unknown = self._values
        wait = unknown if seconds is None else seconds
        kind = self._shown.kind if self._shown is not None else None
        mover = Mover(self._ref.id.int, template, seat, self.revision, position, wait, self._pace, kind=kind)
        mover.epoch = self._epoch if shows_config else None
        live.watching.park(watch, mover, live.line)
        self._shown = None
        return self

    def cancel(self) -> None:
        """The end, also of being parked; safe to call twice."""
        self._over = True
        self._leave_line()

    def leave(self) -> None:
        """The end of the execution: nobody looks any more, unless it is parked. Safe to call twice."""
        if self._watch is None or self._watch.mover is None:
            self.cancel()

    async def _arrive(self, context: Context) -> Session:
        """The session as it is now, watched from before it was read."""
        row, revision = await context.runtime.arrivals.row(self._ref)
        if row.ended_at is not None:
            return Session.of(row, revision, None)
        live = await context.runtime.lines.get(self._ref.tenant_id, row.queue_id, revision)
        watch = self._enter(live)
        if row.status is SessionStatus.WAITING and row.held_at is None:
            changed_at, place = live.line.changed_at(row.id), live.line.place(row.id)
            if changed_at is not None and place is not None and changed_at <= revision:
                # Read before it was watched, but nothing has happened to it since.
                return Session.of(row, live.line.revision, place)
        shown = await load_session(context, self._ref)
        if shown.row.queue_id != live.queue_id or shown.ended_at is not None:
            # It went on before we watched: nothing here would ever tell.
            assert self._watch is watch
            self._leave_line()
        return shown

    async def _look_again(self, context: Context, live: LiveLine, watch: Watch) -> Session | None:
        """The session as it is now; None if something has happened to it meanwhile, which is shown first."""
        row, revision = await context.runtime.arrivals.row(self._ref)
        if row.queue_id != live.queue_id:
            return None  # its transfer is on the way here
        await live.at_least(revision)
        if watch.has_news:
            return None
        return Session.of(row, live.line.revision, live.line.place(self._ref.id))

    def _enter(self, live: LiveLine) -> Watch:
        self._live, self._watch = live, Watch(self._ref.id)
        live.watching.add(self._watch)
        return self._watch

    def _leave_line(self) -> None:
        if self._live is not None and self._watch is not None:
            self._live.watching.discard(self._watch)
            self._live.used_at = asyncio.get_running_loop().time()
        self._live = self._watch = self._shown = None

    def _show(self, session: Session) -> Session:
        if session.ended_at is not None:
            self._over = True
        self._shown, self.revision = session, session.revision
        self._epoch = self._live.watching.epoch if self._live is not None else 0
        self._values = (
            *(session.position, session.ahead_count, session.estimated_wait_seconds, session.revision),
            session.estimated_wait_unknown,
        )
        if self._pace is not None:
            self._pace.shown(asyncio.get_running_loop().time())
        return session

    async def _changed(self, live: LiveLine, watch: Watch) -> None:
        """Wait for the next change that is to be looked at; what the pace holds back is, once it is due."""
        position = self._shown.position if self._shown is not None else None
        place = live.line.place(self._ref.id)
        if self._pace is None or place is None or watch.has_news or self._moved(live, paced=False) is None:
            await watch.changed()
            return
        wait = self._pace.wait(asyncio.get_running_loop().time(), position, place.position)
        try:
            async with asyncio.timeout(wait):
                await watch.changed()
        except TimeoutError:
            pass

    def _moved(self, live: LiveLine, *, paced: bool = True) -> Session | None:
        """The session at its new place; None if neither place nor estimate has changed, or it is not due yet."""
        shown = self._shown
        if shown is None or self._over or live.line.revision <= shown.revision:
            # Ended, or gone from here; or the row was read after something the line has not heard of yet: what the
            # line says of the place is older.
            return None
        place = live.line.place(shown.key)
        if place is None or (place.position, place.estimated_wait_seconds, place.estimated_wait_unknown) == (
            shown.position,
            shown.estimated_wait_seconds,
            shown.estimated_wait_unknown,
        ):
            return None
        if paced and self._pace is not None:
            now = asyncio.get_running_loop().time()
            if self._pace.wait(now, shown.position, place.position) > 0:
                return None
        return Session.of(shown.row, live.line.revision, place)


async def row_at_event(context: Context, ref: Ref, told: Told, queue_id: UUID) -> models.Session:
    """The session as an event of a queue left it, even if more has happened since."""
    assert told.event.session is not None  # only events of the watched session are told
    async with context.read(ref.tenant_id) as tx:
        row = await repository.get(tx, ref.id)
        tx.expunge(row)
    row.queue_id = queue_id
    for name in _LIFECYCLE:
        setattr(row, name, getattr(told.event.session, name))
    return row


@dataclass(slots=True)
class SharedItems:
    """A feed whose items are the same for all who ask with the same words and may see the same."""

    revision: int = 0
    is_shared: bool = True

    def cancel(self) -> None:
        """Nothing: what it holds is its generator's."""


_LIFECYCLE = [name for name in SessionState.__dataclass_fields__ if name not in ("id", "ticket_number", "counter_name")]
