"""Reports that are kept, whom they are sent to, and what came of each run. The files themselves are `transfers`'s.

What a report says is made anew with every run (`gathering.py`).
"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Enum, ForeignKeyConstraint, Index, Time, UniqueConstraint
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.personal.sealed import SealedRow, any_case, optional_sealed_text
from app.reports.periods import RelativePeriod
from app.reports.schedule import Frequency


class ReportFormat(StrEnum):
    """What kind of file is made."""

    PDF = "PDF"
    HTML = "HTML"


class ReportTrigger(StrEnum):
    """Why a run was: somebody asked for it, or its time had come."""

    ASKED_FOR = "ASKED_FOR"
    SCHEDULED = "SCHEDULED"


class ReportRunStatus(StrEnum):
    """MISSED: its time came while nothing of ours was running, and it is too late to make up for it."""

    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"
    MISSED = "MISSED"


class SavedReport(TenantRow, table=True):
    """What is to be reported, on which days, and when by itself.

    1. saved; run whenever somebody asks
    2. with a schedule, `next_due_at` is its next slot in the tenant's time zone; whoever finds that it has passed
       writes the run and moves it on, in one transaction
    3. deleted with its runs; their files stay until they expire

    Empty `queue_ids` are all queues, those to come included.
    """

    __tablename__ = "saved_reports"
    __table_args__ = (
        Index("saved_reports_created_idx", "tenant_id", "created_at", "id"),
        Index("saved_reports_due_idx", "next_due_at", postgresql_where="next_due_at is not null"),
        CheckConstraint("weekday between 0 and 6", name="weekday"),
        CheckConstraint("month_day between 1 and 31", name="month_day"),
        CheckConstraint("(frequency is null) = (due_time is null)", name="due_time"),
        CheckConstraint("next_due_at is null or frequency is not null", name="next_due_at"),
    )

    name: str = Field(max_length=120)
    queue_ids: list[str] = json_column(list)
    sections: list[str] = json_column(list)
    period: RelativePeriod = enum_column(RelativePeriod, "period")
    format: ReportFormat = enum_column(ReportFormat, "format")
    # Of what is asked for; what is sent is in its recipient's language. Null: the tenant's.
    locale: str | None = Field(default=None, max_length=35)
    frequency: Frequency | None = Field(
        default=None, sa_type=Enum(Frequency, native_enum=False, create_constraint=True, length=24, name="frequency")
    )
    due_time: time | None = Field(default=None, sa_type=Time)
    weekday: int | None = None
    month_day: int | None = None
    is_paused: bool = False
    next_due_at: datetime | None = optional_time()
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)


class ReportRecipient(SealedRow, table=True):
    """Whom a report is sent to when it is due: a user, by the address they have then, or an address.

    Exactly one of the two (`report_recipients_one_check`), each once per report. `locale` null: what a user has chosen,
    else the tenant's.
    """

    __tablename__ = "report_recipients"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "report_id"], ["saved_reports.tenant_id", "saved_reports.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "report_id", "user_id", name="report_recipients_user_key"),
        UniqueConstraint("tenant_id", "report_id", "address_index", name="report_recipients_address_key"),
        Index("report_recipients_user_idx", "tenant_id", "user_id", postgresql_where="user_id is not null"),
        Index("report_recipients_address_idx", "tenant_id", "address_index", postgresql_where="user_id is null"),
        CheckConstraint("(user_id is null) <> (address_sealed is null)", name="one"),
    )

    report_id: UUID
    user_id: UUID | None = None
    address: str | None = optional_sealed_text(found_by=any_case)
    locale: str | None = Field(default=None, max_length=35)


class ReportRun(TenantRow, table=True):
    """One report, made once.

    1. PENDING from the transaction that asks for it or finds that it is due: the job makes all files
    2. DONE, or FAILED with the reason in `error`: with the files and what is sent, in one commit
    3. MISSED from the beginning, for slots nobody was there for

    - one for each slot, however many workers look (`report_runs_slot_key`)
    - `files` are one for each language: `locale`, `fileId`, `name`, `length`
    """

    __tablename__ = "report_runs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "report_id"], ["saved_reports.tenant_id", "saved_reports.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("tenant_id", "report_id", "slot", name="report_runs_slot_key"),
        Index("report_runs_report_idx", "tenant_id", "report_id", "created_at", "id"),
        Index("report_runs_created_idx", "created_at"),
        CheckConstraint("(trigger = 'SCHEDULED') = (slot is not null)", name="slot"),
    )

    report_id: UUID
    trigger: ReportTrigger = enum_column(ReportTrigger, "trigger")
    slot: datetime | None = optional_time()
    status: ReportRunStatus = enum_column(ReportRunStatus, "status", ReportRunStatus.PENDING)
    format: ReportFormat = enum_column(ReportFormat, "format")
    first_day: date
    last_day: date
    # Whether it is sent to the recipients; what is asked for is sent only if that is asked for, too.
    send: bool = True
    locale: str | None = Field(default=None, max_length=35)
    files: list[dict[str, Any]] = json_column(list)
    files_expire_at: datetime | None = optional_time()
    told_count: int = 0
    error: str | None = Field(default=None, max_length=500)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    finished_at: datetime | None = optional_time()
