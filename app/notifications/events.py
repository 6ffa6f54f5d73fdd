"""Facts about notification templates. That a message was sent is no event: it follows from one."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.notifications.models import NotificationChannel, NotificationKind

TEMPLATE = "notification_template"


@dataclass(frozen=True, slots=True)
class NotificationTemplateSet(Event):
    """The text itself is in the tenant's row."""

    type: ClassVar[str] = "NOTIFICATION_TEMPLATE_SET"
    kind: NotificationKind
    channel: NotificationChannel
    locale: str


@dataclass(frozen=True, slots=True)
class NotificationTemplateRemoved(Event):
    """The text of one's own is gone."""

    type: ClassVar[str] = "NOTIFICATION_TEMPLATE_REMOVED"
    kind: NotificationKind
    channel: NotificationChannel
    locale: str
