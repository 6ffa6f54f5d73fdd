"""What lines have learned about waits, and a sample of what was said to those who joined. No personal data."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.db import optional_time, time_column
from app.core.db.changed import NOT_AUDITED


class WaitMemory(SQLModel, table=True):
    """What one queue has learned, as of a revision of its log. One writer: whoever holds the row.

    1. made when a worker first looks at the queue, at revision 0
    2. moved on by a worker: the events behind `revision` are read, learned from and counted in one transaction, so that
       each is learned from once, whoever dies and whoever works beside
    3. `said` and `pace` are read by API processes; `learning` (open ends, the line's order) only by the next worker

    All three can be made again from the log.
    """

    __tablename__ = "wait_memories"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    revision: int = Field(default=0, sa_type=BigInteger)
    said: bytes | None = None
    pace: bytes | None = None
    learning: bytes | None = None
    learned_at: datetime = time_column()


class WaitSample(SQLModel, table=True):
    """What one visitor was told on joining, and what came of it.

    1. when somebody joins or is transferred in: `revision` is that event's. P50 and P90 are null where nothing was said
    2. when the wait ends: `decided_at`, `waited_seconds`, and whether it was ended by a call. The session is forgotten
    3. deleted after three months (`learning.KEEP`)

    `weight`: for how many joins it stands; 1, and more while very many wait.
    """

    __tablename__ = "wait_samples"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index("wait_samples_said_idx", "tenant_id", "queue_id", "said_at"),
        Index(
            "wait_samples_open_idx", "tenant_id", "queue_id", "session_id", postgresql_where="session_id is not null"
        ),
        Index("wait_samples_age_idx", "said_at"),
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    queue_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_type=BigInteger)
    session_id: UUID | None = None
    said_at: datetime = time_column()
    ahead_count: int
    weight: int = 1
    p50_seconds: int | None = None
    p90_seconds: int | None = None
    reason: str | None = Field(default=None, max_length=24)
    predictor: str | None = Field(default=None, max_length=40)
    features: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    decided_at: datetime | None = optional_time()
    waited_seconds: float | None = None
    is_served: bool | None = None
