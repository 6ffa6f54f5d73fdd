"""Admissions: what a visitor whom a METERED queue has released may do at a site. The facts are the session's."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from app.core.db import time_column


class AdmissionState(StrEnum):
    """Where a visitor's admission stands; the session's status says the same in more words."""

    WAITING = "WAITING"
    RELEASED = "RELEASED"
    INSIDE = "INSIDE"
    ENDED = "ENDED"


class AdmissionEnd(StrEnum):
    """What happened to an admission, or to one token of it."""

    LEFT = "LEFT"
    CLAIM_OVER = "CLAIM_OVER"
    STAY_OVER = "STAY_OVER"
    GRACE_OVER = "GRACE_OVER"
    CANCELLED = "CANCELLED"
    REVOKED = "REVOKED"
    RETURNED = "RETURNED"
    REPLACED = "REPLACED"
    EXPIRED = "EXPIRED"


class AdmissionUse(SQLModel, table=True):
    """A token that a site has used up: the key lets nobody use it twice. Kept for as long as its session."""

    __tablename__ = "admission_uses"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    session_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    used_at: datetime = time_column()
