"""Facts about broadcasts. What they say is in the tenant's row."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event

BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class BroadcastStarted(Event):
    """Everybody who waits in the queue is to be told something."""

    type: ClassVar[str] = "NOTIFICATION_BROADCAST_STARTED"
    queue_id: UUID
    channels: list[str]
    locales: list[str]


@dataclass(frozen=True, slots=True)
class BroadcastCancelled(Event):
    """No more messages of it are sent."""

    type: ClassVar[str] = "NOTIFICATION_BROADCAST_CANCELLED"
    queue_id: UUID
