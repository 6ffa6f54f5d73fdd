"""What was asked about people's data, and how long a tenant keeps it. The data itself is everybody else's."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.db import enum_column, json_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.core.personal.sealed import SealedRow, optional_sealed_json


class PrivacyRequestKind(StrEnum):
    """What is asked for."""

    EXPORT = "EXPORT"
    ERASURE = "ERASURE"


class PrivacyRequestStatus(StrEnum):
    """How far it is."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class PrivacyRequest(SealedRow, table=True):
    """One person's data, to be exported or erased.

    1. WAITING, with what the person is found by (`subject`, sealed)
    2. RUNNING: the rows of the person are found once, and their keys noted; then one step after the other, each in a
       transaction of its own with `done_steps`, so that whoever takes over after a death goes on
    3. DONE: an erasure forgets `subject`; an export keeps it with the file (`content`, sealed) until `content_ends_at`
    4. FAILED, with the reason, where the person may not be erased any more
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (
        Index("privacy_requests_created_idx", "tenant_id", "created_at", "id"),
        Index("privacy_requests_content_idx", "content_ends_at", postgresql_where="content_ends_at is not null"),
        {"info": NOT_AUDITED},
    )

    kind: PrivacyRequestKind = enum_column(PrivacyRequestKind, "kind")
    status: PrivacyRequestStatus = enum_column(PrivacyRequestStatus, "status", PrivacyRequestStatus.WAITING)
    subject: dict[str, Any] | None = optional_sealed_json()
    content: dict[str, Any] | None = optional_sealed_json()
    content_ends_at: datetime | None = optional_time()
    # Keys of the rows that are the person's; null until they were looked for.
    user_ids: list[str] | None = Field(default=None, sa_type=JSONB)
    session_ids: list[str] | None = Field(default=None, sa_type=JSONB)
    done_steps: int = 0
    total_steps: int = 0
    # By step, how many rows it was about.
    counts: dict[str, int] = json_column()
    failure: str | None = Field(default=None, max_length=300)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    finished_at: datetime | None = optional_time()


class Retention(SQLModel, table=True):
    """For how many days a tenant keeps what says who people are; null for ever. Without a row nothing is deleted."""

    __tablename__ = "retentions"
    __table_args__ = (
        CheckConstraint(
            "least(session_days, login_days, notification_days, origin_days) >= 1"
            " and greatest(session_days, login_days, notification_days, origin_days) <= 3650",
            name="days",
        ),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    # After the end of the session; of the login; after the message was made; after the event.
    session_days: int | None = None
    login_days: int | None = None
    notification_days: int | None = None
    origin_days: int | None = None
    revision: int = 1
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
