"""Facts about the providers of messages. No credential, no address, no text."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.events import Event
from app.notifications.models import NotificationChannel

MESSAGE_PROVIDER = "message_provider"


@dataclass(frozen=True, slots=True)
class MessageProviderCreated(Event):
    type: ClassVar[str] = "MESSAGE_PROVIDER_CREATED"
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MessageProviderUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "MESSAGE_PROVIDER_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class MessageProviderDeleted(Event):
    type: ClassVar[str] = "MESSAGE_PROVIDER_DELETED"
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MessageProviderTested(Event):
    """Somebody sent a message through it to see whether it works. To whom is nobody's business later on."""

    type: ClassVar[str] = "MESSAGE_PROVIDER_TESTED"
    channel: NotificationChannel
    outcome: str
