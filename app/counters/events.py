"""Facts about counters. What they mean for a queue's staffing stands in the queue's own log."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event

COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class CounterCreated(Event):
    type: ClassVar[str] = "COUNTER_CREATED"
    name: str
    queue_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class CounterUpdated(Event):
    type: ClassVar[str] = "COUNTER_UPDATED"
    name: str
    is_active: bool
    queue_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class ShiftStarted(Event):
    type: ClassVar[str] = "SHIFT_STARTED"
    shift_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class ShiftPaused(Event):
    type: ClassVar[str] = "SHIFT_PAUSED"
    shift_id: UUID


@dataclass(frozen=True, slots=True)
class ShiftResumed(Event):
    type: ClassVar[str] = "SHIFT_RESUMED"
    shift_id: UUID


@dataclass(frozen=True, slots=True)
class ShiftEnded(Event):
    type: ClassVar[str] = "SHIFT_ENDED"
    shift_id: UUID
    served_count: int
