"""Joins that commit together: each gets what it would have got alone, whatever happens to its neighbours.

Two `Door`s on one queue stand for two API processes: nothing is shared between them but the database.
"""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from app.core.db.outage import is_worth_another_try
from app.core.errors import InvalidInput, NotFound
from app.core.idempotency import IdempotencyConflict
from app.core.ids import Ref
from app.queues.errors import QueueFull
from app.queues.line import lock
from app.sessions.errors import AlreadyWaiting, PriorityNotAllowed
from app.sessions.models import Joined
from tests.support.api import JOIN, Api, Business
from tests.support.doors import Doors, join_of, names
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, read_queue
from tests.support.waiting import eventually


async def test_five_hundred_at_once_with_bad_ones_among_them(api: Api, business: Business, doors: Doors) -> None:
    queue_id = await business.queue(visitorMaxPriority=3)
    door = doors.to(queue_id)
    await door.join(user_identifier="ada")
    bad: dict[int, tuple[dict[str, object], type[Exception]]] = {
        7: ({"party_size": 0}, InvalidInput),
        50: ({"user_identifier": "a\0b"}, InvalidInput),
        51: ({"key": "k" * 201}, InvalidInput),
        100: ({"user_identifier": "ada"}, AlreadyWaiting),
        # The same person as number 3, in the same batch.
        150: ({"user_identifier": "person 3"}, AlreadyWaiting),
        211: ({"category_id": uuid4()}, NotFound),
        333: ({"priority": 4}, PriorityNotAllowed),
        499: ({"metadata": {"much": "x" * 9000}}, InvalidInput),
    }
    wanted = [bad[number][0] if number in bad else {"user_identifier": f"person {number}"} for number in range(500)]

    answers = await door.all(wanted)

    for number, answer in enumerate(answers):
        assert isinstance(answer, bad[number][1] if number in bad else Joined), (number, answer)
    assert isinstance(answers[150], AlreadyWaiting)
    assert isinstance(answers[3], Joined)
    assert answers[150].session_id == answers[3].id
    # In order of coming, without a gap for those who were refused.
    assert [one.ticket_serial for one in answers if isinstance(one, Joined)] == list(range(2, 494))
    await assert_sound(api, queue_id)


async def test_a_capacity_is_exact_however_many_processes_let_people_in(
    api: Api, business: Business, doors: Doors
) -> None:
    queue_id = await business.queue(capacity=130)
    here, there = doors.to(queue_id), doors.to(queue_id)

    answers = await asyncio.gather(*(door.join() for _ in range(150) for door in (here, there)), return_exceptions=True)

    assert names(answers) == {"Joined": 130, "QueueFull": 170}
    full = [one for one in answers if isinstance(one, QueueFull)]
    assert {(one.capacity, one.waiting_count) for one in full} == {(130, 130)}
    await assert_sound(api, queue_id, expected={queue_id: Expected(capacity=130)})


async def test_one_key_within_a_batch_after_it_and_in_another_process(
    api: Api, business: Business, doors: Doors
) -> None:
    queue_id = await business.queue()
    here, there = doors.to(queue_id), doors.to(queue_id)

    answers = await here.all(
        [{}, *[{"key": "k", "user_identifier": "ada"}] * 20, {"key": "k", "user_identifier": "grace"}, {}]
    )
    again = await asyncio.gather(
        *(door.join(key="k", user_identifier="ada") for door in (here, there) for _ in range(5))
    )

    assert names(answers) == {"Joined": 22, "IdempotencyConflict": 1}
    assert isinstance(answers[21], IdempotencyConflict)
    (first,) = {one.id for one in answers[1:21] if isinstance(one, Joined)}
    assert {one.id for one in again} == {first}
    assert len((await read_queue(here.db, here.queue.tenant_id, here.queue.id)).sessions) == 3
    await assert_sound(api, queue_id)


async def test_one_key_in_two_queues_at_once_is_good_for_one(api: Api, business: Business, doors: Doors) -> None:
    """Each holds its own line, so that neither sees the other's key: the primary key decides, after that each alone."""
    queue_ids = [await business.queue() for _ in range(2)]
    sides = [doors.to(queue_id) for queue_id in queue_ids]
    keys = [f"key {number}" for number in range(20)]

    answers = await asyncio.gather(
        *(door.join(key=key) for keys_of, door in zip((keys, keys[::-1]), sides, strict=True) for key in keys_of),
        return_exceptions=True,
    )

    assert names(answers) == {"Joined": 20, "IdempotencyConflict": 20}
    await assert_sound(api, *queue_ids)


async def test_what_the_database_refuses_is_one_visitors_alone(api: Api, business: Business, doors: Doors) -> None:
    queue_id = await business.queue()
    door = doors.to(queue_id)
    # No caller's request id is as long as this: the column of the log cannot hold it, and no rule has looked at it.
    wanted: list[dict[str, object]] = [{"request_id": "x" * 500 if number == 20 else None} for number in range(40)]

    answers = await door.all(wanted)

    assert names(answers) == {"Joined": 39, "DataError": 1}
    assert isinstance(answers[20], DBAPIError)
    assert [one.ticket_serial for one in answers if isinstance(one, Joined)] == list(range(1, 40))
    await assert_sound(api, queue_id)


