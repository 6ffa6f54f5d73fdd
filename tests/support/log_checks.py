"""What must hold of every queue's log, checked from the stored events alone. Pure, and independent of the product.

It folds a log its own, naive way (a dictionary, sorted when asked) and says everything that is broken; an empty answer
means sound. `tests/sessions/test_log_checks.py` proves that it sees what it is to see.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

MEAN_WINDOW = 50
# Across queues there is no common revision, and a call takes its time a moment before it looks at the counter.
COUNTER_SLACK = timedelta(milliseconds=250)

Rank = tuple[int, datetime, int]


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A stored event."""

    revision: int
    type: str
    occurred_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that must not be."""

    rule: str
    revision: int
    what: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What the log does not say about its queue, as it was created."""

    ticket_prefix: str = "A"
    ticket_first_number: int = 1
    # Of categories, by their prefix: the first of their own numbers, or None if they count with the queue.
    category_numbers: Mapping[str, int | None] = field(default_factory=dict)
    day_of: Callable[[datetime], date] = lambda at: at.astimezone(UTC).date()
    capacity: int | None = None
    max_concurrent_users: int | None = None
    # Seconds of credit by priority; None: PRIORITY.
    credits: Mapping[int, float] | None = None


# The class of whoever is before all priorities, by a list or a code.
_BYPASSED = -1_000

# From which status each event takes a session, and where it leaves it. None: not in this queue.
MOVES: Mapping[str, tuple[frozenset[str | None], str | None]] = {
    "SESSION_JOINED": (frozenset({None}), "WAITING"),
    "SESSION_CALLED": (frozenset({"WAITING"}), "CALLED"),
    "SESSION_RECALLED": (frozenset({"CALLED"}), "CALLED"),
    "SESSION_STARTED": (frozenset({"CALLED"}), "SERVING"),
    "SESSION_RELEASED": (frozenset({"WAITING"}), "CALLED"),
    "SESSION_EXPIRED": (frozenset({"WAITING", "SERVING"}), "EXPIRED"),
    "SESSION_ENTERED": (frozenset({"CALLED"}), "SERVING"),
    "SESSION_RENEWED": (frozenset({"SERVING"}), "SERVING"),
    "SESSION_REVOKED": (frozenset({"CALLED", "SERVING"}), "CANCELLED"),
    "SESSION_COMPLETED": (frozenset({"SERVING"}), "COMPLETED"),
    "SESSION_NO_SHOW": (frozenset({"CALLED"}), "NO_SHOW"),
    "SESSION_CANCELLED": (frozenset({"WAITING", "CALLED"}), "CANCELLED"),
    "SESSION_RETURNED": (frozenset({"CALLED", "SERVING"}), "WAITING"),
    "SESSION_STEPPED_BACK": (frozenset({"WAITING"}), "WAITING"),
    "SESSION_HELD": (frozenset({"WAITING"}), "WAITING"),
    "SESSION_UNHELD": (frozenset({"WAITING"}), "WAITING"),
    "SESSION_PRIORITY_CHANGED": (frozenset({"WAITING"}), "WAITING"),
    "SESSION_TRANSFERRED_OUT": (frozenset({"WAITING", "CALLED", "SERVING"}), None),
    "SESSION_TRANSFERRED_IN": (frozenset({None}), "WAITING"),
}
STATUS_AFTER = {
    "QUEUE_CREATED": "ACTIVE",
    "QUEUE_OPENED": "ACTIVE",
    "QUEUE_PAUSED": "PAUSED",
    "QUEUE_RESUMED": "ACTIVE",
    "QUEUE_CLOSED": "CLOSED",
    "QUEUE_MAINTENANCE_STARTED": "MAINTENANCE",
    "QUEUE_ARCHIVED": "ARCHIVED",
}
# What comes of them is decided by the schedule.
_BY_SCHEDULE = ("PREQUEUE_STARTED", "LOTTERY_OPENED", "SCHEDULED_EVENT_STARTED", "SCHEDULED_EVENT_ENDED")
_ENTERING = ("SESSION_JOINED", "SESSION_TRANSFERRED_IN")
_CALLS = ("SESSION_CALLED", "SESSION_RELEASED")
_RANKED = (*_ENTERING, "SESSION_PRIORITY_CHANGED")
_MAY_MOVE_IN_LINE = (*_RANKED, "SESSION_STEPPED_BACK", "SESSION_RETURNED")


