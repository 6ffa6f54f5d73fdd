"""Who looks at a line, and how they learn of changes: own events in order, moves latest-wins, everybody in turns.

Knows nothing of buses, logs or tables; `live.py` says what was applied.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from app.core.live.fanout import SENDS_AT_ONCE, Rounds
from app.sessions.line import Line, LineEventData, Place
from app.sessions.moves import Mover, Moves


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to the watched session, and the place it had right after; None if not in line."""

    event: LineEventData
    place: Place | None


class Watch:
    """One subscriber's eye on some lines. Moves are latest-wins; events of its own session are kept, in order.

    There may be one per socket, so it is small: no queue and no event object until they are needed.
    """

    __slots__ = ("_own", "_waiter", "_woken", "mover", "session_id")

    def __init__(self, session_id: UUID | None = None) -> None:
        self.session_id = session_id
        # Set while the subscription is parked: it shows moves, and nobody waits in `changed`.
        self.mover: Mover | None = None
        self._own: list[Told] = []
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Something has changed."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def tell(self, told: Told) -> None:
        """Something has happened to the watched session."""
        self._own.append(told)
        self.wake()

    @property
    def has_news(self) -> bool:
        """Whether something that happened to the own session has not been taken yet."""
        return bool(self._own)

    def take(self) -> Told | None:
        """The oldest thing that happened to the own session and was not taken yet; None if there is none."""
        return self._own.pop(0) if self._own else None

    async def changed(self) -> None:
        """Wait for the next change."""
        while not self._woken:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._woken = False


class Watching:
    """Everybody who looks at one line. Told by the line: `applied` after each event, `changed` after each burst."""

    def __init__(self, name: str) -> None:
        # Those who wait to be woken, oldest first; who is parked is not among them.
        self._awake: dict[Watch, None] = {}
        # By `UUID.int`; a tuple takes a quarter of a list, and nearly all have one.
        self._of_session: dict[int, tuple[Watch, ...]] = {}
        self._moves = Moves(name, self._outdated)
        self._wakes = Rounds(f"wakes {name}", self._wake_all)

    def __bool__(self) -> bool:
        """Whether anybody looks."""
        return bool(self._awake or self._of_session)

    def sessions(self) -> list[UUID]:
        """The sessions somebody waits for news of."""
        return [UUID(int=key) for key in self._of_session]

    def add(self, watch: Watch, *, moves: bool = True) -> None:
        """From now on this one is told; without `moves`, only of what happens to its session."""
        if moves:
            self._awake[watch] = None
        if watch.session_id is not None:
            key = watch.session_id.int
            self._of_session[key] = (*self._of_session.get(key, ()), watch)

    def discard(self, watch: Watch) -> None:
        """Not any more."""
        self._awake.pop(watch, None)
        if watch.mover is not None:
            self._moves.discard(watch.mover)
            watch.mover = None
        if watch.session_id is not None:
            key = watch.session_id.int
            left = tuple(other for other in self._of_session.get(key, ()) if other is not watch)
            if left:
                self._of_session[key] = left
            else:
                self._of_session.pop(key, None)

    def park(self, watch: Watch, mover: Mover, line: Line) -> None:
        """From now on this one's moves are rendered, until something happens to its session."""
        self._awake.pop(watch, None)
        watch.mover = mover
        self._moves.add(mover, line)

    def unpark(self, watch: Watch) -> None:
        """From now on this one is woken again."""
        if watch.mover is not None:
            self._moves.discard(watch.mover)
            watch.mover = None
            self._awake[watch] = None

    @property
    def epoch(self) -> int:
        """Of the queue's configuration: an item made at another one may show an older configuration."""
        return self._moves.epoch

    def applied(self, event: LineEventData, line: Line) -> None:
        """The line is now as this event left it: whoever watches its session is told, with the place right after."""
        self._moves.applied(event, line)
        if event.session_key is None or not (watches := self._of_session.get(event.session_key)):
            return
        assert event.session is not None  # it has the key of one
        told = Told(event, line.place(event.session.id))
        for watch in watches:
            if (mover := watch.mover) is None:
                watch.tell(told)
            elif event.revision > mover.revision:
                self.unpark(watch)
                watch.tell(told)
                mover.seat.resume()

    def changed(self, line: Line) -> None:
        """The line has changed and rests for now: moves are shown, and everybody who waits is woken, in turns."""
        self._moves.changed(line)
        if self._awake:
            self._wakes.ask()

    def _outdated(self, mover: Mover) -> None:
        for watch in self._of_session.get(mover.session_key, ()):
            if watch.mover is mover:
                self.unpark(watch)
                mover.seat.resume()

    def _wake_all(self) -> Iterator[None]:
        for count, watch in enumerate(list(self._awake), start=1):
            watch.wake()
            if count % SENDS_AT_ONCE == 0:
                yield
