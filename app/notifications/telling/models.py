"""The rules by which visitors are owed messages. Who is told by them is decided elsewhere."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, time_column
from app.notifications.models import NotificationKind


class ChannelChoice(StrEnum):
    """Which of a rule's channels carry a message: the first that reaches somebody, or each that does."""

    FIRST = "FIRST"
    ALL = "ALL"


class MessageRule(TenantRow, table=True):
    """When whom which channels tell what, instead of the built-in rule of the same kind.

    - of a kind with a threshold exactly that threshold is set, of others none (`rules.py`)
    - disabled, it tells nobody, and the built-in rule stays away all the same: that is how one is switched off
    """

    __tablename__ = "message_rules"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet"),
        CheckConstraint("delay_seconds between 0 and 604800", name="delay"),
        Index("message_rules_queue_idx", "tenant_id", "queue_id"),
    )

    kind: NotificationKind = enum_column(NotificationKind, "kind")
    # Null: in all queues.
    queue_id: UUID | None = None
    # By preference: ["SMS", "EMAIL"]
    channels: list[str] = json_column(list)
    choice: ChannelChoice = enum_column(ChannelChoice, "choice", ChannelChoice.FIRST)
    # The threshold of PEOPLE_AHEAD, WAIT_BELOW, OPENING_SOON.
    people_ahead: int | None = None
    wait_minutes: int | None = None
    minutes_before: int | None = None
    delay_seconds: int = 0
    # Local times of the queue's zone between which nothing is sent; what falls there waits for their end.
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_enabled: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