@dataclass
class Fold:
    """A queue as its log tells it, up to some event."""

    sessions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    status: str | None = None
    open_counter_count: int = 0
    mean: float | None = None
    served: int = 0
    capacity: int | None = None
    max_concurrent_users: int | None = None
    credits: Mapping[int, float] | None = None
    # Since when a pre-queue draws lots, and who has one: their place is that time and the lot.
    draws_since: datetime | None = None
    drawn: dict[str, datetime] = field(default_factory=dict)

    def order(self) -> list[str]:
        """Ids of those in line, first to last."""
        waiting = [one for one in self.sessions.values() if one["status"] == "WAITING" and one["held_at"] is None]
        return [str(one["id"]) for one in sorted(waiting, key=rank_of)]

    def counts(self) -> dict[str, int]:
        """The line's counts, counted."""
        states = [(one["status"], one["held_at"] is not None) for one in self.sessions.values()]
        return {
            "waiting_count": states.count(("WAITING", False)),
            "held_count": states.count(("WAITING", True)),
            "called_count": sum(status == "CALLED" for status, _ in states),
            "serving_count": sum(status == "SERVING" for status, _ in states),
        }

    def apply(self, event: LogEvent) -> None:
        """Take one event over, whatever it says."""
        line = event.data["line"]
        self.status = STATUS_AFTER.get(event.type, line["status"] if event.type in _BY_SCHEDULE else self.status)
        if event.type == "PREQUEUE_STARTED" and event.data["seed_hash"] is not None:
            self.draws_since = event.occurred_at
        elif event.type == "LOTTERY_OPENED":
            self.draws_since = None
        elif event.type == "SESSION_JOINED" and self.draws_since is not None:
            self.drawn[event.data["session"]["id"]] = self.draws_since
        if event.type == "QUEUE_STAFFING_CHANGED":
            self.open_counter_count = line["open_counter_count"]
        if event.type == "QUEUE_UPDATED":
            changes = event.data["changes"]
            self.capacity = changes.get("capacity", self.capacity)
            self.max_concurrent_users = changes.get("max_concurrent_users", self.max_concurrent_users)
            if "priority_credits" in changes and self.credits is not None:
                self.credits = {int(one["priority"]): one["seconds"] for one in changes["priority_credits"]}
        session = event.data.get("session")
        if session is None:
            return
        if event.type == "SESSION_TRANSFERRED_OUT":
            self.sessions.pop(session["id"], None)
        else:
            self.sessions[session["id"]] = session
        if event.type == "SESSION_COMPLETED" or (event.type == "SESSION_EXPIRED" and session["started_at"] is not None):
            seconds = (_time(session["ended_at"]) - _time(session["started_at"])).total_seconds()
            weight = min(self.served + 1, MEAN_WINDOW)
            self.mean = seconds if self.mean is None else self.mean + (seconds - self.mean) / weight
            self.served += 1


def rank_of(session: Mapping[str, Any]) -> Rank:
    """A session's place in the order."""
    return session["rank_class"], _time(session["rank_time"]), session["rank_sequence"]


def fold(events: Sequence[LogEvent], revision: int | None = None) -> Fold:
    """The queue after a revision; by default after the last."""
    state = Fold()
    for event in events:
        if revision is not None and event.revision > revision:
            break
        state.apply(event)
    return state


def check(events: Sequence[LogEvent], expected: Expected | None = None) -> list[Broken]:
    """Everything that is broken in one queue's log."""
    expected = expected or Expected()
    state = Fold(
        capacity=expected.capacity, max_concurrent_users=expected.max_concurrent_users, credits=expected.credits
    )
    found = list(_numbering(events)) + list(_tickets(events, expected))
    for event in events:
        found += [Broken(rule, event.revision, what) for rule, what in _before(state, event)]
        state.apply(event)
        found += [Broken(rule, event.revision, what) for rule, what in _after(state, event)]
    return found


