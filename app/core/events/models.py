"""The event log: history and outbox in one table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Index, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.core.db.tables import json_column, optional_time, time_column
from app.core.ids import new_id


class EventRow(SQLModel, table=True):
    """A fact about one aggregate, numbered without gaps by `revision`; written in the transaction of the change.

    Append-only for the serving role. The relay sets `published_at`; where an event came from (`address`, `agent`) is
    erased with the person, or when the tenant keeps it no longer. `changes` holds old and new values, masked.
    Partitioned by month: the partition key has to be part of the primary key, so the gapless number is guaranteed by
    the aggregate's locked row, not by this key alone.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("events_unpublished_idx", "occurred_at", postgresql_where="published_at is null"),
        Index("events_time_idx", "tenant_id", "occurred_at"),
        # What retention has to look at, and not the years it has been through.
        Index(
            "events_origin_idx",
            "tenant_id",
            "occurred_at",
            postgresql_where="address is not null or agent is not null",
        ),
        # Joins by strangers do not pay for it.
        Index(
            "events_actor_idx",
            "tenant_id",
            "actor",
            "occurred_at",
            postgresql_where="actor like 'USER:%' or actor like 'API_KEY:%'",
        ),
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
    changes: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    address: str | None = Field(default=None, max_length=64)
    agent: str | None = Field(default=None, max_length=200)


class EventSeal(SQLModel, table=True):
    """A link in the chain of a tenant's seals (`seals.py`): which events it covers, and what they were.

    Written by the relay and never changed. The four lists are of the same length; `digests` holds 32 bytes for each.
    """

    __tablename__ = "event_seals"

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    sealed_at: datetime = time_column()
    event_count: int
    aggregate_types: list[str] = Field(sa_type=ARRAY(Text))
    aggregate_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))
    revisions: list[int] = Field(sa_type=ARRAY(BigInteger))
    times: list[datetime] = Field(sa_type=ARRAY(DateTime(timezone=True)))
    digests: bytes = Field(sa_type=LargeBinary)
    seal: bytes = Field(sa_type=LargeBinary)
