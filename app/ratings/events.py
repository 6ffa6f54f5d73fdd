"""Facts about ratings, in the log of the queue that served. What was said in words is in no event."""

from dataclasses import dataclass
from typing import ClassVar

from app.queues.events import QueueEventType
from app.sessions.events import SessionEvent


@dataclass(frozen=True, slots=True)
class SessionRated(SessionEvent):
    """A visit was rated, or its rating changed: `score` (1 to 5) and `nps` (0 to 10, null if not said) count now."""

    type: ClassVar[str] = QueueEventType.SESSION_RATED
    score: int
    nps: int | None
    source: str
