"""Lanes: what is plentiful or slow in one of them holds nobody up in another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from app.core.db import Databases
from app.core.jobs import worker as workers
from app.core.jobs.context import JobContext
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import Jobs, job
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import NewJob, write
from app.core.jobs.worker import run_worker
from app.settings import Settings
from tests.jobs.support import databases, forget, new_tenant


@pytest.fixture
async def dbs(settings: Settings) -> AsyncIterator[Databases]:
    """On the real clock, as the worker is."""
    async with databases(settings) as opened:
        await forget(opened, settings)
        yield opened
        await forget(opened, settings)


@pytest.mark.parametrize("lane", [Lane.BULK, Lane.NORMAL])
async def test_a_lane_that_is_stuck_leaves_the_urgent_ones_alone(
    settings: Settings, dbs: Databases, lane: Lane
) -> None:
    """More slow jobs than a worker has threads, all of them sent before the urgent one."""
    tenant_id, dispatcher = await new_tenant(dbs), Dispatcher(settings)
    slow, stuck, urgent, go_on = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()
    threads = workers._THREADS[lane]

    @job("test.slow", lane=lane)
    async def be_slow(_: JobContext) -> None:
        nonlocal slow
        slow += 1
        if slow == threads:
            stuck.set()
        await go_on.wait()

    @job("test.urgent", lane=Lane.URGENT)
    async def be_urgent(_: JobContext) -> None:
        urgent.set()

    async def send(*new: NewJob) -> None:
        async with dbs.system.write(None) as tx:
            refs = await write(tx, new, send_at=tx.now())
        assert {ref.lane for ref in refs} == {each.lane for each in new}
        await dispatcher.send(refs)

    await send(*(NewJob(tenant_id, "test.slow", {}, f"slow {number}", lane=lane) for number in range(3 * threads)))
    working = asyncio.create_task(run_worker(settings, Jobs([be_slow, be_urgent])))
    try:
        async with asyncio.timeout(20):
            await stuck.wait()
            await send(NewJob(tenant_id, "test.urgent", {}, "urgent", lane=Lane.URGENT))
            await urgent.wait()
        assert slow == threads
    finally:
        go_on.set()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await dispatcher.close()
