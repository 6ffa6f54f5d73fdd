"""What somebody wants as a file, and how far it is. The file itself is `File`."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED
from app.transfers.formats.kinds import FileFormat


class ExportKind(StrEnum):
    """What is exported; `sources.py` says from which tables and as which columns."""

    SESSIONS = "SESSIONS"
    FACTS = "FACTS"
    ROLLUPS = "ROLLUPS"
    EVENTS = "EVENTS"
    NOTIFICATIONS = "NOTIFICATIONS"
    USERS = "USERS"
    QUEUES = "QUEUES"


class ExportStatus(StrEnum):
    """How far it is."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OPEN = frozenset({ExportStatus.WAITING, ExportStatus.RUNNING})


class Export(TenantRow, table=True):
    """Rows of one kind, as a file.

    1. WAITING from the mutation
    2. RUNNING: a job reads the rows as they are at one instant and writes the file; `done_rows` grows with it. A job
       that takes over from one that died begins anew: the half file is destroyed
    3. DONE, with the file, which is there until `file_ends_at`, or until a person whose data may be in it is erased
    4. FAILED, with the reason, or CANCELLED; without a file
    """

    __tablename__ = "exports"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "queue_id"], ["queues.tenant_id", "queues.id"], ondelete="CASCADE"),
        Index("exports_created_idx", "tenant_id", "created_at", "id"),
        Index("exports_open_idx", "tenant_id", postgresql_where="finished_at is null"),
        {"info": NOT_AUDITED},
    )

    kind: ExportKind = enum_column(ExportKind, "kind")
    format: FileFormat = enum_column(FileFormat, "format")
    # Whether it has the columns that say who people are.
    personal: bool
    queue_id: UUID | None = None
    # From, inclusive, and to, exclusive; null: from the beginning, to the end.
    from_at: datetime | None = optional_time()
    to_at: datetime | None = optional_time()
    status: ExportStatus = enum_column(ExportStatus, "status", ExportStatus.WAITING)
    # Null until they were counted.
    total_rows: int | None = Field(default=None, sa_type=BigInteger)
    done_rows: int = Field(default=0, sa_type=BigInteger)
    # The file while it is made, and afterwards; it may be gone. Whoever destroys one knows no export.
    file_id: UUID | None = None
    file_length: int | None = Field(default=None, sa_type=BigInteger)
    file_ends_at: datetime | None = optional_time()
    failure: str | None = Field(default=None, max_length=300)
    # The number of its last event.
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    started_at: datetime | None = optional_time()
    finished_at: datetime | None = optional_time()
