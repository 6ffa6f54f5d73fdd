"""One job, run by the runner itself: claimed once, settled once, never written by somebody who lost it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.jobs import repository
from app.core.jobs.context import JobContext, LeaseLost
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import Handler, Jobs, RetryLater, job
from app.core.jobs.models import Job
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import LEASE, JobRunner
from app.settings import Settings
from tests.jobs.kinds import JOBS, leave_trace, traces
from tests.jobs.support import new_tenant, stored, write_job


@pytest.fixture
async def tenant_id(dbs: Databases) -> UUID:
    return await new_tenant(dbs)


@pytest.fixture
async def dispatcher(settings: Settings) -> AsyncIterator[Dispatcher]:
    opened = Dispatcher(settings)
    yield opened
    await opened.close()


@pytest.fixture
def runner(settings: Settings, clock: ManualClock, dbs: Databases, dispatcher: Dispatcher) -> JobRunner:
    return JobRunner(settings, clock, dbs.app, JOBS, dispatcher)


def running(runner: JobRunner, handler: Handler, **options: int) -> JobRunner:
    """The runner, knowing one more kind: `test.given`."""
    runner._jobs = Jobs([*JOBS.values(), job("test.given", **options)(handler)])
    return runner


async def test_a_job_is_done_together_with_its_work(runner: JobRunner, dbs: Databases, tenant_id: UUID) -> None:
    ref = await write_job(dbs, tenant_id, "test.work")
    await runner.run(ref)
    row = await stored(dbs, ref)
    assert (row.done_at is not None, row.attempts, row.error) == (True, 1, None)
    assert await traces(dbs, tenant_id) == [(ref.id, 1)]


async def test_a_message_that_comes_three_times_runs_the_job_once(
    runner: JobRunner, dbs: Databases, tenant_id: UUID
) -> None:
    ref = await write_job(dbs, tenant_id, "test.work", {"seconds": 0.05})
    await asyncio.gather(*(runner.run(ref) for _ in range(3)))
    await runner.run(ref)
    assert await traces(dbs, tenant_id) == [(ref.id, 1)]
    assert (await stored(dbs, ref)).attempts == 1


async def test_a_message_with_another_tenant_finds_no_job(runner: JobRunner, dbs: Databases, tenant_id: UUID) -> None:
    ref = await write_job(dbs, tenant_id, "test.work")
    await runner.run(JobRef(await new_tenant(dbs), ref.id))
    assert (await stored(dbs, ref)).attempts == 0


async def test_writing_a_job_twice_writes_it_once(dbs: Databases, tenant_id: UUID) -> None:
    await write_job(dbs, tenant_id, "test.work", dedupe_key="same")
    async with dbs.system.write(None) as tx:
        again = repository.NewJob(tenant_id, "test.work", {}, "same")
        gone = repository.NewJob(uuid4(), "test.work", {}, "same")
        assert await repository.write(tx, [again, gone], send_at=tx.now()) == []


async def test_a_job_put_off_waits_for_its_time(
    runner: JobRunner, dbs: Databases, clock: ManualClock, tenant_id: UUID
) -> None:
    async def busy_at_first(context: JobContext) -> None:
        if context.attempt == 1:
            raise RetryLater(timedelta(seconds=30), "the server asked for patience")

    ref = await write_job(dbs, tenant_id, "test.given")
    running(runner, busy_at_first)
    await runner.run(ref)
    row = await stored(dbs, ref)
    assert row.error == "the server asked for patience"
    assert row.due_at == row.send_at == clock.now() + timedelta(seconds=30)
    clock.advance(seconds=20)
    await runner.run(ref)
    assert (await stored(dbs, ref)).attempts == 1
    clock.advance(seconds=10)
    await runner.run(ref)
    row = await stored(dbs, ref)
    assert (row.attempts, row.done_at, row.error) == (2, clock.now(), None)


async def test_a_failing_job_is_tried_again_ever_later_and_fails_for_good(
    runner: JobRunner, dbs: Databases, clock: ManualClock, tenant_id: UUID
) -> None:
    async def fail(context: JobContext) -> None:
        async with context.finish() as tx:
            leave_trace(tx, context)
            raise ValueError("a person's secret")

    ref = await write_job(dbs, tenant_id, "test.given")
    running(runner, fail, max_attempts=3)
    delays = []
    for _ in range(3):
        await runner.run(ref)
        row = await stored(dbs, ref)
        delays.append((row.due_at - clock.now()).total_seconds())
        clock.advance(seconds=60)
    assert 1.5 <= delays[0] <= 2.0 < 3.0 <= delays[1] <= 4.0
    assert (row.failed_at is not None, row.done_at, row.error, row.attempts) == (True, None, "ValueError", 3)
    assert await traces(dbs, tenant_id) == []
    await runner.run(ref)
    assert (await stored(dbs, ref)).attempts == 3


async def test_a_dead_workers_job_is_taken_over_after_the_lease_and_the_dead_cannot_write(
    runner: JobRunner, dbs: Databases, clock: ManualClock, tenant_id: UUID, settings: Settings
) -> None:
    ref = await write_job(dbs, tenant_id, "test.work")
    async with dbs.app.write(tenant_id) as tx:
        held = await repository.claim(tx, ref.id, due_before=clock.now(), lease_until=clock.now() + LEASE)
    assert held is not None
    clock.advance(seconds=LEASE.total_seconds() - 5)
    await runner.run(ref)
    assert (await stored(dbs, ref)).attempts == 1
    clock.advance(seconds=5)
    await runner.run(ref)
    assert await traces(dbs, tenant_id) == [(ref.id, 2)]

    ghost = JobContext(settings, clock, dbs.app, held)
    for block in (ghost.write, ghost.finish):
        with pytest.raises(LeaseLost):
            async with block() as tx:
                leave_trace(tx, ghost)
    assert await traces(dbs, tenant_id) == [(ref.id, 2)]


async def test_an_interrupted_job_is_given_back_at_once(runner: JobRunner, dbs: Databases, tenant_id: UUID) -> None:
    begun = asyncio.Event()

    async def interrupted_at_first(context: JobContext) -> None:
        if context.attempt == 1:
            begun.set()
            await asyncio.Event().wait()
        async with context.finish() as tx:
            leave_trace(tx, context)

    ref = await write_job(dbs, tenant_id, "test.given")
    running(runner, interrupted_at_first)
    first = asyncio.create_task(runner.run(ref))
    await begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await runner.run(ref)
    assert await traces(dbs, tenant_id) == [(ref.id, 2)]


async def test_a_handler_that_takes_too_long_is_stopped(runner: JobRunner, dbs: Databases, tenant_id: UUID) -> None:
    async def hang(_: JobContext) -> None:
        await asyncio.Event().wait()

    ref = await write_job(dbs, tenant_id, "test.given")
    runner._jobs = Jobs([job("test.given", timeout_seconds=0.05)(hang)])
    await runner.run(ref)
    row = await stored(dbs, ref)
    assert (row.done_at, row.error) == (None, "TimeoutError")


async def test_a_kind_nobody_here_knows_is_left_for_a_newer_worker(
    runner: JobRunner, dbs: Databases, clock: ManualClock, tenant_id: UUID
) -> None:
    ref = await write_job(dbs, tenant_id, "test.of_the_future")
    await runner.run(ref)
    row = await stored(dbs, ref)
    assert (row.failed_at, row.error) == (None, "the worker does not know this kind of job")
    assert row.due_at > clock.now()


async def test_a_job_owed_by_a_job_is_written_with_its_work_or_not_at_all(
    runner: JobRunner, dbs: Databases, dispatcher: Dispatcher, tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[JobRef] = []

    async def note(jobs: list[JobRef]) -> None:
        sent.extend(jobs)

    monkeypatch.setattr(dispatcher, "send", note)

    async def fail_then_work(context: JobContext) -> None:
        async with context.finish() as tx:
            await context.then(tx, JOBS["test.work"], {"seconds": 0}, dedupe_key="follower")
            if context.attempt == 1:
                raise RetryLater(timedelta(0), "not yet")

    async def followers() -> list[Job]:
        async with dbs.app.read(tenant_id) as tx:
            return list(await tx.exec(select(Job).where(Job.dedupe_key == "follower")))

    ref = await write_job(dbs, tenant_id, "test.given")
    running(runner, fail_then_work)
    await runner.run(ref)
    assert (await followers(), sent) == ([], [])
    await runner.run(ref)
    [follower] = await followers()
    assert sent == [JobRef(tenant_id, follower.id)]
