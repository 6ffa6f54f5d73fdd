"""A queue's log made up by the seed: people come, are called, leave, step back, are transferred."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from app.queues.events import LineState, QueueEventType, ReleaseLimits
from app.queues.models import QueueStatus
from app.sessions.line import LineEventData, read_event

BEGINNING = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
CATEGORIES = (None, "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b")


class Log:
    """Written event by event; time goes by as it is told."""

    def __init__(self, *, counters: int = 3, limits: ReleaseLimits | None = None) -> None:
        self.events: list[LineEventData] = []
        self.now = BEGINNING
        self.sessions: dict[int, dict[str, Any]] = {}
        self.waiting: list[int] = []
        self.counters = counters
        self.limits = limits
        self.status = QueueStatus.ACTIVE
        self.service_seconds: float | None = None

    def join(self, *, category: str | None = None, credit_seconds: float = 0.0) -> int:
        """Somebody joins; the number of the session."""
        number = len(self.sessions) + 1
        rank_time = self.now - timedelta(seconds=credit_seconds)
        self.sessions[number] = (
            {
                "id": str(UUID(int=number)),
                "ticket_number": f"A{number}",
                "status": "WAITING",
                "priority": 0,
                "party_size": 1,
                "rank_class": 0,
                "rank_time": rank_time.isoformat(),
                "rank_sequence": number,
                "held_at": None,
                "joined_at": self.now.isoformat(),
                "category_id": category,
            }
            | dict.fromkeys(_LATER)
            | {"call_count": 0}
        )
        self.waiting.append(number)
        self._write(QueueEventType.SESSION_JOINED, number)
        return number

    def first(self) -> int:
        """Who is next."""
        return min(self.waiting, key=lambda one: (self.sessions[one]["rank_time"], one))

    def call(self, number: int | None = None) -> int:
        """The next one, or this one, is called."""
        number = self.first() if number is None else number
        self.waiting.remove(number)
        self.sessions[number] |= {"status": "CALLED", "called_at": self.now.isoformat(), "call_count": 1}
        kind = QueueEventType.SESSION_CALLED if self.limits is None else QueueEventType.SESSION_RELEASED
        self._write(kind, number)
        return number

    def leave(self, number: int) -> None:
        """Somebody gives up."""
        self.waiting.remove(number)
        self.sessions[number] |= {"status": "CANCELLED", "cancelled_at": self.now.isoformat()}
        self._write(QueueEventType.SESSION_CANCELLED, number)

    def step_back(self, number: int) -> None:
        """Somebody lets everybody go first."""
        self.sessions[number] |= {"rank_time": self.now.isoformat()}
        self._write(QueueEventType.SESSION_STEPPED_BACK, number)

    def transfer_in(self) -> None:
        """Somebody comes who had joined another queue, a quarter of an hour ago."""
        number = self.join()
        self.events.pop()
        joined_at = (self.now - timedelta(minutes=15)).isoformat()
        self.sessions[number] |= {"joined_at": joined_at}
        self._write(QueueEventType.SESSION_TRANSFERRED_IN, number)

    def serve(self, seconds: float) -> None:
        """A service has ended after so long."""
        mean = self.service_seconds
        self.service_seconds = seconds if mean is None else mean + (seconds - mean) / 20
        self._write(QueueEventType.QUEUE_STAFFING_CHANGED, None)

    def state(self) -> LineState:
        """The counts."""
        return LineState(self.status, len(self.waiting), 0, 0, 0, self.counters, self.service_seconds, self.limits)

    def _write(self, kind: QueueEventType, number: int | None) -> None:
        data: dict[str, Any] = {"line": asdict(self.state())}
        if number is not None:
            data["session"] = dict(self.sessions[number])
        self.events.append(read_event(len(self.events) + 1, kind, self.now, data))


_LATER = (
    *("called_at", "started_at", "completed_at", "cancelled_at", "cancelled_by", "ended_at"),
    *("counter_id", "counter_name", "served_by", "expires_at"),
)


def day(seed: int, events: int, **line: Any) -> list[LineEventData]:
    """A busy day."""
    random, log = Random(seed), Log(**line)
    log.serve(120.0)
    while len(log.events) < events:
        log.now += timedelta(seconds=random.expovariate(1 / 20))
        what = random.random()
        if what < 0.45 or not log.waiting:
            log.join(category=random.choice(CATEGORIES), credit_seconds=random.choice((0.0, 0.0, 90.0)))
        elif what < 0.85:
            log.call()
            log.serve(random.lognormvariate(4.6, 0.6))
        elif what < 0.93:
            log.leave(random.choice(log.waiting))
        elif what < 0.97:
            log.step_back(random.choice(log.waiting))
        else:
            log.transfer_in()
    return log.events


def again(events: Sequence[LineEventData]) -> list[LineEventData]:
    """The same events, read anew."""
    return [read_event(one.revision, one.type, one.occurred_at, one.data) for one in events]
