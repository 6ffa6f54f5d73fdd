"""A line in memory: who waits in which order, who is at a counter, at one revision. Pure: fed events, asked places.

Applying an event costs O(log n) comparisons plus one move of pointers; a place is one binary search.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.queues.events import LineState, QueueEventType
from app.queues.models import QueueStatus
from app.queues.rules import Rank, estimated_wait_seconds
from app.sessions.events import SessionState
from app.sessions.models import SessionStatus

EMPTY_STATE = LineState(QueueStatus.ACTIVE, 0, 0, 0, 0, 0, None)


class Entry(NamedTuple):
    """Somebody in line; entries compare by rank (no two have the same)."""

    rank: Rank
    id: UUID
    ticket_number: str
    # Of the last event about this session, or of the loading: what was read at an older one may be out of date.
    revision: int


@dataclass(frozen=True, slots=True)
class Place:
    """A place in line at a revision: 1-based position, people ahead, estimated wait in seconds (None while unknown)."""

    position: int
    ahead_count: int
    estimated_wait_seconds: int | None


@dataclass(frozen=True, slots=True)
class LineEventData:
    """An event of a queue's log, read back."""

    revision: int
    type: QueueEventType
    occurred_at: datetime
    line: LineState
    session: SessionState | None
    data: Mapping[str, Any]


def read_event(revision: int, type: str, occurred_at: datetime, data: Mapping[str, Any]) -> LineEventData:
    """An event from its stored form."""
    session = data.get("session")
    return LineEventData(
        revision,
        QueueEventType(type),
        occurred_at,
        _line_state(data["line"]),
        None if session is None else _session_state(session),
        data,
    )


class Line:
    """The ordered waiting sessions of one queue and its counts, as of `revision`."""

    def __init__(
        self,
        revision: int = 0,
        state: LineState = EMPTY_STATE,
        waiting: Iterable[Entry] = (),
        at_counters: Iterable[SessionState] = (),
    ) -> None:
        """`waiting` has to come in order."""
        self.revision = revision
        self.state = state
        self._order: list[Entry] = list(waiting)
        self._entries: dict[UUID, Entry] = {entry.id: entry for entry in self._order}
        self._at_counters: dict[UUID, SessionState] = {session.id: session for session in at_counters}

    def __len__(self) -> int:
        return len(self._order)

    def apply(self, event: LineEventData) -> None:
        """Move to the next revision. `ValueError` if the event is not the next one."""
        if event.revision != self.revision + 1:
            raise ValueError(f"revision {event.revision} does not follow {self.revision}")
        self.revision = event.revision
        self.state = event.line
        if event.session is not None:
            self._put(event.session, present=event.type != QueueEventType.SESSION_TRANSFERRED_OUT)

    def place(self, session_id: UUID) -> Place | None:
        """Where somebody stands; None for whoever is not in line (on hold, called, gone, unknown)."""
        entry = self._entries.get(session_id)
        if entry is None:
            return None
        return self.place_at(bisect_left(self._order, entry))

    def changed_at(self, session_id: UUID) -> int | None:
        """A revision since which nothing has happened to somebody in line itself; None for whoever is not."""
        entry = self._entries.get(session_id)
        return None if entry is None else entry.revision

    def place_at(self, ahead_count: int) -> Place:
        """The place with so many people ahead."""
        state = self.state
        wait = estimated_wait_seconds(ahead_count, state.service_seconds_mean, state.open_counter_count)
        return Place(ahead_count + 1, ahead_count, wait)

    def head(self, count: int) -> list[Entry]:
        """The next `count` people."""
        return self._order[:count]

    def at_counters(self) -> list[SessionState]:
        """Called and served sessions, latest call first."""
        return sorted(self._at_counters.values(), key=_called_at, reverse=True)

    def _put(self, session: SessionState, *, present: bool) -> None:
        if (old := self._entries.pop(session.id, None)) is not None:
            del self._order[bisect_left(self._order, old)]
        self._at_counters.pop(session.id, None)
        if not present:
            return
        if session.status is SessionStatus.WAITING and session.held_at is None:
            rank = Rank(session.rank_class, session.rank_time, session.rank_sequence)
            entry = Entry(rank, session.id, session.ticket_number, self.revision)
            insort(self._order, entry)
            self._entries[session.id] = entry
        elif session.status in (SessionStatus.CALLED, SessionStatus.SERVING):
            self._at_counters[session.id] = session


def _called_at(session: SessionState) -> tuple[datetime, UUID]:
    assert session.called_at is not None  # whoever is at a counter was called
    return session.called_at, session.id


def _line_state(data: Mapping[str, Any]) -> LineState:
    return LineState(**{**data, "status": QueueStatus(data["status"])})


def _session_state(data: Mapping[str, Any]) -> SessionState:
    return SessionState(
        id=UUID(data["id"]),
        ticket_number=data["ticket_number"],
        status=SessionStatus(data["status"]),
        priority=data["priority"],
        party_size=data["party_size"],
        rank_class=data["rank_class"],
        rank_time=datetime.fromisoformat(data["rank_time"]),
        rank_sequence=data["rank_sequence"],
        held_at=_time(data["held_at"]),
        joined_at=datetime.fromisoformat(data["joined_at"]),
        called_at=_time(data["called_at"]),
        started_at=_time(data["started_at"]),
        completed_at=_time(data["completed_at"]),
        cancelled_at=_time(data["cancelled_at"]),
        cancelled_by=data["cancelled_by"],
        ended_at=_time(data["ended_at"]),
        call_count=data["call_count"],
        counter_id=_id(data["counter_id"]),
        counter_name=data["counter_name"],
        served_by=_id(data["served_by"]),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
