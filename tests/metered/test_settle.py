"""What happens in a metered line by itself: under a clock that stands still until it is moved.

But for the microseconds by which one change of a line is after the other, which is why times here are not quite round.
"""

from datetime import timedelta

from app.queues import service as queues
from app.sessions import calls, service
from app.sessions.calls import ReturnPlace
from tests.metered.world import START, Opened, World

CALLED, WAITING, SERVING, NO_SHOW, EXPIRED = "CALLED", "WAITING", "SERVING", "NO_SHOW", "EXPIRED"


async def test_who_comes_to_free_places_is_let_straight_in(world: World) -> None:
    first = await world.join()
    assert (first.status, first.call_count, first.admission_number) == (CALLED, 1, 1)
    assert first.called_at is not None
    assert first.expires_at == first.called_at + timedelta(seconds=60)
    stored = await world.stored()
    assert [event.type for event in stored.events] == ["QUEUE_CREATED", "SESSION_JOINED", "SESSION_RELEASED"]
    assert (stored.line.waiting_count, stored.line.called_count, stored.line.release_count) == (0, 1, 1)


async def test_the_next_release_waits_for_its_slot(world: World) -> None:
    people = await world.crowd(3)
    assert await world.statuses(people) == [CALLED, WAITING, WAITING]
    await world.after(0.99)
    assert await world.statuses(people) == [CALLED, WAITING, WAITING]
    await world.after(0.02)
    assert await world.statuses(people) == [CALLED, CALLED, WAITING]
    await world.after(10)
    # The cap is two.
    assert await world.statuses(people) == [CALLED, CALLED, WAITING]


async def test_a_place_that_is_left_is_taken_by_the_same_commit(world: World) -> None:
    people = await world.crowd(4)
    await world.after(5)
    await world.after(5)
    await world.enter(people[0])
    await world.leave(people[0])
    assert await world.statuses(people) == ["COMPLETED", CALLED, CALLED, WAITING]
    await world.after(5)
    await world.do(service.cancel, people[1].id)
    assert await world.statuses(people) == ["COMPLETED", "CANCELLED", CALLED, CALLED]
    stored = await world.stored()
    # One transaction each: nothing came between.
    types = [event.type for event in stored.events]
    assert types[types.index("SESSION_COMPLETED") + 1] == "SESSION_RELEASED"
    assert types[types.index("SESSION_CANCELLED") + 1] == "SESSION_RELEASED"


async def test_who_does_not_come_in_time_is_a_no_show_and_the_next_one_is_let_in(world: World) -> None:
    people = await world.crowd(3)
    await world.after(5)
    await world.after(54.99)
    assert await world.statuses(people) == [CALLED, CALLED, WAITING]
    await world.after(0.02)
    assert await world.statuses(people) == [NO_SHOW, CALLED, CALLED]


async def test_whose_stay_is_over_has_to_go(world: World) -> None:
    people = await world.crowd(3)
    await world.after(30)
    for person in people[:2]:
        await world.enter(person)
    await world.after(59.99)
    assert await world.statuses(people) == [SERVING, SERVING, WAITING]
    await world.after(0.02)
    assert await world.statuses(people) == [EXPIRED, EXPIRED, CALLED]
    stored = await world.stored()
    # Estimates have to know how long a place is taken, whoever says goodbye.
    assert round(stored.line.service_seconds_mean or 0, 1) == 60
    assert all(row.expires_at is None for row in stored.sessions if row.ended_at is not None)


async def test_without_timers_nobody_loses_anything(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=1)
    people = await world.crowd(2)
    await world.after(10_000_000)
    assert await world.statuses(people) == [CALLED, WAITING]
    await world.enter(people[0])
    await world.after(10_000_000)
    assert await world.statuses(people) == [SERVING, WAITING]
    assert (await world.stored()).line.due_at is None


async def test_more_places_and_a_higher_rate_count_at_once(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=1, release_rate_per_minute=1)
    people = await world.crowd(5)
    assert await world.statuses(people) == [CALLED] + [WAITING] * 4
    await world.change(max_concurrent_users=3)
    assert await world.statuses(people) == [CALLED] + [WAITING] * 4
    await world.change(release_rate_per_minute=None)
    assert await world.statuses(people) == [CALLED] * 3 + [WAITING] * 2
    await world.change(max_concurrent_users=None)
    assert await world.statuses(people) == [CALLED] * 5


async def test_a_higher_rate_does_not_wait_for_the_slot_of_the_slower_one(opened: Opened) -> None:
    world = await opened.world(release_rate_per_minute=1)
    people = await world.crowd(3)
    await world.change(release_rate_per_minute=60)
    await world.after(1.01)
    assert await world.statuses(people) == [CALLED, CALLED, WAITING]
    await world.after(1.01)
    assert await world.statuses(people) == [CALLED] * 3


