"""What must hold of every queue's log, checked from the log and from what visitors and staff were told. Pure.

Each check has a name and gives back what is broken; it never repairs and never stops at the first.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.replay.log import AT_COUNTER, ENDED, JOINING, RETURNING, Line, LogError, LogEvent

# Timestamps travel with microseconds; a rank is computed from the same clock reading as the join.
RANK_TOLERANCE_SECONDS = 0.001

_TICKET = re.compile(r"^(\D*)(\d+)$")

LEGAL: Mapping[str | None, frozenset[str]] = {
    None: frozenset({"SESSION_JOINED", "SESSION_TRANSFERRED_IN"}),
    "WAITING": frozenset({"SESSION_CALLED", "SESSION_CANCELLED", "SESSION_EXPIRED", "SESSION_TRANSFERRED_OUT"}),
    "CALLED": frozenset(
        {"SESSION_STARTED", "SESSION_NO_SHOW", "SESSION_CANCELLED", "SESSION_RETURNED", "SESSION_TRANSFERRED_OUT"}
    ),
    "SERVING": frozenset(
        {"SESSION_COMPLETED", "SESSION_EXPIRED", "SESSION_RETURNED", "SESSION_TRANSFERRED_OUT", "SESSION_CANCELLED"}
    ),
}


@dataclass(frozen=True, slots=True)
class Broken:
    """One violation."""

    invariant: str
    revision: int | None
    what: str

    def __str__(self) -> str:
        where = "" if self.revision is None else f"revision {self.revision}: "
        return f"{self.invariant}: {where}{self.what}"


@dataclass(frozen=True, slots=True)
class Update:
    """One item of a visitor's own feed, in the order received."""

    session_id: str
    revision: int
    status: str
    position: int | None
    ahead_count: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """One item of the queue's feed."""

    revision: int
    waiting_count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered a mutation: from then on it must be in the log."""

    session_id: str
    event_type: str
    ticket_number: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the checks may look at."""

    events: Sequence[LogEvent]
    updates: Sequence[Update] = ()
    summaries: Sequence[Summary] = ()
    answers: Sequence[Answer] = ()
    credits: Mapping[int, float] | None = None
    """Seconds of waiting credit per priority, as the queue was configured; null when it was not by time credit."""
    finished: bool = True
    """False for a run that was stopped: sessions may then still be on their way, and nothing is said about ends."""


Finding = tuple[int | None, str]


def revisions_gapless(evidence: Evidence) -> Iterator[Finding]:
    """Revisions are 1, 2, 3 … without a gap, in this order."""
    for expected, event in enumerate(evidence.events, start=1):
        if event.revision != expected:
            yield event.revision, f"{event.type} has revision {event.revision}, expected {expected}"
            return


def tickets_unique_and_gapless(evidence: Evidence) -> Iterator[Finding]:
    """Ticket numbers are given in the order of joining, each once, none left out."""
    previous: tuple[str, int] | None = None
    seen: dict[str, str] = {}
    for event in evidence.events:
        if event.type != "SESSION_JOINED":
            continue
        ticket = event.ticket_number or ""
        match = _TICKET.match(ticket)
        if match is None:
            yield event.revision, f"{ticket!r} is not a ticket number"
            continue
        if ticket in seen:
            yield event.revision, f"ticket {ticket} was given to {seen[ticket]} and to {event.session_id}"
        seen.setdefault(ticket, str(event.session_id))
        current = (match[1], int(match[2]))
        if previous is not None and current != (previous[0], previous[1] + 1):
            yield event.revision, f"ticket {ticket} follows {previous[0]}{previous[1]}"
        previous = current


def called_once(evidence: Evidence) -> Iterator[Finding]:
    """A session is called at most once for each time it joined or came back to the line."""
    waits: dict[str, int] = {}
    calls: dict[str, int] = {}
    for event in evidence.events:
        session = event.session_id
        if session is None:
            continue
        if event.type in JOINING | RETURNING:
            waits[session] = waits.get(session, 0) + 1
        elif event.type == "SESSION_CALLED":
            calls[session] = calls.get(session, 0) + 1
            if calls[session] > waits.get(session, 0):
                yield (
                    event.revision,
                    f"{event.ticket_number} called {calls[session]} times in {waits.get(session, 0)} waits",
                )


