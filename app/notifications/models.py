"""Messages owed to people, and the texts they are made from. They follow from events; nothing follows from them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, as_it_is, sealed_text


class NotificationKind(StrEnum):
    """What a message says: it is your turn, or only a few people are ahead of you."""

    CALLED = "CALLED"
    PEOPLE_AHEAD = "PEOPLE_AHEAD"


class NotificationChannel(StrEnum):
    """How a message travels."""

    EMAIL = "EMAIL"


class NotificationStatus(StrEnum):
    """SENT: the mail server took it. DELIVERED: a provider has reported its arrival, which SMTP does not."""

    PENDING = "PENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class NotificationTemplate(TenantRow, table=True):
    """A tenant's own text for one kind, channel and language. Without one the built-in text is used."""

    __tablename__ = "notification_templates"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "channel", "locale", name="notification_templates_text_key"),
    )

    kind: NotificationKind = enum_column(NotificationKind, "kind")
    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    locale: str = Field(max_length=35)
    subject: str = Field(max_length=200)
    body: str = Field(max_length=10_000)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class Notification(SealedRow, table=True):
    """One message to one person, with its text as it is sent.

    1. PENDING from the transaction that finds out that it is owed
    2. tried until the mail server answers for good; `error` says why it has not been sent yet
    3. `handed_over_at` is committed just before the text is handed to the server; from then on it is never tried again
    4. SENT once the server has taken it, FAILED when it refuses for good or when nobody knows (see `delivery.py`)

    - once per event, session, kind, recipient and channel (`notifications_once_key`); the session is part of it,
      because one address may stand for a family that waits with two tickets
    - PEOPLE_AHEAD once per session in each queue (`notifications_people_ahead_key`)
    """

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        UniqueConstraint(
            "tenant_id", "event_id", "session_id", "kind", "recipient_index", "channel", name="notifications_once_key"
        ),
        Index(
            "notifications_people_ahead_key",
            "tenant_id",
            "session_id",
            "queue_id",
            "channel",
            unique=True,
            postgresql_where="kind = 'PEOPLE_AHEAD'",
        ),
        Index("notifications_created_idx", "tenant_id", "created_at", "id"),
        Index("notifications_session_idx", "tenant_id", "session_id", "created_at", "id"),
        Index("notifications_queue_idx", "tenant_id", "queue_id"),
    )

    queue_id: UUID
    session_id: UUID
    event_id: UUID
    kind: NotificationKind = enum_column(NotificationKind, "kind")
    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    recipient: str = sealed_text(found_by=as_it_is)
    locale: str = Field(max_length=35)
    # Templates may fill in who somebody is.
    subject: str = sealed_text()
    body: str = sealed_text()
    status: NotificationStatus = enum_column(NotificationStatus, "status", NotificationStatus.PENDING)
    attempts: int = 0
    error: str | None = Field(default=None, max_length=1000)
    provider_message_id: str | None = Field(default=None, max_length=300)
    created_at: datetime = time_column()
    handed_over_at: datetime | None = optional_time()
    sent_at: datetime | None = optional_time()
