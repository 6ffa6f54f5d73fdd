"""Every statement about jobs. Who runs them, and when, is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, text
from sqlalchemy.engine import Row
from sqlmodel import col, update

from app.core.db import ReadTx, WriteTx
from app.core.ids import new_id
from app.core.jobs.lanes import Lane
from app.core.jobs.models import Job


class JobRef(NamedTuple):
    """What a message carries."""

    tenant_id: UUID
    id: UUID
    lane: Lane = Lane.NORMAL


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be written."""

    tenant_id: UUID
    name: str
    args: dict[str, Any]
    dedupe_key: str
    request_id: str | None = None
    id: UUID = field(default_factory=new_id)
    # Not to be run before; None: at once.
    due_at: datetime | None = None
    lane: Lane = Lane.NORMAL


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as its worker holds it: `attempt` is the claim's number, `tries` those that count against it."""

    ref: JobRef
    name: str
    args: dict[str, Any]
    attempt: int
    request_id: str | None
    tries: int


async def write(tx: WriteTx, jobs: Sequence[NewJob], *, send_at: datetime) -> list[JobRef]:
    """Write jobs that are not written yet; those of a tenant that is gone are left out. Returns the new ones.

    The writer sends them after its commit; `send_at` says when the sweep takes over if it did not come to that. Those
    that are due later are the sweep's alone.
    """
    if not jobs:
        return []
    found = await _run(
        tx,
        """
        insert into jobs
            (tenant_id, id, name, lane, args, dedupe_key, created_at, due_at, send_at, attempts, attempts_before,
             request_id)
        select
            new.tenant_id, new.id, new.name, new.lane, new.args, new.dedupe_key, :now, coalesce(new.due_at, :now),
            greatest(:send_at, new.due_at), 0, 0, new.request_id
        from unnest(
            cast(:tenant_ids as uuid[]), cast(:ids as uuid[]), cast(:names as text[]), cast(:lanes as text[]),
            cast(:args as jsonb[]), cast(:dedupe_keys as text[]), cast(:request_ids as text[]),
            cast(:due_ats as timestamptz[])
        ) as new (tenant_id, id, name, lane, args, dedupe_key, request_id, due_at)
        join tenants on tenants.id = new.tenant_id
        on conflict (tenant_id, dedupe_key) do nothing
        returning tenant_id, id, lane
        """,
        now=tx.now(),
        send_at=send_at,
        tenant_ids=[job.tenant_id for job in jobs],
        ids=[job.id for job in jobs],
        names=[job.name for job in jobs],
        lanes=[job.lane for job in jobs],
        args=[orjson.dumps(job.args).decode() for job in jobs],
        dedupe_keys=[job.dedupe_key for job in jobs],
        request_ids=[job.request_id for job in jobs],
        due_ats=[job.due_at for job in jobs],
    )
    return [JobRef(row.tenant_id, row.id, Lane(row.lane)) for row in found]


async def take_unsent(tx: WriteTx, lane: Lane, *, limit: int, send_again_at: datetime) -> list[JobRef]:
    """A lane's jobs whose time to be sent has come, oldest first; they come up again at `send_again_at`."""
    found = await _run(
        tx,
        """
        update jobs set send_at = :send_again_at
        from (
            select tenant_id, id from jobs
            where lane = :lane and done_at is null and failed_at is null and send_at <= :now
            order by send_at limit :limit
            for update skip locked
        ) as unsent
        where jobs.tenant_id = unsent.tenant_id and jobs.id = unsent.id
        returning jobs.tenant_id, jobs.id, jobs.lane
        """,
        lane=lane,
        now=tx.now(),
        limit=limit,
        send_again_at=send_again_at,
    )
    return [JobRef(row.tenant_id, row.id, Lane(row.lane)) for row in found]


async def claim(tx: WriteTx, job_id: UUID, *, due_before: datetime, lease_until: datetime) -> ClaimedJob | None:
    """Hold a job until the lease ends; None if it is done, failed, held by another worker, or put off."""
    found = await tx.exec(
        update(Job)
        .where(
            col(Job.tenant_id) == tx.tenant,
            col(Job.id) == job_id,
            col(Job.done_at).is_(None),
            col(Job.failed_at).is_(None),
            col(Job.due_at) <= due_before,
        )
        .values(attempts=Job.attempts + 1, due_at=lease_until, send_at=lease_until)
        .returning(
            col(Job.name),
            col(Job.args),
            col(Job.attempts),
            col(Job.request_id),
            (col(Job.attempts) - col(Job.attempts_before)).label("tries"),
        )
    )
    row = found.one_or_none()
    return None if row is None else ClaimedJob(JobRef(tx.tenant, job_id), *row)


async def extend_lease(tx: WriteTx, job: ClaimedJob, *, lease_until: datetime) -> bool:
    """Hold the job longer; False if it is not ours any more."""
    return await _change(tx, job, due_at=lease_until, send_at=lease_until)


async def put_off(tx: WriteTx, job: ClaimedJob, *, delay: timedelta, error: str | None) -> bool:
    """Give the job back, to be run after a delay."""
    due_at = tx.now() + delay
    return await _change(tx, job, due_at=due_at, send_at=due_at, error=error)


async def finish(tx: WriteTx, job: ClaimedJob) -> bool:
    """Mark the job done; False if it is not ours any more."""
    return await _change(tx, job, done_at=tx.now(), error=None)


async def fail(tx: WriteTx, job: ClaimedJob, *, error: str) -> bool:
    """Mark the job failed for good; False if it is not ours any more."""
    return await _change(tx, job, failed_at=tx.now(), error=error)


async def holds(tx: WriteTx, job: ClaimedJob) -> bool:
    """Whether the job is still ours, and stays so until the transaction ends."""
    return await _change(tx, job, attempts=job.attempt)


async def delete_done(tx: WriteTx, *, before: datetime, limit: int) -> int:
    """Remove jobs done long ago; how many there were, at most `limit`."""
    found = await _run(
        tx,
        """
        delete from jobs where (tenant_id, id) in (
            select tenant_id, id from jobs where done_at < :before order by done_at limit :limit
        )
        returning 1
        """,
        before=before,
        limit=limit,
    )
    return len(found)


async def _change(tx: WriteTx, job: ClaimedJob, **values: object) -> bool:
    if isinstance(error := values.get("error"), str):
        values["error"] = error[:1000]
    changed = await tx.exec(
        update(Job)
        .where(
            col(Job.tenant_id) == tx.tenant,
            col(Job.id) == job.ref.id,
            # The claim's number: a worker that was given up for dead and is not has an older one.
            col(Job.attempts) == job.attempt,
            col(Job.done_at).is_(None),
            col(Job.failed_at).is_(None),
        )
        .values(**values)
    )
    return changed.rowcount == 1


async def _run(tx: ReadTx, statement: str, **values: object) -> Sequence[Row[Any]]:
    found = cast(CursorResult[Any], await tx.exec(text(statement), params=values))  # type: ignore[call-overload]
    return found.all()
