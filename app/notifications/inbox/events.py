"""Facts about messages in the app."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event

# A message is read once, so this is the one event of its aggregate.
NOTIFICATION_READ = "notification_read"


@dataclass(frozen=True, slots=True)
class NotificationRead(Event):
    """By whom it is for."""

    type: ClassVar[str] = "NOTIFICATION_READ"
