"""Counters and the shifts worked at them. What is called to a counter is the sessions' business."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, optional_time, time_column


class Counter(TenantRow, table=True):
    """A service point: a desk, a window, a room, an agent's headset."""

    __tablename__ = "counters"
    __table_args__ = (UniqueConstraint("tenant_id", "name", name="counters_name_key"),)

    name: str = Field(max_length=80)
    is_active: bool = True
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class CounterQueue(TenantRow, table=True):
    """A queue served at a counter."""

    __tablename__ = "counter_queues"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "counter_id"], ["counters.tenant_id", "counters.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "counter_id", "queue_id", name="counter_queues_pair_key"),
        Index("counter_queues_queue_idx", "tenant_id", "queue_id"),
    )

    counter_id: UUID
    queue_id: UUID


class Shift(TenantRow, table=True):
    """One member of staff at one counter.

    1. started: neither the counter nor the person has another running shift (two partial unique indexes)
    2. paused and resumed any number of times
    3. ended, for good
    """

    __tablename__ = "shifts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "counter_id"], ["counters.tenant_id", "counters.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        Index(
            "shifts_counter_running_key", "tenant_id", "counter_id", unique=True, postgresql_where="ended_at is null"
        ),
        Index("shifts_user_running_key", "tenant_id", "user_id", unique=True, postgresql_where="ended_at is null"),
        Index("shifts_user_idx", "tenant_id", "user_id", "started_at"),
    )

    counter_id: UUID
    user_id: UUID
    started_at: datetime = time_column()
    paused_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    break_seconds: float = 0.0
    served_count: int = 0
    service_seconds_total: float = 0.0
    notes: str | None = Field(default=None, max_length=2000)