def check_together(logs: Mapping[str, Sequence[LogEvent]]) -> list[Broken]:
    """What is broken between the queues of a tenant: transfers that do not meet, counters that hold two."""
    return [*_transfers(logs), *_counters(logs)]


def _numbering(events: Sequence[LogEvent]) -> Iterator[Broken]:
    for number, event in enumerate(events, start=1):
        if event.revision != number:
            yield Broken("revisions", event.revision, f"where {number} should be")
            return
    for one, next_one in pairwise(events):
        if not one.occurred_at < next_one.occurred_at:
            yield Broken("times", next_one.revision, f"{next_one.occurred_at} is not after {one.occurred_at}")


def _tickets(events: Sequence[LogEvent], expected: Expected) -> Iterator[Broken]:
    # By the prefix of whoever counts; the queue and all that count with it are one.
    last: dict[str | None, tuple[date, int]] = {}
    prefixes = {expected.ticket_prefix: None} | dict(expected.category_numbers)
    for event in events:
        if event.type != "SESSION_JOINED":
            continue
        ticket = event.data["session"]["ticket_number"]
        match = re.fullmatch("(" + "|".join(map(re.escape, prefixes)) + r")(\d+)", ticket)
        if match is None:
            yield Broken("tickets", event.revision, f"{ticket} is no ticket number of this queue")
            continue
        own = prefixes[match[1]]
        counter, first = (None, expected.ticket_first_number) if own is None else (match[1], own)
        day, serial = expected.day_of(event.occurred_at), int(match[2])
        before = last.get(counter)
        wanted = before[1] + 1 if before is not None and before[0] == day else first
        if serial != wanted:
            yield Broken("tickets", event.revision, f"{ticket} on {day}, where number {wanted} should be")
        last[counter] = day, serial


def _before(state: Fold, event: LogEvent) -> Iterator[tuple[str, str]]:
    session = event.data.get("session")
    if session is None:
        return
    id, was = session["id"], state.sessions.get(session["id"])
    status, held = (None, False) if was is None else (was["status"], was["held_at"] is not None)
    if event.type in MOVES:
        sources, target = MOVES[event.type]
        if status not in sources:
            rule = "called once" if event.type == "SESSION_CALLED" and status is not None else "moves"
            yield rule, f"{id} {session['ticket_number']} was {status}"
        if target is not None and session["status"] != target:
            yield "moves", f"{id} is {session['status']} after it"
    if event.type == "SESSION_CALLED":
        if held:
            yield "order", f"{id} was on hold"
        elif status == "WAITING" and event.data["out_of_turn"] is not (state.order()[0] != id):
            yield "order", f"{session['ticket_number']} was {state.order().index(id) + 1}. in line, and not said to be"
        if state.status not in ("ACTIVE", "CLOSED"):
            yield "callable", f"called while the queue was {state.status}"
    if event.type == "SESSION_RELEASED":
        if held:
            yield "order", f"{id} was on hold"
        elif status == "WAITING" and state.order()[0] != id:
            yield "order", f"{session['ticket_number']} was {state.order().index(id) + 1}. in line"
        if state.status not in ("ACTIVE", "CLOSED"):
            yield "callable", f"released while the queue was {state.status}"
    if event.type in _ENTERING and state.status not in ("ACTIVE", "PAUSED", "PREQUEUE"):
        yield "joinable", f"entered while the queue was {state.status}"
    since = state.drawn.get(id, state.draws_since if event.type == "SESSION_JOINED" else None)
    if event.type in _RANKED and rank_of(session)[:2] != _due_rank(session, state.credits, since):
        yield "rank", f"{session['ticket_number']} has rank {rank_of(session)[:2]}"
    if was is not None and event.type not in _MAY_MOVE_IN_LINE and rank_of(was) != rank_of(session):
        yield "rank", f"{session['ticket_number']} lost its place"
    calls_before = 0 if was is None else was["call_count"]
    if event.type in _CALLS and session["call_count"] != calls_before + 1:
        yield "called once", f"{session['ticket_number']} was called {session['call_count']} times"


