"""Holds what visitors were told in a rush against the log: every sentence of the proof, checked from the events alone.

Pure, and independent of the product: it folds the log its own way. An empty answer means that everything holds.
`tests/bench/test_rush_checker.py` proves that it sees what it is to see.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

WINDOW = timedelta(seconds=60)
CATCH_UP = timedelta(seconds=1)
_INSIDE = frozenset({"CALLED", "SERVING"})
_MOST_SAID = 20


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event."""

    revision: int
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A join that was answered: who, where, as of which revision."""

    key: str
    session_id: str
    ticket_number: str
    position: int | None
    revision: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What a visitor was shown: a place at a revision, in the order in which it came."""

    session_id: str
    position: int | None
    revision: int


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry that was answered, with the token that the visitor was handed."""

    session_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the queue may do."""

    rate_per_minute: int
    max_concurrent_users: int
    # A place is free when this is over, also if nobody has noticed yet.
    claim_seconds: float


@dataclass(slots=True)
class Verdict:
    """What was found."""

    broken: list[str] = field(default_factory=list)
    joined: int = 0
    released: int = 0
    entered: int = 0
    most_inside: int = 0
    most_in_a_minute: int = 0
    # Seconds from when a place of a full queue is free, with somebody waiting, to its next release.
    refills: list[float] = field(default_factory=list)
    places_checked: int = 0


def check(
    events: Sequence[Event],
    acknowledged: Sequence[Acknowledged],
    observed: Sequence[Observed],
    limits: Limits,
    entered: Sequence[Entered] = (),
) -> Verdict:
    """Everything that does not hold of a queue nobody was reordered in."""
    verdict = Verdict()
    fold = _Fold(limits, verdict)
    told = _by_revision(acknowledged, observed)
    for number, event in enumerate(events, start=1):
        if event.revision != number:
            verdict.broken.append(f"the log has revision {event.revision} where {number} should be")
            break
        if number > 1 and event.occurred_at <= events[number - 2].occurred_at:
            verdict.broken.append(f"revision {number} is not later than the one before")
        fold.apply(event)
        fold.compare(told.pop(event.revision, ()))
    if told:
        verdict.broken.append(f"answers speak of revisions that are not in the log: {sorted(told)[:3]}")
    verdict.broken += _lost(acknowledged, fold)
    verdict.broken += _backwards(observed)
    verdict.broken += _entries(events, entered)
    verdict.entered = len(entered)
    verdict.broken += _too_fast(fold.released_at, limits.rate_per_minute, verdict)
    verdict.joined, verdict.released = len(fold.place_of), len(fold.released_at)
    verdict.refills = fold.refills
    del verdict.broken[_MOST_SAID:]
    return verdict


