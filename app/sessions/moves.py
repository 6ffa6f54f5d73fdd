"""The hot path: everybody parked in one line is shown the place they have moved to, nearest the head first.

Renders and sends; executes nothing and knows no event but by how far it reaches. `watching.py` says who is parked.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from app.core.live.fanout import SENDS_AT_ONCE, Rounds, Seat, Template
from app.core.live.fanout.template import NULL
from app.queues.estimates import Outlook, WaitUnknown
from app.queues.events import QueueEventType
from app.sessions.line import Line, LineEventData
from app.sessions.pace import Pace
from app.sessions.waits.expected import Expected, Kind

# Looking one place up costs as much as walking past so many people: below that share of a line, places are looked up.
_WALKED_PER_LOOKUP = 20
# All of them at once, for one revision: a millisecond. More are walked to, however long the line is.
_MOST_LOOKUPS = 1_000
# Walking past so many people takes as long as a send.
_STEPS_PER_SEND = 100
_WORK_AT_ONCE = SENDS_AT_ONCE * _STEPS_PER_SEND

_IN_PLACE = frozenset(
    {
        QueueEventType.SESSION_STARTED,
        QueueEventType.SESSION_ENTERED,
        QueueEventType.SESSION_RENEWED,
        QueueEventType.SESSION_REVOKED,
        QueueEventType.SESSION_RECALLED,
        QueueEventType.SESSION_COMPLETED,
        QueueEventType.SESSION_NO_SHOW,
        QueueEventType.SESSION_NOTE_ADDED,
        QueueEventType.SESSION_RATED,
        QueueEventType.SESSION_IMPORTED,
    }
)
"""Events about somebody who stays where they are in line, or is not in it before and after."""


FIRST_OF_KIND = 5
"""From this gap on a value depends on the kind of visitor too: P50, P90, and the reason."""
_UNKNOWN = {why: b'"%b"' % why.encode() for why in WaitUnknown}


class Mover:
    """A parked subscriber: how its next place is written, where to, and what it was shown last."""

    __slots__ = (
        *("epoch", "is_late", "kind", "outlet", "pace", "pick", "position"),
        *("revision", "seat", "session_key", "text", "timer", "wait"),
    )

    def __init__(
        self,
        session_key: int,
        template: Template,
        seat: Seat,
        revision: int,
        position: int | None,
        wait: int | WaitUnknown | None,
        pace: Pace | None,
        epoch: int | None = None,
        kind: Kind | None = None,
    ) -> None:
        self.session_key = session_key
        # The template's two parts: of ten thousand movers, each object that has to be looked into is one in no cache.
        self.text, self.pick = template.text, template.pick
        self.seat = seat
        self.outlet = seat.outlet
        self.revision = revision
        self.position = position
        # Seconds, or why they are unknown.
        self.wait = wait
        self.pace = pace
        # Of the queue's configuration its template shows; None if it shows nothing of it.
        self.epoch = epoch
        # Of the visitor, where the template shows what depends on it.
        self.kind = kind if any(gap >= FIRST_OF_KIND for gap in template.gaps) else None
        # Its peer is slow: it is shown the newest place once that has changed, and nothing before.
        self.is_late = False
        # Runs while its pace holds something back.
        self.timer: asyncio.TimerHandle | None = None


class Moves:
    """Everybody parked in one line. Latest-wins, at most one message per subscriber and round."""

    def __init__(self, name: str, on_outdated: Callable[[Mover], None]) -> None:
        """`on_outdated` is given who has moved and whose template shows an older configuration of the queue."""
        # Grows whenever the queue's configuration may have changed.
        self.epoch = 0
        self._on_outdated = on_outdated
        self._movers: dict[int, tuple[Mover, ...]] = {}
        self._count = 0
        self._line = Line()
        # How many people at the head of the line cannot have moved since the last round; None if nobody has.
        self._unmoved: int | None = None
        self._basis: tuple[Outlook, bool] | None = None
        # To be looked at by the next round, whether or not the line has moved. A dict, for its order.
        self._due: dict[Mover, None] = {}
        self._rounds = Rounds(f"moves {name}", self._round)

    def add(self, mover: Mover, line: Line) -> None:
        """Show this one every move after what it was shown last."""
        self._line = line
        self._movers[mover.session_key] = (*self._movers.get(mover.session_key, ()), mover)
        self._count += 1
        if line.revision > mover.revision:
            self._look_at(mover)

    def discard(self, mover: Mover) -> None:
        """Show this one nothing more."""
        left = tuple(other for other in self._movers.get(mover.session_key, ()) if other is not mover)
        if len(left) < len(self._movers.get(mover.session_key, ())):
            self._count -= 1
        if left:
            self._movers[mover.session_key] = left
        else:
            self._movers.pop(mover.session_key, None)
        self._due.pop(mover, None)
        # A round may be going on that has looked its place up: for whoever was resumed, say, that is old by now.
        mover.revision = sys.maxsize
        if mover.timer is not None:
            mover.timer.cancel()

    def applied(self, event: LineEventData, line: Line) -> None:
        """Note how far an event reaches."""
        if event.session_key is None and event.type is not QueueEventType.QUEUE_STAFFING_CHANGED:
            self.epoch += 1
        if not self._count:
            self._basis = None
            return
        basis = line.outlook, line.is_hidden
        unmoved: int | None = 0
        if basis == self._basis:
            # In a pre-queue everybody is shown the same nothing, whoever comes before whom.
            if event.session_key is None or event.type in _IN_PLACE or line.is_hidden:
                unmoved = None
            elif event.type is QueueEventType.SESSION_JOINED:
                ahead = line.ahead_count(event.session_key)
                unmoved = None if ahead is None or ahead + 1 == len(line) else ahead + 1
        self._basis = basis
        if unmoved is not None:
            self._unmoved = unmoved if self._unmoved is None else min(unmoved, self._unmoved)

    def changed(self, line: Line) -> None:
        """The line rests for now."""
        if line is not self._line:
            # Read anew: nothing is known of what has happened.
            self._line, self._unmoved = line, 0
            self.epoch += 1
        if self._count and self._unmoved is not None:
            self._rounds.ask()

    def _round(self) -> Iterator[None]:
        unmoved, self._unmoved = self._unmoved, None
        due, self._due = self._due, {}
        line = self._line
        if unmoved is None:
            yield from self._one_by_one(due)
        elif self._count <= min(_MOST_LOOKUPS, (len(line) - unmoved) // _WALKED_PER_LOOKUP):
            yield from self._one_by_one([mover for movers in self._movers.values() for mover in movers])
        else:
            # Whoever was due is in the line too, or not any more.
            yield from self._walk(line, unmoved)
            yield from self._one_by_one(due)

    def _walk(self, line: Line, unmoved: int) -> Iterator[None]:
        """The line as it is now, from front to back: what changes while the round goes on is the next round's."""
        revision, outlook, order, movers_of = line.revision, line.outlook, line.in_order(), self._movers
        revision_text, is_hidden, expected = b"%d" % revision, line.is_hidden, line.expected
        work = 0
        for ahead, session_key in enumerate(islice(order, unmoved, None), start=unmoved):
            if (movers := movers_of.get(session_key)) is None:
                work += 1
            else:
                shown = None if is_hidden else ahead
                wait = outlook.wait(ahead)
                for mover in movers:
                    if self._show(mover, shown, wait, revision, revision_text, expected):
                        work += _STEPS_PER_SEND
            if work >= _WORK_AT_ONCE:
                work = 0
                yield

    def _one_by_one(self, movers: Iterable[Mover]) -> Iterator[None]:
        line = self._line
        places = [(ahead, mover) for mover in movers if (ahead := line.ahead_count(mover.session_key)) is not None]
        places.sort(key=_ahead_count)
        outlook, revision, revision_text = line.outlook, line.revision, b"%d" % line.revision
        hidden, expected, sent = line.is_hidden, line.expected, 0
        for ahead, mover in places:
            shown = None if hidden else ahead
            sent += self._show(mover, shown, outlook.wait(ahead), revision, revision_text, expected)
            if sent == SENDS_AT_ONCE:
                sent = 0
                yield

    def _show(
        self,
        mover: Mover,
        ahead: int | None,
        wait: int | WaitUnknown,
        revision: int,
        revision_text: bytes,
        expected: Expected,
    ) -> bool:
        """Send a place (None: it is hidden) unless it is known, older than what is known, or has to wait.

        Whether it was sent.
        """
        position = None if ahead is None else ahead + 1
        if mover.revision >= revision or mover.is_late or (mover.position == position and mover.wait == wait):
            return False
        if mover.pace is not None and not self._is_due(mover, mover.pace, position):
            return False
        outlet = mover.outlet
        if outlet.is_slow:
            mover.is_late = True
            outlet.when_drained(lambda: self._again(mover))
            return False
        if mover.epoch is not None and mover.epoch != self.epoch:
            self._on_outdated(mover)
            return True
        mover.position, mover.wait, mover.revision = position, wait, revision
        values: tuple[bytes, ...] = (
            NULL if position is None else b"%d" % position,
            NULL if ahead is None else b"%d" % ahead,
            b"%d" % wait if isinstance(wait, int) else NULL,
            revision_text,
            NULL if isinstance(wait, int) else _UNKNOWN[wait],
        )
        if mover.kind is not None:
            # A hidden place is everybody's: what is expected of it does not depend on it.
            values += expected.texts(ahead or 0, mover.kind)
        outlet.send(mover.text % mover.pick(values))
        return True

    def _is_due(self, mover: Mover, pace: Pace, position: int | None) -> bool:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if mover.timer is not None:
            mover.timer.cancel()
            mover.timer = None
        if (wait := pace.wait(now, mover.position, position)) > 0:
            mover.timer = loop.call_later(wait, self._again, mover)
            return False
        pace.shown(now)
        return True

    def _again(self, mover: Mover) -> None:
        mover.is_late, mover.timer = False, None
        if mover in self._movers.get(mover.session_key, ()):
            self._look_at(mover)

    def _look_at(self, mover: Mover) -> None:
        self._due[mover] = None
        self._rounds.ask()


def _ahead_count(placed: tuple[int, Mover]) -> int:
    return placed[0]
