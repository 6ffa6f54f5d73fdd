"""Messages owed to people, and the texts they are made from. They follow from events; nothing follows from them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, as_it_is, optional_sealed_json, sealed_text


class NotificationKind(StrEnum):
    """What a message says, and with it when it is owed."""

    JOINED = "JOINED"
    PEOPLE_AHEAD = "PEOPLE_AHEAD"
    WAIT_BELOW = "WAIT_BELOW"
    CALLED = "CALLED"
    RECALLED = "RECALLED"
    NO_SHOW = "NO_SHOW"
    COMPLETED = "COMPLETED"
    FEEDBACK_REQUEST = "FEEDBACK_REQUEST"
    OPENING_SOON = "OPENING_SOON"
    QUEUE_ALERT = "QUEUE_ALERT"
    BROADCAST = "BROADCAST"
    REPLY = "REPLY"
    TEST = "TEST"
    REPORT = "REPORT"


class NotificationChannel(StrEnum):
    """How a message travels. Who carries it there is a provider (`channels/`)."""

    EMAIL = "EMAIL"
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    PUSH = "PUSH"
    IN_APP = "IN_APP"
    CHAT = "CHAT"


class NotificationStatus(StrEnum):
    """SENT: the provider took it. DELIVERED: its arrival was reported. SUPPRESSED: not sent, because it must not be."""

    PENDING = "PENDING"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"


class NotificationTemplate(TenantRow, table=True):
    """A tenant's own text for one kind, channel and language, or for one rule's messages only.

    A rule's own text goes before the kind's, and that before the built-in one.
    """

    __tablename__ = "notification_templates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "rule_id"], ["message_rules.tenant_id", "message_rules.id"], ondelete="CASCADE"
        ),
        UniqueConstraint(
            "tenant_id",
            "kind",
            "channel",
            "locale",
            "rule_id",
            name="notification_templates_text_key",
            postgresql_nulls_not_distinct=True,
        ),
    )

    kind: NotificationKind = enum_column(NotificationKind, "kind")
    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    locale: str = Field(max_length=35)
    rule_id: UUID | None = None
    subject: str = Field(max_length=200)
    body: str = Field(max_length=10_000)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class Notification(SealedRow, table=True):
    """One message to one person, with its text as it is sent.

    1. PENDING from the transaction that finds out that it is owed, through all its tries from `due_at` on; `error` says
       why it has not been sent yet. SUPPRESSED if it must not be sent, `error` says why
    2. `handed_over_at` is committed just before the text is handed to a provider. While it is set and the message is
       PENDING, nobody knows whether it was taken; `delivery.py` says what happens then
    3. SENT once the provider has taken it, FAILED when it refuses for good or nobody would take it in time
    4. DELIVERED or FAILED as the provider reports (`reports.py`); staff may have what FAILED sent again

    - once per event, session, kind, recipient, channel and rule (`notifications_once_key`); the session is part of it,
      because one address may stand for a family that waits with two tickets
    - PEOPLE_AHEAD and WAIT_BELOW once per session in each queue, by each rule (`notifications_nearer_key`)
    """

    __tablename__ = "notifications"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        UniqueConstraint(
            "tenant_id",
            "event_id",
            "session_id",
            "kind",
            "recipient_index",
            "channel",
            "rule_id",
            name="notifications_once_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "notifications_nearer_key",
            "tenant_id",
            "session_id",
            "queue_id",
            "kind",
            "channel",
            "recipient_index",
            "rule_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where="kind in ('PEOPLE_AHEAD', 'WAIT_BELOW')",
        ),
        Index("notifications_created_idx", "tenant_id", "created_at", "id"),
        Index("notifications_session_idx", "tenant_id", "session_id", "created_at", "id"),
        Index("notifications_queue_idx", "tenant_id", "queue_id"),
        # What failed, among millions that did not: 0.2 ms instead of 150.
        Index("notifications_status_idx", "tenant_id", "status", "created_at", "id"),
        Index(
            "notifications_inbox_idx",
            "tenant_id",
            "recipient_index",
            "sent_at",
            "id",
            postgresql_where="channel = 'IN_APP' and sent_at is not null",
        ),
        Index(
            "notifications_reported_idx",
            "tenant_id",
            "provider_message_id",
            postgresql_where="provider_message_id is not null",
        ),
        Index(
            "notifications_broadcast_idx",
            "tenant_id",
            "broadcast_id",
            "status",
            postgresql_where="broadcast_id is not null",
        ),
    )

    # Null where it is about no queue or no session: a test, what staff are told.
    queue_id: UUID | None = None
    session_id: UUID | None = None
    # The user it is for; null for a visitor without an account.
    user_id: UUID | None = None
    event_id: UUID
    # Null: one of the built-in rules.
    rule_id: UUID | None = None
    broadcast_id: UUID | None = None
    kind: NotificationKind = enum_column(NotificationKind, "kind")
    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    recipient: str = sealed_text(found_by=as_it_is)
    locale: str = Field(max_length=35)
    # Templates may fill in who somebody is.
    subject: str = sealed_text()
    body: str = sealed_text()
    # What the text was filled in with, for providers that fill in templates of their own: `values` and `link`; and the
    # ids of what is attached to a mail, `attachments`.
    parameters: dict[str, Any] | None = optional_sealed_json()
    status: NotificationStatus = enum_column(NotificationStatus, "status", NotificationStatus.PENDING)
    attempts: int = 0
    # How often staff had it sent again.
    retries: int = 0
    error: str | None = Field(default=None, max_length=1000)
    # Who carried it, or was tried last: the tenant's provider (null: the installation's), and its kind, e.g. `TWILIO`.
    provider_id: UUID | None = None
    provider: str | None = Field(default=None, max_length=40)
    provider_message_id: str | None = Field(default=None, max_length=300)
    created_at: datetime = time_column()
    # Not to be sent before: a rule's delay, quiet hours.
    due_at: datetime = time_column()
    handed_over_at: datetime | None = optional_time()
    sent_at: datetime | None = optional_time()
    delivered_at: datetime | None = optional_time()
    # In the app: when its recipient said so.
    read_at: datetime | None = optional_time()


class EarlyReport(TenantRow, table=True):
    """What a provider has reported about a message we have not yet written down that it took.

    A callback may overtake the answer to the call it is about. Whoever writes the answer down takes what lies here;
    what belongs to no message of ours goes after a day. Twice is once (`early_reports_once_key`).
    """

    __tablename__ = "early_reports"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id",
            "provider_id",
            "provider_message_id",
            "is_delivered",
            name="early_reports_once_key",
            postgresql_nulls_not_distinct=True,
        ),
        Index("early_reports_received_idx", "received_at"),
    )

    provider_id: UUID | None = None
    provider_message_id: str = Field(max_length=300)
    is_delivered: bool
    occurred_at: datetime | None = optional_time()
    reason: str | None = Field(default=None, max_length=1000)
    is_gone: bool = False
    received_at: datetime = time_column()
