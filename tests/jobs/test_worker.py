"""Real workers in processes of their own: killed, interrupted, cut off from Redis; every job is done exactly once."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlmodel import select

from app.core.db import Databases
from app.core.events.models import EventRow
from app.core.jobs.alive import worker_alive
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.models import Job
from app.core.jobs.sweep import Sweep
from app.settings import Settings
from tests.jobs.kinds import traces
from tests.jobs.support import databases, forget, new_tenant, stored, until, worker, write_job
from tests.servers import private_valkey

pytestmark = pytest.mark.processes

KINDS = "tests.jobs.kinds:JOBS"


@pytest.fixture
async def dbs(settings: Settings) -> AsyncIterator[Databases]:
    """On the real clock, as the processes are."""
    async with databases(settings) as opened:
        await forget(opened, settings)
        yield opened
        await forget(opened, settings)


async def sweeping(dbs: Databases, settings: Settings) -> None:
    """The relay's part of the work, until cancelled."""
    dispatcher = Dispatcher(settings)
    sweep = Sweep(dbs.system, dispatcher)
    try:
        while True:
            await sweep.once()
            await asyncio.sleep(0.2)
    finally:
        await dispatcher.close()


@pytest.fixture
async def swept(dbs: Databases, settings: Settings) -> AsyncIterator[None]:
    task = asyncio.create_task(sweeping(dbs, settings))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def begun(dbs: Databases, tenant_id: UUID) -> bool:
    async with dbs.app.read(tenant_id) as tx:
        found = await tx.exec(select(EventRow.id).where(EventRow.aggregate_type == "begun"))
        return found.first() is not None


async def undone(dbs: Databases, tenant_id: UUID) -> int:
    async with dbs.app.read(tenant_id) as tx:
        return len((await tx.exec(select(Job.id).where(Job.done_at.is_(None)))).all())  # type: ignore[union-attr]


@pytest.mark.usefixtures("swept")
async def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    dbs: Databases, settings: Settings
) -> None:
    tenant_id = await new_tenant(dbs)
    with worker(settings, KINDS) as first:
        hanging = await write_job(dbs, tenant_id, "test.hang_once")
        await until(lambda: begun(dbs, tenant_id))
        first.kill()
    others = [await write_job(dbs, tenant_id, "test.work") for _ in range(20)]
    with worker(settings, KINDS):
        await until(lambda: _all_done(dbs, tenant_id), seconds=60)
    assert sorted(await traces(dbs, tenant_id)) == sorted([(hanging.id, 2), *((ref.id, 1) for ref in others)])


@pytest.mark.usefixtures("swept")
async def test_a_worker_that_is_asked_to_stop_gives_its_jobs_back(dbs: Databases, settings: Settings) -> None:
    tenant_id = await new_tenant(dbs)
    with worker(settings, KINDS) as first:
        short = await write_job(dbs, tenant_id, "test.work", {"seconds": 1})
        hanging = await write_job(dbs, tenant_id, "test.hang_once")
        await until(lambda: begun(dbs, tenant_id))
        assert await worker_alive(settings)
        first.terminate()
        # The hanging job hangs for ever.
        await until(lambda: asyncio.to_thread(lambda: first.ended), seconds=60)
        assert first.process.returncode == 0
    assert await traces(dbs, tenant_id) == [(short.id, 1)]
    row = await stored(dbs, hanging)
    assert (row.done_at, row.error) == (None, "the worker was stopped")
    with worker(settings, KINDS):
        # Long before its lease would have ended.
        assert await until(lambda: _all_done(dbs, tenant_id)) < 8
    assert (hanging.id, 2) in await traces(dbs, tenant_id)


async def test_redis_emptied_and_killed_under_a_working_worker(dbs: Databases, settings: Settings) -> None:
    tenant_id = await new_tenant(dbs)
    with private_valkey() as server:
        settings = settings.model_copy(update={"redis_url": server.url})
        task = asyncio.create_task(sweeping(dbs, settings))
        with worker(settings, KINDS):
            await until(lambda: worker_alive(settings))
            refs = [await write_job(dbs, tenant_id, "test.work", {"seconds": 0.2}) for _ in range(60)]
            await until(lambda: _some_done(dbs, tenant_id))
            async with Redis.from_url(server.url) as redis:
                await redis.flushall()
            server.daemon.kill()
            refs += [await write_job(dbs, tenant_id, "test.work") for _ in range(10)]
            assert not await worker_alive(settings)
            server.start()
            await until(lambda: _all_done(dbs, tenant_id), seconds=60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert sorted(await traces(dbs, tenant_id)) == sorted((ref.id, 1) for ref in refs)


async def test_a_worker_stops_in_time_while_redis_is_away(dbs: Databases, settings: Settings) -> None:
    with private_valkey() as server:
        settings = settings.model_copy(update={"redis_url": server.url})
        with worker(settings, KINDS) as process:
            await until(lambda: worker_alive(settings))
            server.daemon.kill()
            process.terminate()
            # Left alone, it would wait for a server that is gone.
            await until(lambda: asyncio.to_thread(lambda: process.ended), seconds=30)


async def _all_done(dbs: Databases, tenant_id: UUID) -> bool:
    return await undone(dbs, tenant_id) == 0


async def _some_done(dbs: Databases, tenant_id: UUID) -> bool:
    return len(await traces(dbs, tenant_id)) > 0
