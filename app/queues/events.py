"""Facts about a queue. Each carries the line's counts as they are after it, so that readers need nothing else."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from app.core.events import Event
from app.queues.models import QueueStatus

QUEUE = "queue"


class QueueEventType(StrEnum):
    """Everything that may stand in a queue's log; what happens to sessions is declared by their features."""

    QUEUE_CREATED = "QUEUE_CREATED"
    QUEUE_UPDATED = "QUEUE_UPDATED"
    QUEUE_OPENED = "QUEUE_OPENED"
    QUEUE_PAUSED = "QUEUE_PAUSED"
    QUEUE_RESUMED = "QUEUE_RESUMED"
    QUEUE_CLOSED = "QUEUE_CLOSED"
    QUEUE_MAINTENANCE_STARTED = "QUEUE_MAINTENANCE_STARTED"
    QUEUE_ARCHIVED = "QUEUE_ARCHIVED"
    QUEUE_STAFFING_CHANGED = "QUEUE_STAFFING_CHANGED"
    ORIGIN_HEALTH_CHANGED = "ORIGIN_HEALTH_CHANGED"
    PREQUEUE_STARTED = "PREQUEUE_STARTED"
    LOTTERY_OPENED = "LOTTERY_OPENED"
    SCHEDULED_EVENT_STARTED = "SCHEDULED_EVENT_STARTED"
    SCHEDULED_EVENT_ENDED = "SCHEDULED_EVENT_ENDED"
    SESSION_JOINED = "SESSION_JOINED"
    SESSION_CALLED = "SESSION_CALLED"
    SESSION_RELEASED = "SESSION_RELEASED"
    SESSION_RECALLED = "SESSION_RECALLED"
    SESSION_STARTED = "SESSION_STARTED"
    SESSION_ENTERED = "SESSION_ENTERED"
    SESSION_RENEWED = "SESSION_RENEWED"
    SESSION_REVOKED = "SESSION_REVOKED"
    SESSION_COMPLETED = "SESSION_COMPLETED"
    SESSION_NO_SHOW = "SESSION_NO_SHOW"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    SESSION_CANCELLED = "SESSION_CANCELLED"
    SESSION_RETURNED = "SESSION_RETURNED"
    SESSION_STEPPED_BACK = "SESSION_STEPPED_BACK"
    SESSION_HELD = "SESSION_HELD"
    SESSION_UNHELD = "SESSION_UNHELD"
    SESSION_TRANSFERRED_OUT = "SESSION_TRANSFERRED_OUT"
    SESSION_TRANSFERRED_IN = "SESSION_TRANSFERRED_IN"
    SESSION_PRIORITY_CHANGED = "SESSION_PRIORITY_CHANGED"
    SESSION_NOTE_ADDED = "SESSION_NOTE_ADDED"
    SESSION_RATED = "SESSION_RATED"
    SESSION_IMPORTED = "SESSION_IMPORTED"


@dataclass(frozen=True, slots=True)
class ReleaseLimits:
    """What a METERED line may release at present: overrides, `queueAll` and the site's health are in it.

    Null is unlimited; a rate of 0 releases nobody.
    """

    rate_per_minute: int | None
    max_concurrent_users: int | None


@dataclass(frozen=True, slots=True)
class LineState:
    """A line's counts after an event; `limits` are null unless the queue is METERED."""

    status: QueueStatus
    waiting_count: int
    held_count: int
    called_count: int
    serving_count: int
    open_counter_count: int
    service_seconds_mean: float | None
    limits: ReleaseLimits | None = None


@dataclass(frozen=True, slots=True)
class LineEvent(Event):
    """A change of a queue: everything in its log."""

    line: LineState


@dataclass(frozen=True, slots=True)
class QueueCreated(LineEvent):
    type: ClassVar[str] = QueueEventType.QUEUE_CREATED


@dataclass(frozen=True, slots=True)
class QueueUpdated(LineEvent):
    """`changes` holds the new values."""

    type: ClassVar[str] = QueueEventType.QUEUE_UPDATED
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class QueueOpened(LineEvent):
    """`scheduled_at`: when the business hours said so; null if somebody did it."""

    type: ClassVar[str] = QueueEventType.QUEUE_OPENED
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueuePaused(LineEvent):
    type: ClassVar[str] = QueueEventType.QUEUE_PAUSED


@dataclass(frozen=True, slots=True)
class QueueResumed(LineEvent):
    type: ClassVar[str] = QueueEventType.QUEUE_RESUMED


@dataclass(frozen=True, slots=True)
class QueueClosed(LineEvent):
    """`scheduled_at`: when the business hours said so; null if somebody did it."""

    type: ClassVar[str] = QueueEventType.QUEUE_CLOSED
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueMaintenanceStarted(LineEvent):
    type: ClassVar[str] = QueueEventType.QUEUE_MAINTENANCE_STARTED


@dataclass(frozen=True, slots=True)
class QueueArchived(LineEvent):
    type: ClassVar[str] = QueueEventType.QUEUE_ARCHIVED


@dataclass(frozen=True, slots=True)
class LotteryOpened(LineEvent):
    """The pre-queue is over: with the seed anybody can compute every lot, and that its hash was published before."""

    type: ClassVar[str] = QueueEventType.LOTTERY_OPENED
    seed: str
    seed_hash: str


@dataclass(frozen=True, slots=True)
class QueueStaffingChanged(LineEvent):
    """Counters opened, closed, or went on a break."""

    type: ClassVar[str] = QueueEventType.QUEUE_STAFFING_CHANGED