class _Fold:
    """The queue as its log tells it."""

    def __init__(self, limits: Limits, verdict: Verdict) -> None:
        self._limits = limits
        self._verdict = verdict
        # Everybody's number in the order of joining, from 0, and whether they wait.
        self.place_of: dict[str, int] = {}
        self.ticket_of: dict[str, str] = {}
        self.status_of: dict[str, str] = {}
        self._waiting = _Counting()
        self._next = 0
        self.released_at: list[datetime] = []
        self._inside = 0
        self._freed: list[datetime] = []
        self.refills: list[float] = []
        self._last_rank: tuple[Any, ...] | None = None

    def apply(self, event: Event) -> None:
        session = event.data.get("session")
        if session is not None:
            before = self.status_of.get(session["id"])
            self._move(event, session, before)
            self.status_of[session["id"]] = session["status"]
        line = event.data["line"]
        inside = line["called_count"] + line["serving_count"]
        if (line["waiting_count"], inside) != (self._waiting.total, self._inside):
            self._say(event, f"says {line['waiting_count']} wait and {inside} are inside, but it is otherwise")
        if self._inside > self._limits.max_concurrent_users:
            self._say(event, f"{self._inside} are inside where {self._limits.max_concurrent_users} may be")
        self._verdict.most_inside = max(self._verdict.most_inside, self._inside)

    def _move(self, event: Event, session: Mapping[str, Any], before: str | None) -> None:
        id, status = session["id"], session["status"]
        if event.type == "SESSION_JOINED":
            if before is not None:
                self._say(event, f"{session['ticket_number']} joined twice")
                return
            rank = session["rank_class"], datetime.fromisoformat(session["rank_time"]), session["rank_sequence"]
            if self._last_rank is not None and rank <= self._last_rank:
                self._say(event, f"{session['ticket_number']} was put before somebody who had joined earlier")
            self._last_rank = rank
            self.place_of[id], self.ticket_of[id] = len(self.place_of), session["ticket_number"]
            self._waiting.append(is_waiting=True)
            if status == "WAITING":
                return
            before = "WAITING"
        if before is None:
            self._say(event, f"{session['ticket_number']} never joined")
            return
        if event.type == "SESSION_RELEASED":
            self._release(event, session, before)
        elif before == "WAITING" and status == "WAITING":
            self._say(event, f"{session['ticket_number']} was moved in line by {event.type}")
        if before == "WAITING" and status != "WAITING":
            self._waiting.leave(self.place_of[id])
        elif before != "WAITING" and status == "WAITING":
            self._say(event, f"{session['ticket_number']} was put back into the line by {event.type}")
        was_inside, is_inside = before in _INSIDE, status in _INSIDE
        if is_inside and not was_inside and event.type != "SESSION_RELEASED":
            self._say(event, f"{session['ticket_number']} came in by {event.type}")
        if event.type == "SESSION_NO_SHOW" and self._claims_left(event, session):
            self._say(event, f"{session['ticket_number']} lost the place before the claim window was over")
        self._inside += is_inside - was_inside
        if was_inside and not is_inside and self._waiting.total and self._was_full():
            is_over = event.type == "SESSION_NO_SHOW"
            claim = timedelta(seconds=self._limits.claim_seconds)
            self._freed.append(datetime.fromisoformat(session["called_at"]) + claim if is_over else event.occurred_at)

    def _release(self, event: Event, session: Mapping[str, Any], before: str) -> None:
        if before != "WAITING":
            self._say(event, f"{session['ticket_number']} was released while {before}")
        first = self._waiting.first()
        if self.place_of[session["id"]] != first:
            self._say(event, f"{session['ticket_number']} was released, but somebody was before them")
        self.released_at.append(event.occurred_at)
        if self._freed:
            self.refills.append((event.occurred_at - self._freed.pop(0)).total_seconds())

    def _claims_left(self, event: Event, session: Mapping[str, Any]) -> bool:
        called_at = datetime.fromisoformat(session["called_at"])
        return event.occurred_at < called_at + timedelta(seconds=self._limits.claim_seconds)

    def _was_full(self) -> bool:
        return self._inside + 1 >= self._limits.max_concurrent_users

    def compare(self, told: Iterable[tuple[str, int | None]]) -> None:
        """What visitors were told as of this revision."""
        for session_id, position in told:
            self._verdict.places_checked += 1
            place = self.place_of.get(session_id)
            if place is None:
                self._verdict.broken.append(f"{session_id} was told of a place and never joined")
                continue
            status = self.status_of[session_id]
            real = self._waiting.until(place) if status == "WAITING" else 0 if status in _INSIDE else None
            if position != real:
                self._verdict.broken.append(f"{self.ticket_of[session_id]} was told {position}, but was at {real}")

    def _say(self, event: Event, what: str) -> None:
        self._verdict.broken.append(f"revision {event.revision}: {what}")


