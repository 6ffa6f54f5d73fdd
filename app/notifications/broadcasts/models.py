"""A message to everybody who waits in a queue, and how far it is. The single messages are `Notification` rows."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column


class BroadcastStatus(StrEnum):
    """RUNNING: messages are being written. DONE: all are; their sending is theirs. CANCELLED: by staff."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class Broadcast(TenantRow, table=True):
    """One text, in one or more languages, to everybody who waits in a queue at a moment.

    1. RUNNING from the mutation; `people` and `portions` are null until the job has looked who waits
    2. each portion is a job of its own that writes its people's messages and counts itself done, in one commit
    3. DONE with the last portion, or CANCELLED: then no further messages are written, and those not sent are not sent

    - whoever joins later gets nothing; nor does whoever has left before their portion was written (`gone`)
    - a person gets it once: the messages have the broadcast's id for their event
    - one at a time is written out in a queue (`broadcasts_running_key`)
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index("broadcasts_created_idx", "tenant_id", "created_at", "id"),
        Index("broadcasts_queue_idx", "tenant_id", "queue_id"),
        Index("broadcasts_running_key", "tenant_id", "queue_id", unique=True, postgresql_where="status = 'RUNNING'"),
    )

    queue_id: UUID
    # Each with `locale`, `subject` and `body`. The first is for whoever speaks none of the languages.
    texts: list[dict[str, str]] = json_column(list)
    # In order.
    channels: list[str] = json_column(list)
    # Whether people get it on each channel they can be reached on, or on the first.
    every_channel: bool = False
    status: BroadcastStatus = enum_column(BroadcastStatus, "status", BroadcastStatus.RUNNING)
    people: int | None = None
    portions: int | None = None
    portions_done: int = 0
    told: int = 0
    gone: int = 0
    unreachable: int = 0
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    ended_at: datetime | None = optional_time()
