"""The event log as the API tells it, and the line rebuilt from nothing but the log. Pure.

A second, deliberately plain implementation of the line: it shares no code with the server it checks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

JOINING = frozenset({"SESSION_JOINED", "SESSION_TRANSFERRED_IN"})
RETURNING = frozenset({"SESSION_RETURNED"})
MOVING = frozenset({"SESSION_STEPPED_BACK", "SESSION_PRIORITY_CHANGED"})

STATUS_AFTER: Mapping[str, str] = {
    "SESSION_JOINED": "WAITING",
    "SESSION_TRANSFERRED_IN": "WAITING",
    "SESSION_RETURNED": "WAITING",
    "SESSION_CALLED": "CALLED",
    "SESSION_STARTED": "SERVING",
    "SESSION_COMPLETED": "COMPLETED",
    "SESSION_CANCELLED": "CANCELLED",
    "SESSION_NO_SHOW": "NO_SHOW",
    "SESSION_EXPIRED": "EXPIRED",
    "SESSION_TRANSFERRED_OUT": "TRANSFERRED",
}
ENDED = frozenset({"COMPLETED", "CANCELLED", "NO_SHOW", "EXPIRED", "TRANSFERRED"})
AT_COUNTER = frozenset({"CALLED", "SERVING"})

Rank = tuple[int, float, int]


class LogError(Exception):
    """An event does not say what the line needs to be rebuilt."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One change of the queue."""

    revision: int
    type: str
    occurred_at: datetime
    session_id: str | None = None
    ticket_number: str | None = None
    counter_name: str | None = None
    session: Mapping[str, object] = field(default_factory=dict)
    """The session's state after the event, as the log has it."""
    line: Mapping[str, object] = field(default_factory=dict)
    """The queue's counts after the event, as the log has them."""

    @property
    def status(self) -> str | None:
        """The session's status from this event on; null when the event does not change one."""
        return STATUS_AFTER.get(self.type)

    def number(self, key: str) -> float:
        value = self.session.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise LogError(f"revision {self.revision} ({self.type}): session.{key} is {value!r}, expected a number")
        return value

    @property
    def rank(self) -> Rank:
        return (int(self.number("rankClass")), self._rank_time(), int(self.number("rankSequence")))

    def _rank_time(self) -> float:
        value = self.session.get("rankTime")
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value).timestamp()
            except ValueError:
                raise LogError(f"revision {self.revision}: session.rankTime is {value!r}, expected a time") from None
        return self.number("rankTime")


class Line:
    """The ordered waiting sessions after some revision."""

    def __init__(self) -> None:
        self._ranks: dict[str, Rank] = {}
        self.statuses: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def apply(self, event: LogEvent) -> None:
        session = event.session_id
        if session is None:
            return
        if event.type in JOINING | RETURNING | MOVING:
            self._ranks[session] = event.rank
        elif event.status is not None:
            self._ranks.pop(session, None)
        if event.status is not None:
            if session in self.statuses:
                self._counts[self.statuses[session]] -= 1
            self._counts[event.status] += 1
            self.statuses[session] = event.status

    @property
    def waiting_count(self) -> int:
        return len(self._ranks)

    def count(self, status: str) -> int:
        return self._counts[status]

    def first(self) -> str | None:
        return min(self._ranks, key=self._ranks.__getitem__, default=None)

    def position(self, session: str) -> int | None:
        """1-based; null when not waiting."""
        own = self._ranks.get(session)
        return None if own is None else 1 + sum(rank < own for rank in self._ranks.values())

    def rank(self, session: str) -> Rank | None:
        return self._ranks.get(session)


@dataclass(slots=True)
class Story:
    """What became of one session, as far as the log goes."""

    session_id: str
    ticket_number: str
    priority: int
    joined_at: datetime
    called_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: str = "WAITING"
    counter_name: str | None = None

    @property
    def left_line_at(self) -> datetime | None:
        """When the wait was over, by a call or by going."""
        return self.called_at or self.ended_at


def stories(events: Iterable[LogEvent]) -> dict[str, Story]:
    """Every session of the log, in the order of joining."""
    told: dict[str, Story] = {}
    for event in events:
        if event.session_id is None or event.status is None:
            continue
        if event.type in JOINING and event.session_id not in told:
            told[event.session_id] = Story(
                session_id=event.session_id,
                ticket_number=event.ticket_number or "",
                priority=int(event.number("priority")),
                joined_at=event.occurred_at,
            )
        story = told.get(event.session_id)
        if story is None:
            continue
        story.status = event.status
        if event.status == "CALLED":
            story.called_at = story.called_at or event.occurred_at
            story.counter_name = event.counter_name
        elif event.status == "SERVING":
            story.started_at = event.occurred_at
        elif event.status in ENDED:
            story.ended_at = event.occurred_at
    return told