def _after(state: Fold, event: LogEvent) -> Iterator[tuple[str, str]]:
    line = event.data["line"]
    counts = state.counts()
    if told := {name: line[name] for name in counts if line[name] != counts[name]}:
        yield "counts", f"{told}, but there are {counts}"
    if line["status"] != state.status:
        yield "counts", f"status {line['status']}, but it is {state.status}"
    if line["open_counter_count"] != state.open_counter_count:
        yield "counts", f"{line['open_counter_count']} open counters, but there are {state.open_counter_count}"
    told_mean = line["service_seconds_mean"]
    if (told_mean is None) != (state.mean is None) or (
        state.mean is not None and abs(told_mean - state.mean) > 1e-6 * max(1.0, state.mean)
    ):
        yield "mean", f"{told_mean}, but it is {state.mean}"
    waiting = counts["waiting_count"] + counts["held_count"]
    if event.type in _ENTERING and state.capacity is not None and waiting > state.capacity:
        yield "capacity", f"{waiting} wait where {state.capacity} may"
    served = counts["called_count"] + counts["serving_count"]
    if event.type in _CALLS and state.max_concurrent_users is not None and served > state.max_concurrent_users:
        yield "max concurrent", f"{served} are served where {state.max_concurrent_users} may be"
    if len({rank_of(one) for one in state.sessions.values() if one["status"] == "WAITING"}) != waiting:
        yield "rank", "two have the same place"
    holders = defaultdict(list)
    for one in state.sessions.values():
        if one["status"] in ("CALLED", "SERVING") and one["counter_id"] is not None:
            holders[one["counter_id"]].append(one["ticket_number"])
    for counter, tickets in holders.items():
        if len(tickets) > 1:
            yield "counters", f"{counter} holds {tickets}"


def _due_rank(
    session: Mapping[str, Any], credits: Mapping[int, float] | None, drawn_since: datetime | None
) -> tuple[int, datetime]:
    if session["rank_class"] == _BYPASSED:
        return _BYPASSED, _time(session["joined_at"])
    joined_at = drawn_since or _time(session["joined_at"])
    if credits is None:
        return -session["priority"], joined_at
    return 0, joined_at - timedelta(seconds=credits.get(session["priority"], 0.0))


def _transfers(logs: Mapping[str, Sequence[LogEvent]]) -> Iterator[Broken]:
    moves: dict[tuple[str, str, str], list[list[LogEvent]]] = defaultdict(lambda: [[], []])
    for queue_id, events in logs.items():
        for event in events:
            session = event.data.get("session")
            if event.type == "SESSION_TRANSFERRED_OUT":
                moves[session["id"], queue_id, event.data["to_queue_id"]][0].append(event)
            elif event.type == "SESSION_TRANSFERRED_IN":
                moves[session["id"], event.data["from_queue_id"], queue_id][1].append(event)
    for (id, source, target), (left, arrived) in moves.items():
        if len(left) != len(arrived):
            yield Broken("transfers", 0, f"{id} left {source} for {target} {len(left)}×, arrived {len(arrived)}×")
        for out, into in zip(left, arrived, strict=False):
            for name in ("ticket_number", "joined_at", "priority"):
                if out.data["session"][name] != into.data["session"][name]:
                    yield Broken("transfers", into.revision, f"{id} came with another {name}")


def _counters(logs: Mapping[str, Sequence[LogEvent]]) -> Iterator[Broken]:
    spans: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for events in logs.values():
        since: dict[str, tuple[datetime, str, str]] = {}
        for event in events:
            if (session := event.data.get("session")) is None:
                continue
            here = session["status"] in ("CALLED", "SERVING") and event.type != "SESSION_TRANSFERRED_OUT"
            if here and session["id"] not in since:
                since[session["id"]] = event.occurred_at, session["counter_id"], session["ticket_number"]
            elif not here and session["id"] in since:
                start, counter, ticket = since.pop(session["id"])
                spans[counter].append((start, event.occurred_at, ticket))
        for start, counter, ticket in since.values():
            spans[counter].append((start, datetime.max.replace(tzinfo=UTC), ticket))
    for counter, held in spans.items():
        held.sort()
        for (_, end, one), (start, _, other) in pairwise(held):
            if start + COUNTER_SLACK < end:
                yield Broken("counters", 0, f"{counter} was given {other} while it held {one}")


@cache  # the same few times are read again and again
def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
