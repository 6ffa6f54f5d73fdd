"""The timers where staff call: grace and claim window run by themselves, and nobody is released."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.counters import service as counters
from app.queues.models import QueueMode
from app.schedules import service as schedules
from app.schedules.service import NewEvent
from app.sessions import calls
from app.sessions.metered import repository
from app.sessions.metered.settle import settle_changed
from app.sessions.models import Session
from tests.metered.world import Opened, World


@pytest.fixture
async def desk(opened: Opened) -> tuple[World, UUID]:
    """A staffed queue with a minute to show up, and a counter."""
    world = await opened.world(mode=QueueMode.STAFFED, claim_seconds=60)
    counter = await world.do(counters.create, "One", [world.queue.id])
    return world, counter.id


async def test_who_does_not_show_up_is_a_no_show_and_the_counter_is_free(desk: tuple[World, UUID]) -> None:
    world, counter_id = desk
    people = await world.crowd(2)
    assert await world.statuses(people) == ["WAITING", "WAITING"], "nobody is released"
    called = await world.do(calls.call_next, world.queue.id, counter_id)
    assert called.id == people[0].id
    await world.after(59.9)
    assert await world.statuses(people) == ["CALLED", "WAITING"]
    await world.after(0.2)
    assert await world.statuses(people) == ["NO_SHOW", "WAITING"], "staff call the next one"
    stored = await world.stored()
    assert stored.line.due_at is None
    assert (stored.events[-1].type, stored.events[-1].data["session"]["counter_name"]) == ("SESSION_NO_SHOW", "One")
    assert isinstance(await world.do(calls.call_next, world.queue.id, counter_id), Session)


async def test_a_recall_begins_the_claim_window_anew(desk: tuple[World, UUID]) -> None:
    world, counter_id = desk
    people = await world.crowd(1)
    await world.do(calls.call, people[0].id, counter_id)
    await world.after(50)
    await world.do(calls.recall, people[0].id)
    await world.after(50)
    assert await world.statuses(people) == ["CALLED"]
    await world.after(11)
    assert await world.statuses(people) == ["NO_SHOW"]


async def test_who_has_come_is_not_sent_away(desk: tuple[World, UUID]) -> None:
    world, counter_id = desk
    people = await world.crowd(1)
    await world.do(calls.call_next, world.queue.id, counter_id)
    await world.do(calls.start, people[0].id)
    await world.after(3_600)
    assert await world.statuses(people) == ["SERVING"]
    assert (await world.stored()).line.due_at is None


async def test_a_claim_window_that_runs_ends_although_new_ones_do_not(desk: tuple[World, UUID]) -> None:
    world, counter_id = desk
    people = await world.crowd(1)
    await world.do(calls.call_next, world.queue.id, counter_id)
    await world.change(claim_seconds=None)
    await world.after(61)
    assert await world.statuses(people) == ["NO_SHOW"]


async def test_a_claim_window_ends_although_the_schedule_comes_first_and_takes_it_away(
    desk: tuple[World, UUID],
) -> None:
    world, counter_id = desk
    people = await world.crowd(1)
    now = world.clock.now()
    async with world.db.write(world.queue.tenant_id) as tx:
        event = NewEvent("Lunch", now + timedelta(seconds=20), now + timedelta(seconds=30))
        await schedules.create_event(tx, world.queue.id, event)
        await settle_changed(tx, world.queue.id)
    await world.do(calls.call_next, world.queue.id, counter_id)
    await world.change(claim_seconds=None)
    for _ in range(60):
        await world.after(1)
    assert await world.statuses(people) == ["CALLED"]
    await world.after(1)
    assert await world.statuses(people) == ["NO_SHOW"]
    assert (await world.stored()).line.due_at is None


async def test_a_claim_window_that_came_with_an_event_ends_after_it_too(opened: Opened) -> None:
    world = await opened.world(mode=QueueMode.STAFFED)
    counter = await world.do(counters.create, "One", [world.queue.id])
    people, now = await world.crowd(1), world.clock.now()
    async with world.db.write(world.queue.tenant_id) as tx:
        event = NewEvent("Rush", now, now + timedelta(seconds=30), overrides={"claim_seconds": 60})
        await schedules.create_event(tx, world.queue.id, event)
        await settle_changed(tx, world.queue.id)
    await world.do(calls.call_next, world.queue.id, counter.id)
    await world.after(31)
    assert await world.statuses(people) == ["CALLED"]
    await world.after(30)
    assert await world.statuses(people) == ["NO_SHOW"]


async def test_a_line_without_timers_asks_nothing(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await opened.world(mode=QueueMode.STAFFED)
    monkeypatch.setattr(repository, "overdue", None)
    people = await world.crowd(2)
    assert await world.statuses(people) == ["WAITING", "WAITING"]
