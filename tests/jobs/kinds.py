"""Kinds of jobs for tests: each leaves one event in the log when it is done."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlmodel import select

from app.core.db import Databases, WriteTx
from app.core.events import Event, record
from app.core.events.models import EventRow
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import Jobs, job


@dataclass(frozen=True, slots=True)
class WorkDone(Event):
    type: ClassVar[str] = "TEST_WORK_DONE"
    attempt: int


def leave_trace(tx: WriteTx, context: JobContext) -> None:
    record(tx, "test", context.claimed.ref.id, context.attempt, WorkDone(context.attempt), tx.now())


async def traces(dbs: Databases, tenant_id: UUID) -> list[tuple[UUID, int]]:
    """Which job left a trace at which attempt."""
    async with dbs.app.read(tenant_id) as tx:
        found = await tx.exec(
            select(EventRow.aggregate_id, EventRow.revision)
            .where(EventRow.tenant_id == tenant_id, EventRow.aggregate_type == "test")
            .order_by(EventRow.occurred_at)  # type: ignore[arg-type]
        )
        return [(UUID(str(job_id)), attempt) for job_id, attempt in found]


@job("test.work")
async def work(context: JobContext) -> None:
    """Works, for as long as it is told to."""
    await asyncio.sleep(context.args.get("seconds", 0))
    async with context.finish() as tx:
        leave_trace(tx, context)


@job("test.hang_once")
async def hang_once(context: JobContext) -> None:
    """Never ends at its first attempt; says that it has begun."""
    if context.attempt == 1:
        async with context.write() as tx:
            record(tx, "begun", context.claimed.ref.id, 1, WorkDone(0), tx.now())
        await asyncio.Event().wait()
    async with context.finish() as tx:
        leave_trace(tx, context)


JOBS = Jobs([work, hang_once])
