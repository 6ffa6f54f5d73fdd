"""Facts about what a schedule does to a queue, in the queue's log. Opening and closing by hours are the queue's own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from app.queues.events import LineEvent, QueueEventType


@dataclass(frozen=True, slots=True)
class PrequeueStarted(LineEvent):
    """People may come; who is there at the opening is there at the same time as the others.

    `seed_hash` is that of its lottery's seed, published before anybody has a lot; null if lots are not drawn.
    """

    type: ClassVar[str] = QueueEventType.PREQUEUE_STARTED
    scheduled_event_id: UUID
    name: str
    scheduled_at: datetime
    opens_at: datetime
    seed_hash: str | None
    overrides: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduledEventStarted(LineEvent):
    """`overrides`: what counts instead of the configuration from now on, by column."""

    type: ClassVar[str] = QueueEventType.SCHEDULED_EVENT_STARTED
    scheduled_event_id: UUID
    name: str
    scheduled_at: datetime
    ends_at: datetime
    overrides: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScheduledEventEnded(LineEvent):
    """`reason`: `TIME`, or `DELETED` by somebody."""

    type: ClassVar[str] = QueueEventType.SCHEDULED_EVENT_ENDED
    scheduled_event_id: UUID
    name: str
    scheduled_at: datetime
    reason: str
