"""Facts about what people have chosen. No address stands in them."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.notifications.models import NotificationChannel
from app.notifications.preferences.models import OptOutSource

PREFERENCES = "notification_preferences"
DEFAULTS = "notification_defaults"
OPT_OUT = "notification_opt_out"


@dataclass(frozen=True, slots=True)
class NotificationPreferencesSet(Event):
    """`changed` names what has a new value. One of the two ids says whose they are."""

    type: ClassVar[str] = "NOTIFICATION_PREFERENCES_SET"
    session_id: str | None
    user_id: str | None
    changed: list[str]


@dataclass(frozen=True, slots=True)
class NotificationDefaultsSet(Event):
    """`changed` names what has a new value."""

    type: ClassVar[str] = "NOTIFICATION_DEFAULTS_SET"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class NotificationOptedOut(Event):
    """Nothing is sent to an address on this channel any more."""

    type: ClassVar[str] = "NOTIFICATION_OPTED_OUT"
    channel: NotificationChannel
    source: OptOutSource


@dataclass(frozen=True, slots=True)
class NotificationOptedIn(Event):
    """Messages may be sent to the address again."""

    type: ClassVar[str] = "NOTIFICATION_OPTED_IN"
    channel: NotificationChannel
    source: OptOutSource
