"""Facts about replies. What was written stands in no event."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.notifications.models import NotificationChannel
from app.notifications.replies.models import Command

REPLY = "notification_reply"


@dataclass(frozen=True, slots=True)
class NotificationReplyReceived(Event):
    """Somebody has answered a message, and is to be answered."""

    type: ClassVar[str] = "NOTIFICATION_REPLY_RECEIVED"
    channel: NotificationChannel
    command: Command
