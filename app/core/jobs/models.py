"""Work owed, in PostgreSQL. Dramatiq carries only a job's id: losing Redis loses no work."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.core.db.tables import TenantRow, enum_column, json_column, optional_time, time_column
from app.core.jobs.lanes import Lane


class Job(TenantRow, table=True):
    """One piece of work.

    1. written by the relay (a reaction to an event) or by another job, in the transaction that makes it owed
    2. sent to Dramatiq by whoever wrote it; the sweep sends it again whenever `send_at` has passed
    3. claimed by a worker: `attempts` grows, and `due_at` moves to the end of the worker's lease
    4. done; or put off (`due_at` moves again) and claimed later; or failed for good, with the reason in `error`

    - `dedupe_key` makes writing it twice harmless
    - `attempts` is the claim's number as well: who holds an older number may not write any more
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("tenant_id", "dedupe_key", name="jobs_dedupe_key"),
        Index("jobs_unsent_idx", "lane", "send_at", postgresql_where="done_at is null and failed_at is null"),
        Index("jobs_failed_idx", "failed_at", postgresql_where="failed_at is not null"),
        Index("jobs_done_idx", "done_at", postgresql_where="done_at is not null"),
    )

    name: str = Field(max_length=64)
    lane: Lane = enum_column(Lane, "lane", Lane.NORMAL)
    args: dict[str, Any] = json_column()
    dedupe_key: str = Field(max_length=200)
    created_at: datetime = time_column()
    # Not to be run before; while a worker holds it, the end of its lease.
    due_at: datetime = time_column()
    # When the sweep has to hand it to Dramatiq (again).
    send_at: datetime = time_column()
    attempts: int = 0
    # Those before an operator gave it another chance: they do not count against it.
    attempts_before: int = 0
    done_at: datetime | None = optional_time()
    failed_at: datetime | None = optional_time()
    error: str | None = Field(default=None, max_length=1000)
    request_id: str | None = Field(default=None, max_length=128)


class PeriodicTask(SQLModel, table=True):
    """When a piece of periodic work is due next; one row for each, whatever the number of workers.

    1. due: whoever is first holds it until `held_until`, and `runs` grows: the number of the run
    2. done: due again at the next slot. Failed: due again soon, with the reason in `error`
    3. whoever held it has died: due again when `held_until` has passed
    """

    __tablename__ = "periodic_tasks"

    name: str = Field(primary_key=True, max_length=64)
    due_at: datetime = time_column()
    held_until: datetime | None = optional_time()
    runs: int = Field(default=0, sa_type=BigInteger)
    # One after another, since the last run that did not fail.
    failures: int = 0
    began_at: datetime | None = optional_time()
    ended_at: datetime | None = optional_time()
    error: str | None = Field(default=None, max_length=300)
