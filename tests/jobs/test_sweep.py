"""Sending again: what is due comes up, once per sender, no faster than Redis has room for, and not while it is away."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.jobs import dispatch
from app.core.jobs.broker import QUEUES, namespace
from app.core.jobs.context import SEND_AGAIN_AFTER
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import JobRef
from app.core.jobs.sweep import Sweep
from app.settings import Settings
from tests.jobs.support import new_tenant, stored, write_job
from tests.servers import private_valkey


async def messages(settings: Settings) -> int:
    async with Redis.from_url(settings.redis_url) as redis:
        return int(await redis.llen(f"{namespace(settings)}:{QUEUES[Lane.NORMAL]}"))


@pytest.fixture
async def dispatcher(settings: Settings) -> AsyncIterator[Dispatcher]:
    opened = Dispatcher(settings)
    yield opened
    await opened.close()


async def test_what_nobody_claimed_is_sent_again_after_a_while(
    dbs: Databases, clock: ManualClock, dispatcher: Dispatcher, settings: Settings
) -> None:
    tenant_id = await new_tenant(dbs)
    waiting = await write_job(dbs, tenant_id, "test.work")
    done = await write_job(dbs, tenant_id, "test.work")
    async with dbs.app.write(tenant_id) as tx:
        row = await stored(dbs, done)
        row.done_at = clock.now()
        await tx.merge(row)
    sweep = Sweep(dbs.system, dispatcher)
    assert (await sweep.once(), await messages(settings)) == (1, 1)
    assert (await stored(dbs, waiting)).send_at == clock.now() + SEND_AGAIN_AFTER
    assert await sweep.once() == 0
    clock.advance(seconds=SEND_AGAIN_AFTER.total_seconds() - 0.001)
    assert await sweep.once() == 0
    clock.advance(seconds=0.001)
    assert (await sweep.once(), await messages(settings)) == (1, 2)


async def test_two_sweeps_beside_each_other_send_each_job_once(
    dbs: Databases, dispatcher: Dispatcher, settings: Settings
) -> None:
    tenant_id = await new_tenant(dbs)
    for _ in range(40):
        await write_job(dbs, tenant_id, "test.work")
    sweeps = [Sweep(dbs.system, dispatcher) for _ in range(4)]
    assert sum(await asyncio.gather(*(sweep.once() for sweep in sweeps))) == 40
    assert await messages(settings) == 40


async def test_redis_never_holds_more_messages_than_the_limit(
    dbs: Databases, dispatcher: Dispatcher, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "QUEUE_LIMIT", 5)
    tenant_id = await new_tenant(dbs)
    refs = [await write_job(dbs, tenant_id, "test.work") for _ in range(8)]
    sweep = Sweep(dbs.system, dispatcher)
    assert [await sweep.once(), await sweep.once(), await messages(settings)] == [5, 0, 5]
    await dispatcher.send(refs)
    assert await messages(settings) == 5


async def test_nothing_is_touched_while_redis_is_away_and_one_line_is_logged(
    dbs: Databases, clock: ManualClock, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    ref = await write_job(dbs, await new_tenant(dbs), "test.work")
    with private_valkey() as server:
        settings = settings.model_copy(update={"redis_url": server.url})
        dispatcher = Dispatcher(settings)
        sweep = Sweep(dbs.system, dispatcher)
        server.daemon.kill()
        for _ in range(3):
            assert await sweep.once() == 0
            await dispatcher.send([JobRef(*ref)])
        assert (await stored(dbs, ref)).send_at == clock.now()
        server.start()
        assert (await sweep.once(), await messages(settings)) == (1, 1)
        await dispatcher.close()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("app.")] == [
        "Redis (jobs) is not available; trying again.",
        "Redis (jobs) is available again.",
    ]
