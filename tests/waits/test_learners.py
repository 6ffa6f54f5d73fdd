"""The learners over a whole database: every queue that has news, each once, whatever was stored before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.ids import Ref
from app.sessions.waits import learning
from app.sessions.waits.learning import KEEP, Learners, delete_old
from app.settings import Settings
from tests.metered.world import START, Opened, World, open_worlds
from tests.servers import own_database

_NOW = timedelta(0)


class Worker:
    """A worker's learners, by a clock of the test."""

    def __init__(self, settings: Settings, clock: ManualClock) -> None:
        self.app, self.system = (
            Database(role_url(settings, role), secret=settings.secret, pool_size=1, name="learners", clock=clock)
            for role in (APP_ROLE, SYSTEM_ROLE)
        )
        self.learners = Learners(self.app, self.system)

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.system.read(None) as tx:
            return [tuple(row) for row in await tx.rows(statement, *values)]

    async def dispose(self) -> None:
        await self.app.dispose()
        await self.system.dispose()


@pytest.fixture(scope="module")
def settings(migrated_settings: Settings) -> Settings:
    """A database of its own: learners serve a whole one."""
    return own_database(migrated_settings, "learners")


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def workers(settings: Settings, clock: ManualClock) -> AsyncIterator[list[Worker]]:
    both = [Worker(settings, clock), Worker(settings, clock)]
    yield both
    for worker in both:
        await worker.dispose()


@pytest.fixture
async def tenants(settings: Settings) -> AsyncIterator[list[Opened]]:
    opened = [await open_worlds(settings), await open_worlds(settings)]
    yield opened
    for one in opened:
        for db in one.databases:
            await db.dispose()


async def waits(world: World, people: int) -> None:
    """So many come, and are let in a minute apart."""
    await world.crowd(people)
    for _ in range(people):
        await world.after(60)


async def test_all_queues_with_news_are_learned_from_once_by_workers_beside_each_other(
    tenants: list[Opened], workers: list[Worker], clock: ManualClock
) -> None:
    one, other = workers
    worlds = [await opened.world(clock, release_rate_per_minute=1) for opened in tenants]
    for world in worlds:
        await waits(world, 4)
    await asyncio.gather(one.learners.once(_NOW), other.learners.once(_NOW))
    assert await one.learners.once(_NOW) == 0, "nothing is new"
    counted = await one.rows(
        "select tenant_id, queue_id, count(*), count(*) filter (where is_served), max(waited_seconds)"
        " from wait_samples group by 1, 2"
    )
    # One a minute: the last has waited for four slots.
    assert {(tenant, queue): tuple(rest) for tenant, queue, *rest in counted} == {
        (world.queue.tenant_id, world.queue.id): (4, 4, pytest.approx(240, abs=2)) for world in worlds
    }
    (own,) = tenants[:1]
    async with one.app.read(own.tenant_id) as tx:
        assert [tuple(row) for row in await tx.rows("select distinct tenant_id from wait_samples")] == [
            (own.tenant_id,)
        ], "a tenant reads its own"

    await worlds[0].crowd(1)
    assert await one.learners.once() == 0, "each queue is looked at every five seconds at most"
    clock.advance(seconds=6)
    assert await one.learners.once() == 1


async def test_what_another_release_has_stored_is_learned_again_and_old_samples_go(
    tenants: list[Opened], workers: list[Worker], clock: ManualClock
) -> None:
    worker = workers[0]
    world = await tenants[0].world(clock, release_rate_per_minute=1)
    await waits(world, 2)
    await worker.learners.once(_NOW)
    async with worker.system.write(None) as tx:
        await tx.rows("update wait_memories set said = '{}', learning = 'rubbish' where queue_id = $1", world.queue.id)
    await waits(world, 2)
    assert await worker.learners.once(_NOW) == 1
    ((revision, said),) = await worker.rows(
        "select revision, length(said) from wait_memories where queue_id = $1", world.queue.id
    )
    assert revision == (await world.stored()).line.revision
    assert said > 1_000
    assert await worker.rows("select count(*) from wait_samples where queue_id = $1", world.queue.id) == [(4,)]

    clock.advance(seconds=KEEP.total_seconds() - 3_600)
    assert await delete_old(worker.system)
    assert await worker.rows("select count(*) from wait_samples where queue_id = $1", world.queue.id) == [(4,)]
    clock.advance(seconds=7_200)
    assert await delete_old(worker.system)
    assert await worker.rows("select count(*) from wait_samples") == [(0,)]


async def test_a_queue_far_behind_keeps_no_other_waiting(
    tenants: list[Opened], workers: list[Worker], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "PORTION", 2)
    worker = workers[0]
    far, near = [await opened.world(clock, release_rate_per_minute=1) for opened in tenants]
    await waits(far, 4)
    await waits(near, 2)
    turns: list[UUID] = []
    learn_portion = learning.learn_portion

    async def noted(db: Database, ref: Ref) -> int:
        turns.append(ref.id)
        return await learn_portion(db, ref)

    monkeypatch.setattr(learning, "learn_portion", noted)
    while await worker.learners.once():
        pass
    assert set(turns[:2]) == {far.queue.id, near.queue.id}
    assert turns.count(far.queue.id) > 3, "without a pause for what is left"
    stored = await worker.rows("select queue_id, revision from wait_memories")
    for world in (far, near):
        assert (world.queue.id, (await world.stored()).line.revision) in stored
