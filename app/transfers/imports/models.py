"""A file somebody brings, and what became of its rows."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from app.core.db import TenantRow, enum_column, optional_time, time_column
from app.core.db.changed import NOT_AUDITED


class ImportKind(StrEnum):
    """What the rows of a file are."""

    QUEUES = "QUEUES"
    USERS = "USERS"
    SESSIONS = "SESSIONS"


class ImportFormat(StrEnum):
    """How a file is read."""

    CSV = "CSV"
    JSON = "JSON"
    JSON_LINES = "JSON_LINES"


class ImportStatus(StrEnum):
    """How far it is."""

    AWAITING_FILE = "AWAITING_FILE"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


OPEN = frozenset({ImportStatus.AWAITING_FILE, ImportStatus.WAITING, ImportStatus.RUNNING})


class Import(TenantRow, table=True):
    """Rows of a file, each made into something by the verb a person would use.

    1. AWAITING_FILE until the file is there, whole; until `upload_ends_at` it can be sent
    2. WAITING, then RUNNING: a job reads row by row; some rows, how far it is and what was wrong with them are one
       commit, so that whoever takes over from a job that died goes on with the next row
    3. DONE, FAILED (with the reason: the file is no such file, or whoever asked may no longer do it) or CANCELLED; the
       file is destroyed with that, and what was made stays

    A dry run does all of it and rolls back what it makes.
    """

    __tablename__ = "imports"
    __table_args__ = (
        Index("imports_created_idx", "tenant_id", "created_at", "id"),
        Index("imports_open_idx", "tenant_id", postgresql_where="finished_at is null"),
        {"info": NOT_AUDITED},
    )

    kind: ImportKind = enum_column(ImportKind, "kind")
    format: ImportFormat = enum_column(ImportFormat, "format")
    dry_run: bool
    status: ImportStatus = enum_column(ImportStatus, "status", ImportStatus.AWAITING_FILE)
    upload_ends_at: datetime = time_column()
    file_id: UUID | None = None
    file_length: int | None = Field(default=None, sa_type=BigInteger)
    # Bytes that were read of the file, by which progress is told: how many rows there are is known at its end.
    done_length: int = Field(default=0, sa_type=BigInteger)
    done_rows: int = 0
    made_rows: int = 0
    # Were there already.
    known_rows: int = 0
    refused_rows: int = 0
    failure: str | None = Field(default=None, max_length=500)
    # The number of its last event.
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    started_at: datetime | None = optional_time()
    finished_at: datetime | None = optional_time()


class ImportProblem(SQLModel, table=True):
    """Why a row was refused; of the first thousand."""

    __tablename__ = "import_problems"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["imports.tenant_id", "imports.id"], ondelete="CASCADE"),
        {"info": NOT_AUDITED},
    )

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.id", ondelete="CASCADE")
    import_id: UUID = Field(primary_key=True)
    # Of the file, from 1; of a JSON array the number of the object.
    line: int = Field(primary_key=True)
    field: str | None = Field(default=None, max_length=80)
    # Says what is wrong, and nothing of what stands there: it may be somebody's name.
    message: str = Field(max_length=500)