async def test_a_connection_that_is_killed_is_told_to_everybody_and_leaves_nothing(
    api: Api, business: Business, doors: Doors
) -> None:
    queue_id = await business.queue()
    door = doors.to(queue_id)
    wanted: list[dict[str, object]] = [{"key": f"key {number}"} for number in range(60)]
    async with api.runtime.dbs.system.write(None) as tx:
        # They hold the line, and wait for what they are about to write.
        await tx.rows("lock table sessions in share mode")
        first = asyncio.create_task(door.join(**wanted[0]))
        await door.waiting_for_lock()
        rest = [asyncio.create_task(door.join(**given)) for given in wanted[1:]]
        await asyncio.sleep(0)
        await _end(api, await door.waiting_backends())
        (problem,) = await asyncio.gather(first, return_exceptions=True)
        # The next batch is everybody else, and waits where the first did.
        await door.waiting_for_lock()
        await _end(api, await door.waiting_backends())
        problems = [problem, *await asyncio.gather(*rest, return_exceptions=True)]
    assert all(isinstance(one, Exception) and is_worth_another_try(one) for one in problems), names(problems)
    assert not (await read_queue(door.db, door.queue.tenant_id, door.queue.id)).sessions

    retried = await asyncio.gather(*(door.join(**given) for given in wanted for _ in range(2)))

    assert len({one.id for one in retried}) == 60
    assert len((await read_queue(door.db, door.queue.tenant_id, door.queue.id)).sessions) == 60
    await assert_sound(api, queue_id)


async def test_a_connection_that_is_killed_before_its_turn_is_another_one(
    api: Api, business: Business, doors: Doors
) -> None:
    queue_id = await business.queue()
    door = doors.to(queue_id)
    async with door.db.write(door.queue.tenant_id) as tx:
        await lock(tx, door.queue.id)
        joining = asyncio.create_task(door.join())
        await door.waiting_for_lock()
        (backend,) = await door.waiting_backends()
        await _end(api, [backend])

        async def waits_again() -> bool:
            return await door.waiting_backends() not in ([], [backend])

        await eventually(waits_again)
    assert isinstance(await joining, Joined)
    await assert_sound(api, queue_id)


async def test_what_has_committed_is_not_done_again_because_its_announcement_failed(
    api: Api, business: Business, doors: Doors
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a bug in what is told of a commit")

    queue_id = await business.queue()
    door = doors.to(queue_id)
    door.db.on_recorded = fail
    answers = await door.all([{}] * 5)
    assert sorted(answer.ticket_serial for answer in answers if isinstance(answer, Joined)) == [1, 2, 3, 4, 5]
    assert (await door.join()).ticket_serial == 6
    await assert_sound(api, queue_id)


async def test_whoever_gives_up_takes_nobody_along(api: Api, business: Business, doors: Doors) -> None:
    queue_id = await business.queue()
    door = doors.to(queue_id)
    async with door.db.write(door.queue.tenant_id) as tx:
        await lock(tx, door.queue.id)
        people = range(90)
        tasks = {number: asyncio.create_task(door.join(user_identifier=f"person {number}")) for number in people[:30]}
        await door.waiting_for_lock()
        tasks |= {number: asyncio.create_task(door.join(user_identifier=f"person {number}")) for number in people[30:]}
        await asyncio.sleep(0)
        for number in (0, 10, 29, 30, 41, 89):
            tasks[number].cancel()
    answers = await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert names(answers) == {"Joined": 84, "CancelledError": 6}
    # Whoever was in the transaction already is in line, answered or not; who waited for a turn has left no trace.
    rows = (await read_queue(door.db, door.queue.tenant_id, door.queue.id)).sessions
    found = [row.user_identifier for row in sorted(rows, key=lambda row: row.ticket_serial)]
    assert found == [f"person {number}" for number in people if number not in (30, 41, 89)]
    await assert_sound(api, queue_id)


async def test_clients_that_hang_up(api: Api, business: Business) -> None:
    queue_id = await business.queue()
    tasks = [asyncio.create_task(api.anonymous(JOIN, i={"queueId": queue_id})) for _ in range(120)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [one for one in answers if isinstance(one, dict)]
    assert len(kept) >= 80
    assert {one["__typename"] for one in kept} == {"QueueJoinSuccess"}
    assert len({one["session"]["ticketNumber"] for one in kept}) == len(kept)
    await assert_sound(api, queue_id)


async def test_a_queue_that_is_not_there_is_nobodys(business: Business, doors: Doors) -> None:
    door = doors.to(await business.queue())
    nowhere = Ref(door.queue.tenant_id, uuid4())
    answers = await asyncio.gather(
        *(door.commands.join(nowhere, join_of(nowhere.id)) for _ in range(10)), return_exceptions=True
    )
    assert names(answers) == {"NotFound": 10}


async def test_answers_show_places_in_the_order_of_coming(api: Api, business: Business) -> None:
    queue_id = await business.queue()
    answers = await asyncio.gather(*(api.anonymous(JOIN, i={"queueId": queue_id}) for _ in range(150)))
    shown = {one["session"]["ticketNumber"]: one["session"]["position"] for one in answers}
    assert len(shown) == 150
    # Nobody has left: whoever has ticket number n is the nth, whichever revision the answer shows.
    assert all(int(ticket[1:]) == position for ticket, position in shown.items())
    await assert_sound(api, queue_id)


async def _end(api: Api, backends: Sequence[int]) -> None:
    assert len(backends) == 1
    async with api.runtime.dbs.app.write(None) as tx:
        await tx.rows("select pg_terminate_backend($1)", backends[0])
