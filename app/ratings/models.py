"""Tables of ratings: what a queue asks, and what was said. Who may say it, and until when, is decided in `rules.py`."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, time_column
from app.core.personal.sealed import SealedRow, optional_sealed_text


class RatingSource(StrEnum):
    """By which way a rating came."""

    LINK = "LINK"
    APP = "APP"
    STAFF = "STAFF"


class QueueFeedback(TenantRow, table=True):
    """What a queue asks after service; its id is the queue's. Without a row it asks what `rules.DEFAULT` says."""

    __tablename__ = "queue_feedback"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("days between 1 and 90", name="days"),
    )

    is_asked: bool
    asks_nps: bool
    asks_comment: bool
    # For so long after the end of a visit it may be rated, and the rating changed.
    days: int


class Rating(SealedRow, table=True):
    """What was said of one session; its id is the session's, so that nobody rates a visit twice.

    1. given after the service, by whoever has the session's token or its link, or by staff on behalf
    2. changed by the same for as long as the queue takes ratings of the visit; each time is an event of the queue
    3. the comment is destroyed with the visitor's data, the figures stay: they name nobody
    """

    __tablename__ = "ratings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("score between 1 and 5", name="score"),
        CheckConstraint("nps between 0 and 10", name="nps"),
        Index("ratings_queue_idx", "tenant_id", "queue_id", "rated_at", "id"),
        Index("ratings_comments_idx", "tenant_id", "rated_at", postgresql_where="comment_sealed is not null"),
    )

    queue_id: UUID
    score: int
    nps: int | None = Field(default=None)
    comment: str | None = optional_sealed_text()
    source: RatingSource = enum_column(RatingSource, "source")
    rated_at: datetime = time_column()
    changed_at: datetime = time_column()
