"""Plays one line: visits come, are called by the line's own rules, are served or leave. Pure, and knows no figure.

The order is `queues.disciplines`, the moves are `sessions.rules`, releases are `sessions.metered.pacing`: what decides
in the product decides here. Events of one instant happen in the order of `_When`.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from heapq import heappop, heappush
from math import inf

from app.queues.disciplines import SEQUENCE_STEP, Rank, Standing, rank_of
from app.queues.errors import QueueFull
from app.queues.kinds import QueueMode
from app.queues.rules import ensure_room
from app.sessions import rules as moves
from app.sessions.metered import pacing
from app.sessions.statuses import SessionStatus
from app.simulation.values import Fate, Played, Span, Visit, World

_PORTION = 200  # as `metered.settle`


class _When(IntEnum):
    """Who is called at the instant they would leave is called."""

    ENDS = 0
    FREE = 1
    ON = 2
    OFF = 3
    JOINS = 4
    LOOK = 5
    LEAVES = 6


class _Counter:
    """A counter: its spans, and what it does now."""

    __slots__ = ("back_at", "busy", "on", "owes", "since", "spans", "stays")

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        # The span it works in; None off duty. `stays`: its shift is over, and somebody still waits.
        self.on: Span | None = None
        self.stays = False
        self.busy = False
        # A break that begins once it is free, in seconds, and when the present one is over.
        self.owes = 0.0
        self.back_at: datetime | None = None
        self.since: datetime | None = None


class _Line:
    """One run. `now` never goes back."""

    def __init__(self, visits: Sequence[Visit], world: World) -> None:
        self._visits = visits
        self._rules = world.rules
        self._is_metered = world.rules.mode is QueueMode.METERED
        self._events: list[tuple[datetime, int, int, int, Span | None]] = []
        self._number = 0
        self._waiting: list[tuple[Rank, int]] = []
        self._waiting_count = 0
        self._inside = 0
        self._status: list[SessionStatus | None] = [None] * len(visits)
        self._idle: deque[int] = deque()
        self._counters = [_Counter(spans) for spans in world.counters]
        self._on_duty = 0
        self._released_at: list[datetime] = []
        self._release_due_at: datetime | None = None
        self._looks_at: datetime | None = None
        self.waits: list[float] = [inf] * len(visits)
        self.fates: list[Fate] = [Fate.UNSERVED] * len(visits)
        self.busy: list[tuple[datetime, datetime]] = []
        self.duty: list[tuple[datetime, datetime]] = []

    def play(self) -> None:
        """From the first event to the last."""
        for index, visit in enumerate(self._visits):
            self._plan(visit.joins_at, _When.JOINS, index)
        for number, counter in enumerate(self._counters):
            for shift in counter.spans:
                self._plan(shift.starts_at, _When.ON, number, shift)
        events = self._events
        verbs = {
            _When.ENDS: self._ends,
            _When.FREE: self._free,
            _When.ON: self._comes_on,
            _When.OFF: self._goes_off,
            _When.JOINS: self._joins,
            _When.LOOK: self._looks,
            _When.LEAVES: self._leaves,
        }
        now = None
        while events:
            now, when, _, who, span = heappop(events)
            verbs[_When(when)](now, who, span)
        if now is not None:
            for counter in self._counters:
                self._close(counter, now)

    def _plan(self, at: datetime, when: _When, who: int, span: Span | None = None) -> None:
        self._number += 1
        heappush(self._events, (at, when, self._number, who, span))

    # Visitors

    def _joins(self, now: datetime, who: int, _: Span | None) -> None:
        visit, rules = self._visits[who], self._rules
        try:
            ensure_room(rules.capacity, self._waiting_count)
        except QueueFull:
            self.fates[who], self.waits[who] = Fate.REFUSED, 0.0
            return
        standing = Standing(visit.priority, now, (who + 1) * SEQUENCE_STEP, visit.multiplier_hundredths)
        heappush(self._waiting, (rank_of(rules.discipline, rules.credits, standing), who))
        self._status[who] = SessionStatus.WAITING
        self._waiting_count += 1
        if visit.patience_seconds < inf:
            self._plan(now + timedelta(seconds=visit.patience_seconds), _When.LEAVES, who)
        self._settle(now)

    def _leaves(self, now: datetime, who: int, _: Span | None) -> None:
        if self._status[who] is not SessionStatus.WAITING:
            return
        moves.ensure_may(moves.CANCEL, SessionStatus.WAITING)
        self._status[who] = SessionStatus.CANCELLED
        self._waiting_count -= 1
        visit = self._visits[who]
        self.fates[who], self.waits[who] = visit.leaves_as, (now - visit.joins_at).total_seconds()

    def _next_in_line(self) -> int:
        """Whoever the discipline puts first; those who have left are passed over."""
        while True:
            _, who = heappop(self._waiting)
            if self._status[who] is SessionStatus.WAITING:
                return who

    def _call(self, now: datetime) -> int:
        who = self._next_in_line()
        moves.ensure_may(moves.CALL, SessionStatus.WAITING)
        visit = self._visits[who]
        self._status[who] = SessionStatus.CALLED
        self._waiting_count -= 1
        self._inside += 1
        self.waits[who] = (now - visit.joins_at).total_seconds()
        self.fates[who] = Fate.SERVED if visit.comes else Fate.NO_SHOW
        self.busy.append((now, now + timedelta(seconds=visit.occupied_seconds)))
        return who

    def _settle(self, now: datetime) -> None:
        """Call whoever may be called: at idle counters, or by rate and cap."""
        if not self._waiting_count:
            return
        if self._is_metered:
            self._release(now)
            return
        wanted = min(self._waiting_count, len(self._idle))
        for _ in range(pacing.free_places(self._rules.max_concurrent_users, self._inside, wanted)):
            number = self._idle.popleft()
            self._counters[number].busy = True
            who = self._call(now)
            self._plan(now + timedelta(seconds=self._visits[who].occupied_seconds), _When.ENDS, number)

    # Counters

    def _ends(self, now: datetime, number: int, _: Span | None) -> None:
        self._inside -= 1
        if self._is_metered:
            self._settle(now)
            return
        if self._rules.gap_seconds:
            self._plan(now + timedelta(seconds=self._rules.gap_seconds), _When.FREE, number)
            if self._rules.max_concurrent_users is not None:
                # Another counter may have waited for the place.
                self._settle(now)
        else:
            self._free(now, number, None)

    def _free(self, now: datetime, number: int, _: Span | None) -> None:
        counter = self._counters[number]
        counter.busy = False
        if counter.owes:
            self._pauses(now, number, counter)
        elif counter.on is not None or (counter.stays and not self._on_duty and self._waiting_count):
            self._idle.append(number)
        else:
            self._close(counter, now)
        self._settle(now)

    def _comes_on(self, now: datetime, number: int, span: Span | None) -> None:
        assert span is not None
        counter = self._counters[number]
        if counter.back_at is not None and counter.back_at > now:
            if counter.back_at < span.ends_at:
                self._plan(counter.back_at, _When.ON, number, span)
            return
        counter.on, counter.stays = span, False
        self._on_duty += 1
        if counter.since is None:
            counter.since = now
        self._plan(span.ends_at, _When.OFF, number, span)
        if not counter.busy and number not in self._idle:
            self._idle.append(number)
        self._settle(now)

    def _goes_off(self, now: datetime, number: int, span: Span | None) -> None:
        counter = self._counters[number]
        if span is None or counter.on is not span:
            return
        counter.on = None
        self._on_duty -= 1
        counter.stays = span.ends_shift and not self._on_duty
        if counter.busy:
            counter.owes = span.away_seconds
        else:
            counter.back_at = now + timedelta(seconds=span.away_seconds)
        if not counter.busy and not (counter.stays and self._waiting_count):
            self._idle.remove(number)
            self._close(counter, now)

    def _pauses(self, now: datetime, number: int, counter: _Counter) -> None:
        counter.back_at = now + timedelta(seconds=counter.owes)
        counter.owes = 0.0
        self._close(counter, now)
        if (span := counter.on) is not None:
            # It should be back already, and has only now become free.
            counter.on = None
            self._on_duty -= 1
            self._comes_on(now, number, span)

    def _close(self, counter: _Counter, now: datetime) -> None:
        counter.stays = False
        if counter.since is not None:
            self.duty.append((counter.since, now))
            counter.since = None

    # Releases of a metered line

    def _looks(self, now: datetime, _: int, __: Span | None) -> None:
        if self._looks_at == now:
            self._looks_at = None
            self._settle(now)

    def _release(self, now: datetime) -> None:
        rules = self._rules
        if rules.release_rate_per_minute == 0:
            return
        look = pacing.Round.of(
            now,
            rate_per_minute=rules.release_rate_per_minute,
            max_concurrent_users=rules.max_concurrent_users,
            inside=self._inside,
            waiting=self._waiting_count,
            release_due_at=self._release_due_at,
            portion=_PORTION,
        )
        if (earlier := look.looks_back_at(len(self._released_at))) is not None:
            look = look.within(self._released_at[earlier[0] - 1 : earlier[1]])
        for _ in range(look.count):
            who = self._call(now)
            self._released_at.append(now)
            self._plan(now + timedelta(seconds=self._visits[who].occupied_seconds), _When.ENDS, who)
        if look.slots is not None:
            self._release_due_at = look.release_due_at(look.count)
        next_at = look.next_at(look.count)
        if next_at is not None and (self._looks_at is None or next_at < self._looks_at):
            self._looks_at = next_at
            self._plan(next_at, _When.LOOK, 0)


def play(visits: Sequence[Visit], world: World) -> Played:
    """Play visits, in the order of joining, in a world."""
    line = _Line(visits, world)
    line.play()
    return Played(line.waits, line.fates, line.busy, line.duty)
