"""Who looks at a line, and how they learn of changes: own events in order, moves latest-wins, everybody in turns.

Knows nothing of buses, logs or tables; `live.py` says what was applied.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.sessions.line import Line, LineEventData, Place

# Subscribers woken before everybody else gets a turn: some 0.2 ms each.
_WAKE_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to the watched session, and the place it had right after; None if not in line."""

    event: LineEventData
    place: Place | None


class Watch:
    """One subscriber's eye on some lines. Moves are latest-wins; events of its own session are kept, in order."""

    def __init__(self, session_id: UUID | None = None) -> None:
        self.session_id = session_id
        self._own: deque[Told] = deque()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something has changed."""
        self._woken.set()

    def tell(self, told: Told) -> None:
        """Something has happened to the watched session."""
        self._own.append(told)
        self._woken.set()

    @property
    def has_news(self) -> bool:
        """Whether something that happened to the own session has not been taken yet."""
        return bool(self._own)

    async def changed(self) -> Sequence[Told]:
        """Wait for the next change; what happened to the own session since the last call, oldest first."""
        await self._woken.wait()
        self._woken.clear()
        told = list(self._own)
        self._own.clear()
        return told


class Watching:
    """Everybody who looks at one line. Told by the line: `applied` after each event, `changed` after each burst."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._watches: set[Watch] = set()
        self._of_session: dict[UUID, set[Watch]] = {}
        self._stale = False
        self._waker: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Whether anybody looks."""
        return bool(self._watches)

    def add(self, watch: Watch) -> None:
        """From now on this one is told."""
        self._watches.add(watch)
        if watch.session_id is not None:
            self._of_session.setdefault(watch.session_id, set()).add(watch)

    def discard(self, watch: Watch) -> None:
        """Not any more."""
        self._watches.discard(watch)
        if watch.session_id is not None and (same := self._of_session.get(watch.session_id)) is not None:
            same.discard(watch)
            if not same:
                del self._of_session[watch.session_id]

    def applied(self, event: LineEventData, line: Line) -> None:
        """The line is now as this event left it: whoever watches its session is told, with the place right after."""
        if event.session is None or not (watches := self._of_session.get(event.session.id)):
            return
        told = Told(event, line.place(event.session.id))
        for watch in watches:
            watch.tell(told)

    def changed(self, line: Line) -> None:
        """The line has changed and rests for now: everybody is woken, in turns."""
        self._stale = True
        if self._waker is None or self._waker.done():
            self._waker = asyncio.create_task(self._wake_in_turns(), name=f"wake {self._name}")

    async def _wake_in_turns(self) -> None:
        # All at once, a long line would keep the loop from everything else for as long as its fan-out takes: requests
        # that hold a line's lock among them. What changes meanwhile is shown by the next round: moves are latest-wins.
        loop = asyncio.get_running_loop()
        while self._stale:
            self._stale, began = False, loop.time()
            for count, watch in enumerate(list(self._watches), start=1):
                watch.wake()
                if count % _WAKE_AT_ONCE == 0:
                    await asyncio.sleep(0)
            # As long again for everybody else.
            await asyncio.sleep(loop.time() - began)
