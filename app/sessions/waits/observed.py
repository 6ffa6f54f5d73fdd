"""What a line remembers of its past so that waits can be estimated: who entered service last, how often, how late.

Pure, and part of every `Line`: fed by its events, in a microsecond or two each. What was learned of waits is handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from uuid import UUID

from app.estimates.memory import LineMemory
from app.estimates.pace import Pace
from app.queues.estimates import Outlook
from app.queues.events import LineState, QueueEventType
from app.sessions.waits.expected import Expected, Kind, Seen

_CALLS = frozenset({QueueEventType.SESSION_CALLED, QueueEventType.SESSION_RELEASED})
NOTHING_LEARNED = LineMemory()
"""Of a line of which nothing is known; nobody changes it."""


@dataclass(slots=True)
class Observed:
    """What one line shows besides its order and its counts. Times are seconds since 1970."""

    at: float = 0.0
    """When the line changed last."""
    zone: tzinfo = UTC
    memory: LineMemory = field(default_factory=lambda: NOTHING_LEARNED, repr=False)
    memory_revision: int = 0
    pace: Pace = field(default_factory=Pace)
    waiting_by_category: dict[str, int] = field(default_factory=dict)
    credits: dict[int, float] = field(default_factory=dict)
    """What the priority of those in line is worth, by `UUID.int`; who has none is not among them."""
    entered: dict[int, float] = field(default_factory=dict)
    """When somebody came into this line who had joined before: transferred, returned, or off hold."""

    def applied(
        self,
        type: QueueEventType,
        occurred_at: datetime,
        session_key: int | None,
        session: Mapping[str, Any] | None,
        *,
        was_in_line: bool,
        is_in_line: bool,
    ) -> None:
        """An event of the line's log; `session` is its stored form."""
        self.at = occurred_at.timestamp()
        if session_key is None or session is None or not (was_in_line or is_in_line):
            return
        if is_in_line:
            if not was_in_line:
                self._came(type, session_key, session)
            elif session["rank_time"] != session.get("joined_at"):
                self.credits[session_key] = credit_of(session)
            return
        category = session.get("category_id") or ""
        left = self.waiting_by_category.get(category, 0) - 1
        if left > 0:
            self.waiting_by_category[category] = left
        else:
            self.waiting_by_category.pop(category, None)
        self.credits.pop(session_key, None)
        since = self.entered.pop(session_key, None)
        if type in _CALLS:
            if since is None:
                since = self.at if "joined_at" not in session else _seconds(session["joined_at"])
            self.pace.entered(self.at, max(self.at - since, 0.0), category)

    def is_in_line(self, session_key: int, category_id: UUID | None, joined_at: datetime, rank_time: datetime) -> None:
        """Somebody whom a line is loaded with."""
        category = "" if category_id is None else str(category_id)
        self.waiting_by_category[category] = self.waiting_by_category.get(category, 0) + 1
        if rank_time != joined_at:
            self.credits[session_key] = credit(joined_at, rank_time)

    def passed(self, type: QueueEventType, occurred_at: datetime, session: Mapping[str, Any] | None) -> None:
        """An event of a line of which only the counts are known."""
        self.at = occurred_at.timestamp()
        self.caught_up(type, occurred_at, session)

    def caught_up(self, type: QueueEventType, occurred_at: datetime, session: Mapping[str, Any] | None) -> None:
        """An event from before this line was loaded: only the pace is not in the tables."""
        if type in _CALLS and session is not None:
            at = occurred_at.timestamp()
            self.pace.entered(at, max(at - _seconds(session["joined_at"]), 0.0), session.get("category_id") or "")

    def expected(self, state: LineState, outlook: Outlook, head: tuple[int, float] | None) -> Expected:
        """What people can expect now; `head` is who is first in line, and for how long that one counts as waiting."""
        head_wait = 0.0
        if head is not None:
            head_wait = max(self.at - head[1] - self.credits.get(head[0], 0.0), 0.0)
        pace = self.pace
        seen = Seen(
            at=self.at,
            state=state,
            outlook=outlook,
            zone=self.zone,
            head_wait_seconds=head_wait,
            last=pace.last,
            last_by_category=dict(pace.last_by_category),
            starts_per_second=pace.starts_per_second(self.at),
            waiting_by_category=dict(self.waiting_by_category),
        )
        return Expected(seen, self.memory)

    def _came(self, type: QueueEventType, session_key: int, session: Mapping[str, Any]) -> None:
        category = session.get("category_id") or ""
        self.waiting_by_category[category] = self.waiting_by_category.get(category, 0) + 1
        if type is not QueueEventType.SESSION_JOINED:
            self.entered[session_key] = self.at
        if session["rank_time"] != session.get("joined_at"):
            self.credits[session_key] = credit_of(session)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def credit_of(session: Mapping[str, Any]) -> float:
    """By how many seconds a session of the log counts as having joined earlier; 0 for who counts as later."""
    if "joined_at" not in session:
        return 0.0
    return credit(datetime.fromisoformat(session["joined_at"]), datetime.fromisoformat(session["rank_time"]))


def credit(joined_at: datetime, rank_time: datetime) -> float:
    """`credit_of`, of its two times."""
    return max((joined_at - rank_time).total_seconds(), 0.0)


def kind_of(category_id: UUID | None, joined_at: datetime, rank_time: datetime) -> Kind:
    """The kind of visitor a session is."""
    return Kind("" if category_id is None else str(category_id), credit(joined_at, rank_time))