async def test_a_lower_rate_looks_back_on_what_was_released(opened: Opened) -> None:
    world = await opened.world(release_rate_per_minute=None)
    await world.crowd(10)
    await world.change(release_rate_per_minute=5)
    late = await world.join()
    await world.after(59)
    assert await world.statuses([late]) == [WAITING]
    await world.after(1.1)
    assert await world.statuses([late]) == [CALLED]


async def test_a_lower_cap_sends_nobody_away_and_lets_nobody_in(world: World) -> None:
    people = await world.crowd(3)
    await world.after(1.01)
    for person in people[:2]:
        await world.enter(person)
    await world.change(max_concurrent_users=1)
    await world.leave(people[0])
    assert await world.statuses(people) == ["COMPLETED", SERVING, WAITING]
    await world.after(1.01)
    await world.leave(people[1])
    assert await world.statuses(people) == ["COMPLETED", "COMPLETED", CALLED]


async def test_nobody_is_released_while_the_queue_is_held_paused_or_in_maintenance(opened: Opened) -> None:
    world = await opened.world(release_rate_per_minute=60)
    for stop, go in [
        ((queues.pause,), (queues.resume,)),
        ((queues.start_maintenance,), (queues.open_queue,)),
    ]:
        await world.do(stop[0], world.queue.id)
        if stop[0] is queues.pause:
            person = await world.join()
            await world.after(100)
            assert await world.statuses([person]) == [WAITING]
        await world.do(go[0], world.queue.id)
        await world.settle()
        assert await world.statuses([person]) == [CALLED]
    await world.change(queue_all=True)
    person = await world.join()
    await world.after(100)
    assert await world.statuses([person]) == [WAITING]
    await world.change(queue_all=False)
    assert await world.statuses([person]) == [CALLED]


async def test_a_closed_queue_goes_on_with_those_who_wait(world: World) -> None:
    people = await world.crowd(2)
    await world.do(queues.close, world.queue.id)
    await world.after(1.01)
    assert await world.statuses(people) == [CALLED, CALLED]


async def test_on_hold_one_is_passed_over_and_let_in_at_the_place_one_had(world: World) -> None:
    people = await world.crowd(5)
    await world.after(1.01)
    await world.do(service.put_on_hold, people[2].id)
    await world.do(service.cancel, people[0].id)
    await world.after(1.01)
    assert await world.statuses(people) == ["CANCELLED", CALLED, WAITING, CALLED, WAITING]
    await world.do(service.unhold, people[2].id)
    await world.after(1.01)
    await world.do(service.cancel, people[1].id)
    assert await world.statuses(people) == ["CANCELLED", "CANCELLED", CALLED, CALLED, WAITING]


async def test_who_is_put_back_gives_the_place_to_the_next_and_is_let_in_again(world: World) -> None:
    people = await world.crowd(3)
    await world.after(1.01)
    await world.enter(people[0])
    await world.after(1.01)
    back = await world.do(calls.return_to_queue, people[0].id, ReturnPlace.LAST)
    assert back.status == WAITING
    assert await world.statuses(people) == [WAITING, CALLED, CALLED]
    await world.after(1.01)
    await world.do(service.cancel, people[1].id)
    assert await world.statuses(people) == [CALLED, "CANCELLED", CALLED]
    again = next(row for row in (await world.stored()).sessions if row.id == people[0].id)
    assert again.call_count == 2


async def test_a_transfer_frees_a_place_here_and_takes_one_there(opened: Opened) -> None:
    here = await opened.world(max_concurrent_users=1)
    there = await opened.world(clock=here.clock, max_concurrent_users=1)
    people = await here.crowd(2)
    moved = await here.do(service.transfer, people[0].id, there.queue.id)
    assert (moved.status, moved.queue_id) == (CALLED, there.queue.id)
    assert await here.statuses(people[1:]) == [CALLED]


async def test_what_a_verb_answers_with_shows_the_release_that_follows(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=1)
    people = await world.crowd(2)
    held = await world.do(service.put_on_hold, people[1].id)
    assert held.held_at is not None
    await world.do(service.cancel, people[0].id)
    unheld = await world.do(service.unhold, people[1].id)
    assert (unheld.status, unheld.held_at, unheld.admission_number) == (CALLED, None, 1)


async def test_two_thousand_places_are_filled_in_portions(opened: Opened) -> None:
    world = await opened.world(queue_all=True, max_concurrent_users=450)
    await world.crowd(460)
    await world.change(queue_all=False)
    stored = await world.stored()
    assert stored.line.called_count == 200
    assert stored.line.due_at is not None
    assert stored.line.due_at < START + timedelta(milliseconds=1)
    await world.after(0.01)
    stored = await world.stored()
    assert (stored.line.called_count, stored.line.waiting_count, stored.line.due_at) == (450, 10, None)
    released = [event.data["session"]["id"] for event in stored.events if event.type == "SESSION_RELEASED"]
    joined = [event.data["session"]["id"] for event in stored.events if event.type == "SESSION_JOINED"]
    assert released == joined[:450]
