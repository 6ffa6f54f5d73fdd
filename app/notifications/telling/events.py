"""Facts about rules of messages. That somebody was told by one is no event: it follows from one."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from app.core.events import Event
from app.notifications.models import NotificationKind

MESSAGE_RULE = "message_rule"


@dataclass(frozen=True, slots=True)
class MessageRuleCreated(Event):
    type: ClassVar[str] = "MESSAGE_RULE_CREATED"
    kind: NotificationKind
    queue_id: UUID | None


@dataclass(frozen=True, slots=True)
class MessageRuleUpdated(Event):
    """`changes` holds the new values."""

    type: ClassVar[str] = "MESSAGE_RULE_UPDATED"
    kind: NotificationKind
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageRuleDeleted(Event):
    """`text_count`: how many texts of its own went with it."""

    type: ClassVar[str] = "MESSAGE_RULE_DELETED"
    kind: NotificationKind
    text_count: int