class _Counting:
    """Who of those who joined still waits, by number: a Fenwick tree that grows."""

    def __init__(self) -> None:
        self._tree = [0]
        self._is_waiting: list[bool] = []
        self._first = 0
        self.total = 0

    def append(self, *, is_waiting: bool) -> None:
        index, value = len(self._tree), int(is_waiting)
        step = 1
        while step < index & -index:
            value += self._tree[index - step]
            step <<= 1
        self._tree.append(value)
        self._is_waiting.append(is_waiting)
        self.total += is_waiting

    def leave(self, number: int) -> None:
        if not self._is_waiting[number]:
            return
        self._is_waiting[number] = False
        self.total -= 1
        index = number + 1
        while index < len(self._tree):
            self._tree[index] -= 1
            index += index & -index

    def until(self, number: int) -> int:
        """How many wait up to this one, itself included."""
        index, count = number + 1, 0
        while index:
            count += self._tree[index]
            index -= index & -index
        return count

    def first(self) -> int:
        """The first who waits; nobody's number if nobody does."""
        while self._first < len(self._is_waiting) and not self._is_waiting[self._first]:
            self._first += 1
        return self._first


def _by_revision(
    acknowledged: Sequence[Acknowledged], observed: Sequence[Observed]
) -> dict[int, list[tuple[str, int | None]]]:
    told: dict[int, list[tuple[str, int | None]]] = {}
    for answer in acknowledged:
        told.setdefault(answer.revision, []).append((answer.session_id, answer.position))
    for shown in observed:
        told.setdefault(shown.revision, []).append((shown.session_id, shown.position))
    return told


def _lost(acknowledged: Sequence[Acknowledged], fold: _Fold) -> Iterator[str]:
    sessions: dict[str, str] = {}
    for each in acknowledged:
        if each.session_id not in fold.place_of:
            yield f"{each.ticket_number} was acknowledged, and is not in the log"
        elif fold.ticket_of[each.session_id] != each.ticket_number:
            yield f"{each.ticket_number} was acknowledged, and joined as {fold.ticket_of[each.session_id]}"
        if sessions.setdefault(each.key, each.session_id) != each.session_id:
            yield f"who asked with the key {each.key} has two places"
    for id, count in Counter(sessions.values()).items():
        if count > 1:
            yield f"{fold.ticket_of.get(id, id)} was given to {count} visitors"
    # Everybody asks until there is an answer: whoever joined was told so.
    if unknown := fold.place_of.keys() - set(sessions.values()):
        yield f"{len(unknown)} have joined of whom nobody was told"


def _backwards(observed: Sequence[Observed]) -> Iterator[str]:
    last: dict[str, Observed] = {}
    for each in observed:
        before = last.get(each.session_id)
        if before is not None and before.position is not None and each.position is not None:
            if each.revision < before.revision:
                yield f"{each.session_id} was shown revision {each.revision} after {before.revision}"
            if each.position > before.position:
                yield f"{each.session_id} was shown position {each.position} after {before.position}"
        last[each.session_id] = each


def _entries(events: Sequence[Event], entered: Sequence[Entered]) -> Iterator[str]:
    """A token belongs to one place, and whoever was told to be inside is in the log, once."""
    owner: dict[str, str] = {}
    logged = Counter(event.data["session"]["id"] for event in events if event.type == "SESSION_ENTERED")
    for each in entered:
        if owner.setdefault(each.token, each.session_id) != each.session_id:
            yield f"{each.session_id} and {owner[each.token]} were handed one token"
        if logged[each.session_id] != 1:
            yield f"{each.session_id} was told to be inside, and entered {logged[each.session_id]} times"


def _too_fast(released_at: Sequence[datetime], rate: int, verdict: Verdict) -> Iterator[str]:
    """In no 60 seconds more than the rate; and smooth: at no time more than one second can catch up."""
    for number, at in enumerate(released_at):
        in_a_minute = number + 1 - bisect_right(released_at, at - WINDOW, 0, number + 1)
        verdict.most_in_a_minute = max(verdict.most_in_a_minute, in_a_minute)
        if in_a_minute > rate:
            yield f"{in_a_minute} releases in the 60 s up to {at}"
    per_second = rate / 60
    # Of all windows that end here, the fullest for its length: the token bucket's own sum.
    level, last = 0.0, None
    burst = max(1.0, per_second * CATCH_UP.total_seconds()) + 1
    for at in released_at:
        if last is not None:
            level = max(0.0, level - (at - last).total_seconds() * per_second)
        level, last = level + 1, at
        if level > burst + 1e-6:
            yield f"{level:.1f} releases more than {per_second:g} a second allow, at {at}"
