"""Periodic work: once per slot with any number of workers, again soon after a failure, taken over from the dead."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import delete

from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.jobs import repository_periodic as repository
from app.core.jobs.models import PeriodicTask
from app.core.jobs.timetable import Periodic, Timetable, slot_after
from app.periodic import PERIODIC
from app.settings import Settings

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1, 12, 10, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def system(migrated_settings: Settings, clock: ManualClock) -> AsyncIterator[Database]:
    db = Database(role_url(migrated_settings, SYSTEM_ROLE), pool_size=4, clock=clock, name="timetable test")

    async def forget() -> None:
        async with db.write(None) as tx:
            await tx.exec(delete(PeriodicTask))

    await forget()
    yield db
    await forget()
    await db.dispose()


async def row(system: Database) -> PeriodicTask:
    async with system.read(None) as tx:
        (task,) = await repository.tasks(tx)
    return task


async def test_each_slot_is_done_once_by_many(system: Database, clock: ManualClock) -> None:
    done: list[datetime] = []

    async def work(_: Database) -> None:
        done.append(clock.now())
        await asyncio.sleep(0)

    piece = Periodic("test.count", HOUR, work)
    workers = [Timetable(system, [piece]) for _ in range(4)]
    for _ in range(3):
        looks = await asyncio.gather(*(worker.once(piece) for worker in workers))
        assert max(looks) <= slot_after(clock.now(), HOUR)
        await asyncio.gather(*(worker.once(piece) for worker in workers))
        clock.advance(seconds=(slot_after(clock.now(), HOUR) - clock.now()).total_seconds())
    assert done == [START, START.replace(hour=13, minute=0), START.replace(hour=14, minute=0)]
    task = await row(system)
    assert (task.runs, task.failures, task.held_until, task.due_at) == (3, 0, None, START.replace(hour=15, minute=0))


@pytest.mark.parametrize("how", ["raises", "answers False"])
async def test_what_failed_is_tried_again_soon_and_ever_later(system: Database, clock: ManualClock, how: str) -> None:
    fails = True

    async def work(_: Database) -> bool:
        if fails and how == "raises":
            raise LookupError
        return not fails

    piece = Periodic("test.fails", HOUR, work)
    table = Timetable(system, [piece])
    assert await table.once(piece) - clock.now() == timedelta(seconds=15)
    task = await row(system)
    assert (task.failures, task.error is None, task.held_until) == (1, False, None)
    clock.advance(seconds=15)
    assert await table.once(piece) - clock.now() == timedelta(seconds=30)
    fails = False
    clock.advance(seconds=30)
    assert await table.once(piece) == slot_after(clock.now(), HOUR)
    task = await row(system)
    assert (task.runs, task.failures, task.error) == (3, 0, None)


async def test_what_a_dead_worker_held_is_taken_over_and_its_late_end_changes_nothing(
    system: Database, clock: ManualClock
) -> None:
    done = 0

    async def work(_: Database) -> None:
        nonlocal done
        done += 1

    piece = Periodic("test.dead", HOUR, work, lease=timedelta(minutes=10))
    async with system.write(None) as tx:
        held = await repository.hold(tx, piece.name, until=tx.now() + piece.lease)
    assert held is not None
    table = Timetable(system, [piece])
    await table.once(piece)
    assert done == 0
    clock.advance(seconds=600)
    due_at = await table.once(piece)
    assert done == 1
    async with system.write(None) as tx:
        await repository.end(tx, piece.name, held.run, due_at=clock.now() + 9 * HOUR)
    assert (await row(system)).due_at == due_at


async def test_work_that_does_not_end_is_ended(system: Database, clock: ManualClock) -> None:
    async def work(_: Database) -> None:
        await asyncio.Event().wait()

    piece = Periodic("test.endless", HOUR, work, lease=timedelta(seconds=0.05))
    await Timetable(system, [piece]).once(piece)
    assert (await row(system)).error == "TimeoutError"


def test_names_are_used_once() -> None:
    with pytest.raises(ValueError, match="one name"):
        Timetable(None, [PERIODIC[0], PERIODIC[0]])  # type: ignore[arg-type]


async def test_everything_that_is_periodic_can_be_done(migrated_settings: Settings) -> None:
    db = Database(
        role_url(migrated_settings, SYSTEM_ROLE), secret=migrated_settings.secret, pool_size=2, name="periodic test"
    )
    for piece in PERIODIC:
        assert await piece.work(db) is not False
    await db.dispose()