def called_in_order(evidence: Evidence) -> Iterator[Finding]:
    """Whoever is called is first by rank among those waiting at that moment."""
    line = Line()
    for event in evidence.events:
        if event.type == "SESSION_CALLED" and event.session_id is not None:
            first = line.first()
            if first != event.session_id and line.rank(event.session_id) is not None:
                place = line.position(event.session_id)
                yield event.revision, f"{event.ticket_number} called from position {place} of {line.waiting_count}"
        line.apply(event)


def ranks_follow_discipline(evidence: Evidence) -> Iterator[Finding]:
    """By time credit: rank time = time of joining minus the priority's credit, all in one class, sequence growing."""
    if evidence.credits is None:
        return
    last_sequence: int | None = None
    for event in evidence.events:
        if event.type != "SESSION_JOINED":
            continue
        rank_class, rank_time, sequence = event.rank
        credit = evidence.credits.get(int(event.number("priority")), 0.0)
        given = event.occurred_at.timestamp() - rank_time
        if abs(given - credit) > RANK_TOLERANCE_SECONDS:
            yield (
                event.revision,
                f"{event.ticket_number} was credited {given:.3f} s, its priority is worth {credit:.3f} s",
            )
        if rank_class != 0:
            yield event.revision, f"{event.ticket_number} is in class {rank_class}; by time credit all are in class 0"
        if last_sequence is not None and sequence <= last_sequence:
            yield event.revision, f"{event.ticket_number} has sequence {sequence} after {last_sequence}"
        last_sequence = sequence


def steps_legal(evidence: Evidence) -> Iterator[Finding]:
    """Every session goes only where its life cycle leads."""
    statuses: dict[str, str] = {}
    for event in evidence.events:
        if event.session_id is None or event.status is None:
            continue
        before = statuses.get(event.session_id)
        if event.type not in LEGAL.get(before, frozenset()):
            yield event.revision, f"{event.ticket_number}: {event.type} while {before or 'not there'}"
        statuses[event.session_id] = event.status


def everybody_accounted_for(evidence: Evidence) -> Iterator[Finding]:
    """Everybody who joined was served to the end, left or was sent away; nobody is lost."""
    statuses: dict[str, str] = {}
    tickets: dict[str, str] = {}
    for event in evidence.events:
        if event.session_id is not None and event.status is not None:
            statuses[event.session_id] = event.status
            tickets.setdefault(event.session_id, event.ticket_number or event.session_id)
    for session, status in statuses.items():
        if status not in ENDED:
            yield None, f"{tickets[session]} ends as {status}"


def one_at_a_counter(evidence: Evidence) -> Iterator[Finding]:
    """A counter has one person at a time, and a person one counter."""
    holds: dict[str, str] = {}
    at: dict[str, str] = {}
    for event in evidence.events:
        session, status = event.session_id, event.status
        if session is None or status is None:
            continue
        counter = event.counter_name
        if status in AT_COUNTER:
            if counter is None:
                yield event.revision, f"{event.ticket_number} is {status} at no counter"
                continue
            if session in at and at[session] != counter:
                yield event.revision, f"{event.ticket_number} is {status} at {counter} and at {at[session]}"
            if holds.get(counter, session) != session:
                yield event.revision, f"{counter} takes {event.ticket_number} while it holds another session"
            holds[counter] = session
            at[session] = counter
        elif session in at and holds.get(at[session]) == session:
            del holds[at.pop(session)]
        else:
            at.pop(session, None)


def answers_in_log(evidence: Evidence) -> Iterator[Finding]:
    """What the server answered happened, once."""
    logged: dict[tuple[str, str], list[LogEvent]] = {}
    for event in evidence.events:
        if event.session_id is not None:
            logged.setdefault((event.session_id, event.type), []).append(event)
    for answer in evidence.answers:
        found = logged.get((answer.session_id, answer.event_type), [])
        if not found:
            yield None, f"{answer.event_type} of {answer.ticket_number} was answered, but is not in the log"
        elif any(event.ticket_number != answer.ticket_number for event in found):
            yield found[0].revision, f"answered as {answer.ticket_number}, logged as {found[0].ticket_number}"


def feeds_never_go_back(evidence: Evidence) -> Iterator[Finding]:
    """In each visitor's feed revisions do not go back, and an end stays the end."""
    last: dict[str, Update] = {}
    for update in evidence.updates:
        before = last.get(update.session_id)
        if before is not None and update.revision < before.revision:
            yield update.revision, f"a feed went back from revision {before.revision}"
        elif before is not None and before.status in ENDED and update.status != before.status:
            yield update.revision, f"a feed went from {before.status} to {update.status}"
        last[update.session_id] = update


