"""Whoever releases may die at any moment, and so may whoever joins: what was not committed has not happened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app.core.clock import SystemClock
from app.core.db import Database, WriteTx
from app.core.db.urls import APP_ROLE, role_url
from app.queues.line import lock
from app.sessions import service
from app.sessions.metered.clockwork import settle_due
from app.sessions.metered.settle import settle
from app.sessions.service import JoinRequest
from app.settings import Settings
from tests.metered import clockwork_process
from tests.metered.model import Limits, broken, releases_of
from tests.metered.world import World, open_worlds
from tests.servers import own_database
from tests.support.contenders import kill
from tests.support.waiting import eventually

Verb = Callable[[WriteTx], Awaitable[Any]]


async def _cut(world: World, settings: Settings, verb: Verb) -> None:
    """Do something, and have the connection ended by the server right before the commit."""

    async def verb_and_end(tx: WriteTx) -> None:
        await verb(tx)
        await tx.flush()
        ((pid,),) = await tx.rows("select pg_backend_pid()")
        # A role may end its own connections.
        axe = Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=1, name="axe")
        async with axe.write(None) as other:
            await other.rows("select pg_terminate_backend($1)", pid)
        await axe.dispose()

    with pytest.raises(DBAPIError):
        await world.do(verb_and_end)


async def test_a_release_that_was_not_committed_has_not_happened(world: World, migrated_settings: Settings) -> None:
    await world.crowd(3)
    before = await world.stored()

    async def release(tx: WriteTx) -> None:
        line = await settle(tx, await lock(tx, world.queue.id))
        assert line.row.release_count == 2

    world.clock.advance(seconds=5)  # type: ignore[attr-defined]
    await _cut(world, migrated_settings, release)
    assert await world.stored() == before
    # It is still due, and whoever comes next does it: once.
    assert await settle_due(world.db, world.queue)
    assert not await settle_due(world.db, world.queue)
    stored = await world.stored()
    assert (stored.line.release_count, stored.line.called_count) == (2, 2)


async def test_a_join_that_was_let_straight_in_is_whole_or_has_not_happened(
    world: World, migrated_settings: Settings
) -> None:
    before = await world.stored()

    async def join(tx: WriteTx) -> None:
        joined = await service.join(tx, JoinRequest(world.queue.id, user_identifier="ann"), "key")
        assert joined.status == "CALLED"

    await _cut(world, migrated_settings, join)
    assert await world.stored() == before
    async with world.db.write(world.queue.tenant_id) as tx:
        first = await service.join(tx, JoinRequest(world.queue.id, user_identifier="ann"), "key")
    # The answer is lost; the same key finds the same place, and the same serial number of its token.
    async with world.db.write(world.queue.tenant_id) as tx:
        again = await service.join(tx, JoinRequest(world.queue.id, user_identifier="ann"), "key")
    assert (again.id, again.status, again.admission_number) == (first.id, "CALLED", 1)
    assert (await world.stored()).line.release_count == 1


@pytest.mark.processes
async def test_killed_workers_release_nobody_twice_and_leave_nobody_behind(migrated_settings: Settings) -> None:
    there = own_database(migrated_settings, "killed")
    opened = await open_worlds(there)
    world = await opened.world(SystemClock(), release_rate_per_minute=2400, max_concurrent_users=150)
    workers = [clockwork_process.start(there) for _ in range(2)]
    try:
        for number in range(3):
            people = await world.crowd(40)
            wanted = 40 * (number + 1)

            async def half(least: int = wanted - 25) -> bool:
                return (await world.stored()).line.release_count >= least

            await eventually(half)
            kill(workers.pop(0))
            workers.append(clockwork_process.start(there))
            await asyncio.gather(*(world.do(service.cancel, person.id) for person in people[:5]))
        await eventually(lambda: _nobody_waits(world))
    finally:
        for worker in workers:
            kill(worker)
    stored = await world.stored()
    releases = await releases_of(world)
    assert broken(stored, releases, [Limits(1, 2400, 150)]) == []
    assert stored.line.waiting_count == 0
    for db in opened.databases:
        await db.dispose()


async def _nobody_waits(world: World) -> bool:
    return (await world.stored()).line.waiting_count == 0
