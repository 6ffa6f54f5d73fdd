"""Every statement about jobs that operators ask for, across tenants. Those of workers are `app/core/jobs`'s."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.jobs.lanes import Lane
from app.core.jobs.models import Job


class JobStatus(StrEnum):
    """What is to become of a job that is not done."""

    WAITING = "WAITING"
    LATER = "LATER"
    FAILED = "FAILED"


def status_of(job: Job, now: datetime) -> JobStatus:
    """Of a job that is not done."""
    if job.failed_at is not None:
        return JobStatus.FAILED
    return JobStatus.WAITING if job.due_at <= now else JobStatus.LATER


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs; None: all."""

    status: JobStatus | None = None
    name: str | None = None
    lane: Lane | None = None
    tenant_id: UUID | None = None


class Load(NamedTuple):
    """What lies in a lane, or of a kind: `since` is when the longest waiting has become due."""

    lane: Lane
    name: str
    waiting: int
    later: int
    failed: int
    since: datetime | None


async def load(tx: ReadTx, now: datetime) -> list[Load]:
    """By lane and kind, of all tenants; what is done is not counted."""
    return [Load(Lane(lane), *rest) for lane, *rest in await tx.rows(_LOAD, now)]


async def page(tx: ReadTx, wanted: Wanted, request: PageRequest, now: datetime) -> Page[Job]:
    """Jobs that are not done, newest first."""
    statement = select(Job).where(_IS_OPEN)
    if wanted.status is not None:
        statement = statement.where(_is(wanted.status, now))
    if wanted.name is not None:
        statement = statement.where(Job.name == wanted.name)
    if wanted.lane is not None:
        statement = statement.where(Job.lane == wanted.lane)
    if wanted.tenant_id is not None:
        statement = statement.where(Job.tenant_id == wanted.tenant_id)
    return await fetch_page(tx, statement, [Job.created_at, Job.id], request, newest_first=True)  # type: ignore[list-item]


async def find(tx: ReadTx, tenant_id: UUID, job_id: UUID) -> Job | None:
    """A job, done or not."""
    return await tx.get(Job, (tenant_id, job_id), populate_existing=True)


async def lock(tx: WriteTx, job_id: UUID) -> Job | None:
    """A job of the block's tenant, held until the transaction ends."""
    found = await tx.exec(
        select(Job)
        .where(Job.tenant_id == tx.tenant, Job.id == job_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


# In the words of the two indexes of what is open: "not done" alone reads a week of jobs that are (1,000,000: 130 ms).
_IS_OPEN = (col(Job.done_at).is_(None) & col(Job.failed_at).is_(None)) | col(Job.failed_at).is_not(None)


def _is(status: JobStatus, now: datetime) -> ColumnElement[bool]:
    if status is JobStatus.FAILED:
        return col(Job.failed_at).is_not(None)
    due = col(Job.due_at) <= now if status is JobStatus.WAITING else col(Job.due_at) > now
    return col(Job.failed_at).is_(None) & due


_LOAD = """
    select lane, name,
        count(*) filter (where failed_at is null and due_at <= $1),
        count(*) filter (where failed_at is null and due_at > $1),
        count(*) filter (where failed_at is not null),
        min(due_at) filter (where failed_at is null and due_at <= $1)
    from jobs where (done_at is null and failed_at is null) or failed_at is not null
    group by lane, name order by lane, name
"""
