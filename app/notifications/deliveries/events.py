"""Facts about messages on their way. That one was sent is no event: it follows from one."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.notifications.models import NotificationChannel, NotificationKind

NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class NotificationRetried(Event):
    """Staff had a message sent again that had failed."""

    type: ClassVar[str] = "NOTIFICATION_RETRIED"
    kind: NotificationKind
    channel: NotificationChannel
