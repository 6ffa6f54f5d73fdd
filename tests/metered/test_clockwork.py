"""The clockwork in its own loop, by the real clock: what only time causes happens, whoever else is at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.queues.line import lock
from app.sessions import calls, service
from app.sessions.metered.clockwork import Clockwork
from app.settings import Settings
from tests.metered.world import Opened, World, open_worlds
from tests.servers import own_database
from tests.support.waiting import eventually


class Running:
    """A clockwork, and every statement it sends."""

    def __init__(self, settings: Settings) -> None:
        self.app = Database(
            role_url(settings, APP_ROLE), secret=settings.secret, pool_size=4, name="clockwork under test"
        )
        self.system = Database(
            role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="clockwork under test"
        )
        self.statements: list[str] = []
        # Reads have an engine of their own, which shares nothing but its kind.
        for engine in (self.app.engine, self.app._read_pool, self.system.engine, self.system._read_pool):
            event.listen(engine.sync_engine, "connect", self._listen)

    def _listen(self, connection: Any, _: object) -> None:
        connection.driver_connection.add_query_logger(lambda record: self._note(record.query))

    def _note(self, statement: str) -> None:
        # What the driver asks on a new connection to learn about types is the driver's, whenever it needs one.
        if "pg_catalog" not in statement and "'jit'" not in statement:
            self.statements.append(statement)

    def scans(self) -> int:
        """How often it has asked who is due."""
        return sum("order by due_at" in statement for statement in self.statements)

    async def dispose(self) -> None:
        await self.app.dispose()
        await self.system.dispose()


@asynccontextmanager
async def clockwork(settings: Settings) -> AsyncIterator[Running]:
    """One that runs."""
    running = Running(settings)
    task = asyncio.create_task(Clockwork(running.app, running.system).run())
    try:
        yield running
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await running.dispose()


@pytest.fixture(scope="module")
def settings(migrated_settings: Settings) -> Settings:
    """A database of its own: a clockwork serves a whole one, and the lines of other tests are none of its business."""
    return own_database(migrated_settings, "clockwork")


@pytest.fixture
async def there(settings: Settings) -> AsyncIterator[Opened]:
    opened = await open_worlds(settings)
    yield opened
    for db in opened.databases:
        await db.dispose()


async def released(world: World, count: int) -> None:
    async def are() -> bool:
        return (await world.stored()).line.release_count == count

    await eventually(are)


async def test_slots_that_come_are_used(there: Opened, settings: Settings) -> None:
    world = await there.world(SystemClock(), release_rate_per_minute=1200)
    async with clockwork(settings):
        await world.crowd(30)
        await released(world, 30)


async def test_a_claim_window_and_a_stay_end_by_themselves(there: Opened, settings: Settings) -> None:
    world = await there.world(SystemClock(), max_concurrent_users=1, claim_seconds=1, stay_seconds=1)
    people = await world.crowd(3)
    async with clockwork(settings):
        await released(world, 2)
        await world.do(calls.start, people[1].id)
        await released(world, 3)
    assert (await world.statuses(people))[:2] == ["NO_SHOW", "EXPIRED"]


async def test_several_work_together_and_none_releases_twice(there: Opened, settings: Settings) -> None:
    world = await there.world(SystemClock(), release_rate_per_minute=6000, max_concurrent_users=60, queue_all=True)
    people = await world.crowd(80)
    await world.change(queue_all=False)
    async with clockwork(settings), clockwork(settings), clockwork(settings):
        await released(world, 60)
        for person in people[:20]:
            await world.do(service.cancel, person.id)
        await released(world, 80)
    stored = await world.stored()
    order = [event.data["session"]["id"] for event in stored.events if event.type == "SESSION_RELEASED"]
    assert order == [str(person.id) for person in people]


async def test_a_thousand_lines_are_served_by_one(there: Opened, settings: Settings) -> None:
    worlds = await _lines(there, 1000)
    waiting = [await worlds[number].join() for number in range(0, 1000, 25)]
    assert {session.status for session in waiting} == {"WAITING"}
    async with there.databases[0].write(there.tenant_id) as tx:
        # What a change of all of them would do: every line is due at once.
        await tx.rows("update queues set queue_all = false")
        await tx.rows("update queue_lines set due_at = clock_timestamp()")
    async with clockwork(settings):
        await eventually(lambda: _nothing_is_due(there), within=60)
    stored = [await worlds[number].stored() for number in range(0, 1000, 25)]
    assert {(one.line.waiting_count, one.line.release_count) for one in stored} == {(0, 1)}


async def test_a_queue_with_nothing_to_do_costs_nothing(there: Opened, settings: Settings) -> None:
    await _lines(there, 300)
    async with clockwork(settings) as running:
        await eventually(lambda: running.scans() >= 1)
        await eventually(lambda: _nothing_is_due(there))
        running.statements.clear()
        await eventually(lambda: running.scans() >= 5)
        said = [one for one in running.statements if not one.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
        # One question a tick, however many queues there are.
        assert len(said) == running.scans()


async def test_the_question_who_is_due_reads_only_lines_that_have_a_time(there: Opened, settings: Settings) -> None:
    await _lines(there, 50)
    db = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="plan")
    async with db.read(None) as tx:
        await tx.exec(text("set local enable_seqscan = off"))  # type: ignore[call-overload]
        plan = "\n".join(
            row[0]
            for row in await tx.rows(
                "explain select tenant_id, id, due_at from queue_lines where due_at is not null order by due_at limit 9"
            )
        )
    await db.dispose()
    assert "queue_lines_due_idx" in plan


async def test_a_line_somebody_holds_holds_up_no_other(there: Opened, settings: Settings) -> None:
    held, free = [await there.world(SystemClock(), release_rate_per_minute=60) for _ in range(2)]
    for world in (held, free):
        await world.crowd(2)
    async with held.db.write(held.queue.tenant_id) as tx:
        await lock(tx, held.queue.id)
        async with clockwork(settings):
            await released(free, 2)
            assert (await held.stored()).line.release_count == 1
    async with clockwork(settings):
        await released(held, 2)


async def test_a_line_that_cannot_be_settled_holds_up_no_other(
    there: Opened, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = [await there.world(SystemClock(), release_rate_per_minute=60) for _ in range(2)]
    for world in (broken, whole):
        await world.crowd(2)
    async with broken.db.write(broken.queue.tenant_id) as tx:
        # The number of its next release is taken.
        await tx.rows(
            "insert into queue_releases values ($1, $2, 2, $3, clock_timestamp())",
            *(broken.queue.tenant_id, broken.queue.id, UUID(int=1)),
        )
    async with clockwork(settings):
        await released(whole, 2)
    assert (await broken.stored()).line.release_count == 1
    assert "A line could not be settled; trying again." in caplog.text


async def test_old_numbers_are_forgotten_and_young_ones_kept(there: Opened, settings: Settings) -> None:
    world = await there.world(SystemClock(), max_concurrent_users=3)
    await world.crowd(3)
    async with world.db.write(world.queue.tenant_id) as tx:
        await tx.rows(
            "insert into queue_releases select $1, $2, -n, $3, clock_timestamp() - interval '11 minutes'"
            " from generate_series(1, 5) as n",
            *(world.queue.tenant_id, world.queue.id, UUID(int=1)),
        )

    async def numbers() -> list[int]:
        async with world.db.read(world.queue.tenant_id) as tx:
            found = await tx.rows(
                "select number from queue_releases where queue_id = $1 order by number", world.queue.id
            )
        return [number for (number,) in found]

    assert await numbers() == [-5, -4, -3, -2, -1, 1, 2, 3]
    async with clockwork(settings):

        async def are_forgotten() -> bool:
            return await numbers() == [1, 2, 3]

        await eventually(are_forgotten)


async def _nothing_is_due(there: Opened) -> bool:
    async with there.databases[0].read(there.tenant_id) as tx:
        return not await tx.rows("select 1 from queue_lines where due_at <= clock_timestamp() limit 1")


async def _lines(there: Opened, count: int) -> list[World]:
    """So many metered lines in which nobody is let in."""
    first = await there.world(SystemClock(), queue_all=True)
    async with first.db.write(there.tenant_id) as tx:
        ids = [
            id
            for (id,) in await tx.rows(
                """
                with made as (
                    insert into queues select (jsonb_populate_record(
                        queues, jsonb_build_object('id', gen_random_uuid(), 'slug', gen_random_uuid())
                    )).* from queues, generate_series(2, $2) where id = $1 returning tenant_id, id
                )
                insert into queue_lines select (jsonb_populate_record(
                    queue_lines, jsonb_build_object('id', made.id, 'due_at', null)
                )).* from queue_lines, made where queue_lines.id = $1 returning id
                """,
                first.queue.id,
                count,
            )
        ]
        await tx.rows("update queue_lines set due_at = null where id = $1", first.queue.id)
    return [World(first.db, first.clock, type(first.queue)(there.tenant_id, id)) for id in (first.queue.id, *ids)]
