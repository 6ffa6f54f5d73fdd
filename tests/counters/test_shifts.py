"""Shifts: one at a counter, one per person; breaks, what was served, and how many counters are open."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.core.clock import ManualClock
from app.identity.models import Role
from app.settings import Settings
from tests.support.api import Api, Business, open_api
from tests.support.queue_logs import assert_sound, nothing_changes
from tests.support.verbs import ask, done


async def test_one_at_a_counter_and_one_per_person(api: Api, business: Business) -> None:
    queue = await business.queue()
    one, two = await business.counter(queue), await business.counter(queue)
    ada, bob = await business.user(Role.STAFF), await business.user(Role.STAFF)
    await done(ada, "shiftStart", counterId=one)
    async with nothing_changes(api, queue):
        for caller, counter, whose in ((ada, one, ""), (ada, two, "You"), (bob, one, "Counter")):
            answer = await ask(caller, "shiftStart", counterId=counter)
            assert answer["__typename"] == "ShiftConflictError"
            assert answer["message"].startswith(whose)
    await done(ada, "shiftEnd", counterId=one)
    await done(ada, "shiftStart", counterId=two)
    await done(bob, "shiftStart", counterId=one)


async def test_many_start_at_once_and_one_does(api: Api, business: Business) -> None:
    counters = [await business.counter(await business.queue()) for _ in range(4)]
    ada, bob = await business.user(Role.STAFF), await business.user(Role.STAFF)
    answers = await asyncio.gather(*(ask(ada, "shiftStart", counterId=id) for id in counters))
    assert sorted(one["__typename"] for one in answers) == ["ShiftConflictError"] * 3 + ["ShiftStartSuccess"]
    (mine,) = [one["shift"]["counter"]["id"] for one in answers if one["__typename"] == "ShiftStartSuccess"]
    await done(ada, "shiftEnd", counterId=mine)
    answers = await asyncio.gather(*(ask(one, "shiftStart", counterId=mine) for one in (ada, bob, business.admin)))
    assert sorted(one["__typename"] for one in answers) == ["ShiftConflictError"] * 2 + ["ShiftStartSuccess"]


async def test_without_a_shift_there_is_none_to_change(api: Api, business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    async with nothing_changes(api, queue):
        for verb in ("shiftPause", "shiftResume", "shiftEnd"):
            assert (await ask(business.admin, verb, counterId=counter))["__typename"] == "NoRunningShiftError"
        answer = await ask(business.admin, "shiftEnd", counterId=counter, notes="x" * 2001)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "notes")
    await done(business.admin, "counterUpdate", counterId=counter, isActive=False)
    answer = await ask(business.admin, "shiftStart", counterId=counter)
    assert answer["__typename"] == "CounterNotServingQueueError"


async def test_open_counters_are_those_at_work(api: Api, business: Business) -> None:
    queue = await business.queue()
    counters = [await business.counter(queue) for _ in range(3)]
    ada, bob = await business.user(Role.STAFF), await business.user(Role.STAFF)

    async def open_count() -> int:
        shown = await api.anonymous("query($id: ID!) { queue(id: $id) { openCounterCount } }", id=queue)
        return int(shown["openCounterCount"])

    assert await open_count() == 3, "nobody keeps shifts: every active counter"
    for caller, verb, counter, count in [
        (ada, "shiftStart", 0, 1),
        (bob, "shiftStart", 1, 2),
        (ada, "shiftPause", 0, 1),
        (bob, "shiftPause", 1, 0),
        (ada, "shiftResume", 0, 1),
        (ada, "shiftEnd", 0, 0),
        (bob, "shiftEnd", 1, 3),
    ]:
        await done(caller, verb, counterId=counters[counter])
        assert await open_count() == count, verb
    await assert_sound(api, queue)


async def test_a_pause_twice_and_a_resume_twice_are_harmless(api: Api, business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    await done(business.admin, "shiftStart", counterId=counter)
    for verb in ("shiftPause", "shiftResume"):
        first = await done(business.admin, verb, counterId=counter)
        async with nothing_changes(api, queue):
            assert await done(business.admin, verb, counterId=counter) == first


async def test_what_was_served_and_how_long(migrated_settings: Settings) -> None:
    clock = ManualClock(datetime(2026, 12, 1, 9, tzinfo=UTC))
    async with open_api(migrated_settings, clock) as api:
        business = await api.new_business()
        queue = await business.queue()
        counter = await business.counter(queue)
        for _ in range(4):
            await business.join(queue)
        await done(business.admin, "shiftStart", counterId=counter)
        for seconds in (60, 120):
            called = (await business.call_next(queue, counter))["session"]
            await business.act("sessionStart", called["id"])
            clock.advance(seconds=seconds)
            await business.act("sessionComplete", called["id"])
        called = (await business.call_next(queue, counter))["session"]
        await business.act("sessionMarkNoShow", called["id"])
        await done(business.admin, "shiftPause", counterId=counter)
        clock.advance(seconds=90)
        await done(business.admin, "shiftResume", counterId=counter)
        last = (await business.call_next(queue, counter))["session"]
        await business.act("sessionStart", last["id"])
        await done(business.admin, "shiftPause", counterId=counter)
        clock.advance(seconds=30)
        ended = await done(business.admin, "shiftEnd", counterId=counter, notes="Quiet day.")
        # Times of a queue never stand still, not even with the clock: a microsecond each.
        assert ended["servedCount"] == 2
        assert ended["averageServiceSeconds"] == pytest.approx(90.0, abs=0.001)
        assert (ended["breakSeconds"], ended["pausedAt"], ended["notes"]) == (120.0, None, "Quiet day.")
        assert datetime.fromisoformat(ended["endedAt"]) == clock.now()
        completed = await business.act("sessionComplete", last["id"])
        assert completed["__typename"] == "SessionCompleteSuccess", "whoever is still served is completed all the same"
        assert completed["session"]["serviceSeconds"] == pytest.approx(30.0, abs=0.001)
        await assert_sound(api, queue)