def feeds_reach_the_end(evidence: Evidence) -> Iterator[Finding]:
    """Every visitor who watched was told how it ended."""
    told = {update.session_id: update.status for update in evidence.updates}
    logged = {event.session_id: event for event in evidence.events if event.status is not None}
    for session, status in told.items():
        last = logged.get(session)
        if last is not None and last.status != status:
            yield last.revision, f"{last.ticket_number} ended as {last.status}, its visitor was last shown {status}"


def feeds_tell_the_truth(evidence: Evidence) -> Iterator[Finding]:
    """Every status, position and number of people ahead a visitor was shown is what the log gives at that revision."""
    due: dict[int, list[Update]] = {}
    for update in evidence.updates:
        due.setdefault(update.revision, []).append(update)
    line = Line()
    for event in evidence.events:
        line.apply(event)
        for update in due.pop(event.revision, ()):
            status = line.statuses.get(update.session_id)
            position = line.position(update.session_id)
            if update.status != status:
                yield event.revision, f"a visitor was shown {update.status}, the log says {status}"
            elif update.position != position:
                yield event.revision, f"a visitor was shown position {update.position}, the log gives {position}"
            elif update.ahead_count != (None if position is None else position - 1):
                yield event.revision, f"a visitor at position {position} was shown {update.ahead_count} ahead"
    for revision, updates in due.items():
        yield revision, f"{len(updates)} updates carry a revision that is not in the log"


def summaries_tell_the_truth(evidence: Evidence) -> Iterator[Finding]:
    """The queue's feed does not go back, and every number of people waiting it told is what the log gives."""
    counts = {0: 0}
    line = Line()
    for event in evidence.events:
        line.apply(event)
        counts[event.revision] = line.waiting_count
    before = 0
    for summary in evidence.summaries:
        if summary.revision < before:
            yield summary.revision, f"the queue's feed went back from revision {before}"
        before = summary.revision
        count = counts.get(summary.revision)
        if count is None:
            yield summary.revision, "the queue's feed carries a revision that is not in the log"
        elif count != summary.waiting_count:
            yield summary.revision, f"the queue's feed told {summary.waiting_count} waiting, the log gives {count}"


def counts_follow_the_line(evidence: Evidence) -> Iterator[Finding]:
    """The counts in every event (waiting, called, serving) are those of the line rebuilt from the log."""
    line = Line()
    for event in evidence.events:
        line.apply(event)
        for key, status in (("waitingCount", "WAITING"), ("calledCount", "CALLED"), ("servingCount", "SERVING")):
            told, counted = event.line.get(key), line.count(status)
            if told != counted:
                yield event.revision, f"{event.type} says {key} {told}, the log gives {counted}"


def times_never_go_back(evidence: Evidence) -> Iterator[Finding]:
    """The time of an event is not before that of an earlier revision."""
    for before, event in pairwise(evidence.events):
        if event.occurred_at < before.occurred_at:
            yield event.revision, f"{event.type} at {event.occurred_at} after {before.occurred_at}"


INVARIANTS: Mapping[str, Callable[[Evidence], Iterator[Finding]]] = {
    check.__name__: check
    for check in (
        revisions_gapless,
        times_never_go_back,
        tickets_unique_and_gapless,
        called_once,
        called_in_order,
        ranks_follow_discipline,
        steps_legal,
        everybody_accounted_for,
        counts_follow_the_line,
        one_at_a_counter,
        answers_in_log,
        feeds_never_go_back,
        feeds_reach_the_end,
        feeds_tell_the_truth,
        summaries_tell_the_truth,
    )
}


ABOUT_ENDS = frozenset({everybody_accounted_for.__name__, feeds_reach_the_end.__name__})


def check_all(evidence: Evidence) -> dict[str, list[Broken]]:
    """Every invariant that can be checked, by name with what broke it; an empty list where it holds."""
    result: dict[str, list[Broken]] = {}
    for name, check in INVARIANTS.items():
        if name in ABOUT_ENDS and not evidence.finished:
            continue
        try:
            result[name] = [Broken(name, revision, what) for revision, what in check(evidence)]
        except LogError as problem:
            result[name] = [Broken(name, None, f"cannot be checked: {problem}")]
    return result
