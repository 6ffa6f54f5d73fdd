"""What was last seen of a protected site, beside the line. What is decided from it stands in the line's row."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.db import enum_column, optional_time
from app.queues.models import OriginHealth


class HealthReason(StrEnum):
    """Why the health of a queue is what it is."""

    # In the order of how directly we know.
    REPORTED = "REPORTED"
    ASKED = "ASKED"
    STALE = "STALE"
    NOT_TOLD = "NOT_TOLD"


class OriginCheck(SQLModel, table=True):
    """What the last reports and answers of one queue's site say, and when to ask again.

    `seen_health` is what the last `seen_count` of them agree on; it becomes the line's health when they are enough.
    `due_at` is when to ask next or, where there is nobody to ask, when the last report becomes too old.
    """

    __tablename__ = "origin_checks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index("origin_checks_due_idx", "due_at", postgresql_where="due_at is not null"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    reason: HealthReason = enum_column(HealthReason, "reason", HealthReason.NOT_TOLD)
    detail: str | None = Field(default=None, max_length=300)
    seen_health: OriginHealth = enum_column(OriginHealth, "seen_health", OriginHealth.UNKNOWN)
    seen_detail: str | None = Field(default=None, max_length=300)
    seen_count: int = 0
    due_at: datetime | None = optional_time()
