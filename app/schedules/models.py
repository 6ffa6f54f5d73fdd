"""Scheduled events: what is planned for a queue. Business hours are two columns of the queue itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, json_column, optional_time, time_column
from app.queues.models import QueueStatus


def _status(name: str) -> Any:
    return Field(
        default=None,
        sa_type=Enum(
            QueueStatus,
            native_enum=False,
            create_constraint=True,
            length=24,
            name=name,
            values_callable=lambda members: [member.value for member in members],
        ),
    )


class ScheduledEvent(TenantRow, table=True):
    """A time-boxed change of a queue.

    1. planned: changed or deleted at will, as long as it overlaps no other of its queue, pre-queues included
    2. its pre-queue has begun, if it has one: its overrides are in force
    3. begun: running; only what is set for the time being and the end can be changed
    4. ended, on time or early; kept for the history

    Which of these is the three times of what happened. Whoever changes it holds the queue's line, so that the look for
    overlaps is exact; their one writer is `service.py`.
    """

    __tablename__ = "scheduled_events"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        CheckConstraint("ends_at > starts_at and prequeue_starts_at < starts_at", name="times"),
        Index("scheduled_events_queue_idx", "tenant_id", "queue_id", "starts_at", "id"),
        Index("scheduled_events_ahead_idx", "tenant_id", "queue_id", "starts_at", postgresql_where="ended_at is null"),
    )

    queue_id: UUID
    name: str = Field(max_length=120)
    starts_at: datetime = time_column()
    ends_at: datetime = time_column()
    prequeue_starts_at: datetime | None = optional_time()
    draws_lots: bool | None = None
    # What the queue is while it runs; null: as hours and staff have it.
    queue_status: QueueStatus | None = _status("queue_status")
    # By column of `queues`; what is not in it is inherited.
    overrides: dict[str, Any] = json_column(dict)
    prequeue_began_at: datetime | None = optional_time()
    began_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    # What the queue was before, and is again afterwards.
    status_before: QueueStatus | None = _status("status_before")
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
