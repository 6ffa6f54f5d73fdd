"""What a queue lets people in by: lists of persons, and codes that are handed out. Who stands in line is elsewhere."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, as_it_is, sealed_text


class AccessList(StrEnum):
    """The lists of persons a queue has."""

    BYPASS = "BYPASS"
    INVITE = "INVITE"


class AccessCodeKind(StrEnum):
    """What a code does for whoever brings it."""

    BYPASS = "BYPASS"
    INVITE = "INVITE"
    PRIORITY = "PRIORITY"


class AccessEntry(SealedRow, table=True):
    """A person on a list of a queue, by the identifier joins name. Added and removed, never changed.

    Every change is made under the line's lock, which keeps the count of the bypass list in the queue's row: a join of a
    queue whose list is empty does not look into it.
    """

    __tablename__ = "access_entries"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "queue_id", "kind", "user_identifier_index", name="access_entries_person_key"),
        Index("access_entries_list_idx", "tenant_id", "queue_id", "kind", "created_at", "id"),
    )

    queue_id: UUID
    kind: AccessList = enum_column(AccessList, "kind")
    user_identifier: str = sealed_text(found_by=as_it_is)
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)


class AccessCode(TenantRow, table=True):
    """A code of one queue. Its text is the serial number and a signature, and is stored nowhere (`access/codes.py`).

    1. created, in a batch of up to 1,000; handed out by the tenant
    2. used by joins, and by people who wait: counted under the line's lock, in the transaction of what it is used for
    3. used up, expired or revoked; kept, because sessions name it

    - never used more often than it may be (`access_codes_uses_check`)
    """

    __tablename__ = "access_codes"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "queue_id", "serial", name="access_codes_serial_key"),
        Index("access_codes_queue_idx", "tenant_id", "queue_id", "created_at", "id"),
        Index("access_codes_batch_idx", "tenant_id", "batch_id"),
        CheckConstraint("use_count >= 0 and (max_uses is null or use_count <= max_uses)", name="uses"),
        CheckConstraint(
            "(kind = 'PRIORITY') = (priority is not null) and (priority is null or priority between 0 and 9)",
            name="priority",
        ),
    )

    queue_id: UUID
    batch_id: UUID
    serial: int = Field(sa_type=BigInteger)
    kind: AccessCodeKind = enum_column(AccessCodeKind, "kind")
    priority: int | None = None
    # Null: as often as people like.
    max_uses: int | None = None
    use_count: int = 0
    label: str | None = Field(default=None, max_length=80)
    expires_at: datetime | None = optional_time()
    revoked_at: datetime | None = optional_time()
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
