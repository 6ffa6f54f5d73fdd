"""What people have chosen about messages, and which addresses have opted out. `service.py` decides by it."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, Time, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, time_column
from app.notifications.models import NotificationChannel


def _time_of_day() -> time | None:
    return Field(default=None, sa_type=Time)  # type: ignore[no-any-return]


class NotificationPreferences(TenantRow, table=True):
    """What one user, or the visitor of one session, has chosen. What is null is as the tenant has it.

    - of a user or of a session, and of nobody twice (`…_session_key`, `…_user_key`)
    - gone with the user or the session
    """

    __tablename__ = "notification_preferences"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "session_id", name="notification_preferences_session_key"),
        UniqueConstraint("tenant_id", "user_id", name="notification_preferences_user_key"),
        CheckConstraint("num_nonnulls(session_id, user_id) = 1", name="owner"),
        CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet_hours"),
    )

    session_id: UUID | None = None
    user_id: UUID | None = None
    # By name; null: those the tenant uses.
    channels: list[str] | None = Field(default=None, sa_type=JSONB)
    locale: str | None = Field(default=None, max_length=35)
    # Equal: no hour is quiet, whatever the tenant has.
    quiet_from: time | None = _time_of_day()
    quiet_until: time | None = _time_of_day()
    time_zone: str | None = Field(default=None, max_length=64)
    opted_out: bool = False
    # 0: nobody has chosen anything yet.
    revision: int = 0
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class NotificationDefaults(SQLModel, table=True):
    """What counts in a tenant for who has chosen nothing. Without a row: all channels, and no quiet hours."""

    __tablename__ = "notification_defaults"
    __table_args__ = (CheckConstraint("(quiet_from is null) = (quiet_until is null)", name="quiet_hours"),)

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    channels: list[str] | None = Field(default=None, sa_type=JSONB)
    quiet_from: time | None = _time_of_day()
    quiet_until: time | None = _time_of_day()
    # How many people `M` lets go first.
    more_time_places: int = 3
    revision: int = 0
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class OptOutSource(StrEnum):
    """How somebody opted out, or in again."""

    LINK = "LINK"
    REPLY = "REPLY"
    STAFF = "STAFF"


class NotificationOptOut(TenantRow, table=True):
    """An address that is not to be written to on a channel, or was once.

    It holds no address, only what it is recognised by to who knows it (a keyed hash, which nobody can turn round). So
    it can outlive the person's erasure: nobody who has opted out is written to because they were forgotten.

    - one per channel and address (`notification_opt_outs_recipient_key`); who opts in again keeps the row
    """

    __tablename__ = "notification_opt_outs"
    __table_args__ = (
        UniqueConstraint("tenant_id", "channel", "recipient_index", name="notification_opt_outs_recipient_key"),
        Index("notification_opt_outs_changed_idx", "tenant_id", "changed_at", "id"),
    )

    channel: NotificationChannel = enum_column(NotificationChannel, "channel")
    recipient_index: bytes = Field(sa_type=LargeBinary, repr=False)
    opted_out: bool = False
    source: OptOutSource = enum_column(OptOutSource, "source")
    # 0: nothing has been asked for yet.
    revision: int = 0
    changed_at: datetime = time_column()
