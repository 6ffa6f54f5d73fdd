"""Facts about devices that can be pushed to. Where they are is in their rows, sealed."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.notifications.devices.models import PushDeviceKind

PUSH_DEVICE = "push_device"


@dataclass(frozen=True, slots=True)
class PushDeviceRegistered(Event):
    """By a session's visitor or a user; also when its keys have changed."""

    type: ClassVar[str] = "PUSH_DEVICE_REGISTERED"
    kind: PushDeviceKind
    session_id: UUID | None
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class PushDeviceRemoved(Event):
    """By whom it was, by a newer one, or because it is gone."""

    type: ClassVar[str] = "PUSH_DEVICE_REMOVED"
    kind: PushDeviceKind
    session_id: UUID | None
    user_id: UUID | None
