"""What people have answered, once each. What is done about it is in `service.py`."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import enum_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, digits, sealed_text
from app.notifications.models import NotificationChannel


class Command(StrEnum):
    """What can be asked for."""

    MORE_TIME = "MORE_TIME"
    LEAVE = "LEAVE"
    JOIN = "JOIN"
    STOP = "STOP"
    START = "START"
    HELP = "HELP"
    UNKNOWN = "UNKNOWN"


class ReplyOutcome(StrEnum):
    """What has become of a reply."""

    RECEIVED = "RECEIVED"
    OPTED_OUT = "OPTED_OUT"
    OPTED_IN = "OPTED_IN"
    MOVED_BACK = "MOVED_BACK"
    LEFT = "LEFT"
    JOINED = "JOINED"
    # Understood, and told why nothing has changed.
    REFUSED = "REFUSED"
    HELPED = "HELPED"
    # Not understood, or too many: nothing was answered.
    PASSED_OVER = "PASSED_OVER"


class NotificationReply(SealedRow, table=True):
    """A message somebody sent us.

    1. RECEIVED with the provider's id of it, once (`notification_replies_once_key`); opt-outs count from then on
    2. answered by a job: what was done, and whose place it was about
    """

    __tablename__ = "notification_replies"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        UniqueConstraint(
            "tenant_id",
            "provider_id",
            "message_id",
            name="notification_replies_once_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index("notification_replies_sender_idx", "tenant_id", "sender_index", "received_at"),
        Index("notification_replies_session_idx", "tenant_id", "session_id"),
        Index("notification_replies_received_idx", "tenant_id", "received_at"),
        {"info": NOT_AUDITED},
    )

    # The tenant's provider; null: the installation's.
    provider_id: UUID | None = None
    # SHA-256 of the provider's id, which may have any length.
    message_id: str = Field(max_length=64)
    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    sender: str = sealed_text(found_by=digits)
    text: str = sealed_text()
    session_id: UUID | None = None
    outcome: ReplyOutcome = enum_column(ReplyOutcome, "outcome", ReplyOutcome.RECEIVED)
    received_at: datetime = time_column()
    answered_at: datetime | None = optional_time()
