"""The event log: history and outbox in one table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from app.core.db.tables import json_column, optional_time, time_column
from app.core.ids import new_id


class EventRow(SQLModel, table=True):
    """A fact about one aggregate, numbered without gaps by `revision`; written in the transaction of the change.

    Append-only for the serving role; the relay sets `published_at`. Partitioned by month: the partition key has to be
    part of the primary key, so the gapless number is guaranteed by the aggregate's locked row, not by this key alone.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("events_unpublished_idx", "occurred_at", postgresql_where="published_at is null"),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    tenant_id: UUID = Field(primary_key=True)
    aggregate_type: str = Field(primary_key=True, max_length=32)
    aggregate_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_type=BigInteger)
    occurred_at: datetime = Field(primary_key=True, sa_type=time_column().sa_type)
    id: UUID = Field(default_factory=new_id)
    type: str = Field(max_length=48)
    data: dict[str, Any] = json_column()
    actor: str = Field(max_length=64)
    request_id: str | None = Field(default=None, max_length=128)
    published_at: datetime | None = optional_time()
