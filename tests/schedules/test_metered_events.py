"""Metered queues under their schedule: who is released at an opening, and by which limits while an event runs."""

from datetime import timedelta
from typing import Any

import pytest

from app.queues.draws import running
from app.queues.line import lock
from app.queues.models import QueueStatus
from app.schedules import service as schedules
from app.schedules.service import NewEvent
from app.sessions.metered.settle import settle_changed
from app.settings import Settings
from tests.metered.world import START, Opened, World, open_worlds


@pytest.fixture
async def world(migrated_settings: Settings) -> Any:
    """Three places, no limit to the rate."""
    opened: Opened = await open_worlds(migrated_settings)
    yield await opened.world(max_concurrent_users=3)
    for db in opened.databases:
        await db.dispose()


async def _plan(world: World, **given: Any) -> Any:
    times = {"starts_at": START + timedelta(minutes=10), "ends_at": START + timedelta(minutes=20)}
    return await world.do(schedules.create_event, world.queue.id, NewEvent("Sale", **(times | given)))


async def test_nobody_is_released_in_a_prequeue_and_the_first_lots_at_the_opening(world: World) -> None:
    await _plan(world, prequeue_starts_at=START + timedelta(minutes=1), draws_lots=True)
    early = await world.join()
    assert early.status == "CALLED", "before the pre-queue places are free"
    await world.after(60)
    people = await world.crowd(8)
    await world.after(300)
    assert await world.statuses(people) == ["WAITING"] * 8
    async with world.db.write(world.queue.tenant_id) as tx:
        draw = await running(tx, await lock(tx, world.queue.id))
    assert draw is not None
    await world.do(schedules.catch_up, world.queue.id)
    assert await world.statuses(people) == ["WAITING"] * 8
    await world.after(240)
    lots = sorted(people, key=lambda one: draw.lot(world.queue.tenant_id, one.id))
    assert await world.statuses(lots) == ["CALLED"] * 2 + ["WAITING"] * 6
    stored = await world.stored()
    types = [event.type for event in stored.events]
    opening = types.index("SCHEDULED_EVENT_STARTED")
    assert types[opening:] == ["SCHEDULED_EVENT_STARTED", "LOTTERY_OPENED", "SESSION_RELEASED", "SESSION_RELEASED"]
    assert "SESSION_RELEASED" not in types[types.index("PREQUEUE_STARTED") : opening]


async def test_an_events_cap_counts_from_its_start_to_its_end(world: World) -> None:
    await _plan(world, overrides={"max_concurrent_users": 5})
    people = await world.crowd(8)
    assert await world.statuses(people) == ["CALLED"] * 3 + ["WAITING"] * 5
    await world.after(600)
    assert (await world.statuses(people)).count("CALLED") == 5
    for one in people[:2]:
        await world.enter(one)
    await world.after(600)
    for one in people[:2]:
        await world.leave(one)
    assert (await world.statuses(people)).count("CALLED") == 3, "three are left, which is the cap again"
    stored = await world.stored()
    assert (stored.queue.overrides, stored.queue.active_event_id) == ({}, None)


async def test_an_event_that_holds_everybody(world: World) -> None:
    await _plan(world, overrides={"queue_all": True})
    await world.after(600)
    people = await world.crowd(3)
    assert await world.statuses(people) == ["WAITING"] * 3
    await world.after(600)
    assert await world.statuses(people) == ["CALLED"] * 3


async def test_a_closed_queue_still_lets_in_who_waits(world: World) -> None:
    people = await world.crowd(5)
    await _plan(world, queue_status=QueueStatus.CLOSED)
    await world.after(600)
    await world.enter(people[0])
    await world.leave(people[0])
    assert await world.statuses(people) == ["COMPLETED", "CALLED", "CALLED", "CALLED", "WAITING"]


async def test_changing_a_running_event_counts_for_who_waits(world: World) -> None:
    event = await _plan(world, overrides={"max_concurrent_users": 1})
    await world.after(600)
    people = await world.crowd(4)
    assert await world.statuses(people) == ["CALLED"] + ["WAITING"] * 3
    await world.do(schedules.update_event, event.id, {"overrides": {"max_concurrent_users": 2}})
    await world.do(settle_changed, world.queue.id)
    assert await world.statuses(people) == ["CALLED"] * 2 + ["WAITING"] * 2
    await world.do(schedules.delete_event, event.id)
    await world.after(1)
    assert await world.statuses(people) == ["CALLED"] * 3 + ["WAITING"]
