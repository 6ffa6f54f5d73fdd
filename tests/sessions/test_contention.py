"""Everything at once, each in a transaction of its own; afterwards the logs are read and have to be sound."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from app.core.errors import UserFacingError
from app.core.ids import decode, encode
from app.counters import service as counters
from app.queues import service as queues
from app.queues.errors import QueueFull
from app.queues.errors import QueuePaused as QueuePausedRefusal
from app.queues.line import lock
from app.queues.models import Queue
from app.sessions import calls, service
from app.sessions.calls import ReturnPlace
from app.sessions.errors import AlreadyWaiting, CounterBusy, IllegalTransition, NobodyWaiting
from app.sessions.models import Session
from app.sessions.service import JoinRequest
from app.tenants.errors import LimitReached
from tests.support.api import Api, Business, key_of
from tests.support.contenders import Hall, all_at_once, attempt, work
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, read_queue
from tests.support.waiting import eventually

CONNECTIONS = 16


@pytest.fixture(scope="module")
async def db(api: Api) -> AsyncIterator[Database]:
    """Connections of the contenders."""
    database = Database(
        role_url(api.runtime.settings, APP_ROLE),
        secret=api.runtime.settings.secret,
        pool_size=CONNECTIONS,
        name="contenders",
    )
    yield database
    await database.dispose()


async def open_hall(
    business: Business, queue_count: int, counter_count: int, **config: object
) -> tuple[Hall, list[str]]:
    """Queues, and counters that serve them all."""
    queue_ids = [await business.queue(**config) for _ in range(queue_count)]
    counter_ids = [await business.counter(*queue_ids) for _ in range(counter_count)]
    url = role_url(business.api.runtime.settings, APP_ROLE)
    hall = Hall(
        url,
        business.api.runtime.settings.secret,
        tenant_of(queue_ids[0]),
        [key_of("Queue", id) for id in queue_ids],
        [key_of("Counter", id) for id in counter_ids],
    )
    return hall, queue_ids


def tenant_of(queue_id: str) -> UUID:
    return decode("Queue", queue_id).tenant_id


async def fill(db: Database, hall: Hall, queue_id: UUID, count: int) -> None:
    """People of random priorities."""
    priorities = Random(count).choices([0, 0, 0, 2, 5], k=count)
    joined = await all_at_once(
        db, hall.tenant_id, [(service.join, JoinRequest(queue_id, priority=priority)) for priority in priorities]
    )
    assert all(isinstance(one, Session) for one in joined)


async def test_a_crowd_of_staff_calls_everybody_once_and_in_order(api: Api, business: Business, db: Database) -> None:
    """Twelve counters on one queue of several hundred; two of them call from a second queue as well."""
    hall, queue_ids = await open_hall(business, 2, 12)
    main, side = hall.queue_ids
    await fill(db, hall, main, 200)
    await fill(db, hall, side, 20)
    called: list[UUID] = []

    async def staff(number: int, counter_id: UUID) -> None:
        random, sources = Random(number), [main, side] if number < 2 else [main]
        while sources:
            queue_id = random.choice(sources)
            answer = await attempt(db, hall.tenant_id, calls.call_next, queue_id, counter_id)
            if isinstance(answer, NobodyWaiting):
                sources.remove(queue_id)
            else:
                assert isinstance(answer, Session), answer
                called.append(answer.id)
                gone = await attempt(db, hall.tenant_id, calls.mark_no_show, answer.id)
                assert isinstance(gone, Session)

    await asyncio.gather(*(staff(number, id) for number, id in enumerate(hall.counter_ids)))
    assert len(called) == len(set(called)) == 220
    await assert_sound(api, *queue_ids)


async def test_two_queues_call_to_one_counter_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 4, 1)
    for queue_id in hall.queue_ids:
        await fill(db, hall, queue_id, 8)
    for _ in range(8):
        answers = await all_at_once(
            db,
            hall.tenant_id,
            [(calls.call_next, id, hall.counter_ids[0]) for id in hall.queue_ids],
        )
        called = [one for one in answers if isinstance(one, Session)]
        assert len(called) == 1
        assert Counter(type(one) for one in answers) == {Session: 1, CounterBusy: 3}
        await attempt(db, hall.tenant_id, calls.mark_no_show, called[0].id)
    await assert_sound(api, *queue_ids)


async def test_one_session_called_by_many(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 8)
    await fill(db, hall, hall.queue_ids[0], 1)
    (only,) = (await read_queue(db, hall.tenant_id, hall.queue_ids[0])).sessions
    answers = await all_at_once(
        db,
        hall.tenant_id,
        [
            (calls.call, only.id, id) if number % 2 else (calls.call_next, hall.queue_ids[0], id)
            for number, id in enumerate(hall.counter_ids)
        ],
    )
    assert sum(isinstance(one, Session) for one in answers) == 1
    assert all(isinstance(one, Session | IllegalTransition | NobodyWaiting) for one in answers)
    await assert_sound(api, *queue_ids)


async def test_joiners_at_once_never_exceed_the_capacity_by_one(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 1, capacity=40)
    (queue_id,) = hall.queue_ids
    answers = await all_at_once(db, hall.tenant_id, [(service.join, JoinRequest(queue_id)) for _ in range(100)])
    assert Counter(type(one) for one in answers) == {Session: 40, QueueFull: 60}
    numbers = sorted(one.ticket_serial for one in answers if isinstance(one, Session))
    assert numbers == list(range(1, 41))
    await assert_sound(api, *queue_ids, expected={queue_ids[0]: Expected(capacity=40)})


async def test_a_capacity_that_changes_while_people_join(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 4, capacity=5)
    (queue_id,) = hall.queue_ids

    async def join() -> None:
        for _ in range(12):
            await attempt(db, hall.tenant_id, service.join, JoinRequest(queue_id))

    async def change() -> None:
        for capacity in (9, 3, 14, None, 2, 20, 6, 11):
            await attempt(db, hall.tenant_id, queues.update, queue_id, {"capacity": capacity})

    async def call(counter_id: UUID) -> None:
        for _ in range(6):
            answer = await attempt(db, hall.tenant_id, calls.call_next, queue_id, counter_id)
            if isinstance(answer, Session):
                await attempt(db, hall.tenant_id, calls.mark_no_show, answer.id)

    await asyncio.gather(*(join() for _ in range(8)), change(), *(call(id) for id in hall.counter_ids))
    await assert_sound(api, *queue_ids, expected={queue_ids[0]: Expected(capacity=5)})


async def test_one_person_joins_many_times_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 1)
    request = JoinRequest(hall.queue_ids[0], user_identifier="ada")
    answers = await all_at_once(db, hall.tenant_id, [(service.join, request) for _ in range(24)])
    assert Counter(type(one) for one in answers) == {Session: 1, AlreadyWaiting: 23}
    (place,) = [one for one in answers if isinstance(one, Session)]
    assert {one.session_id for one in answers if isinstance(one, AlreadyWaiting)} == {place.id}
    await assert_sound(api, *queue_ids)


async def test_one_key_many_times_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 1)
    (queue_id,), (counter_id,) = hall.queue_ids, hall.counter_ids
    request = JoinRequest(queue_id, user_identifier="ada")
    joined = await all_at_once(db, hall.tenant_id, [(service.join, request, "k") for _ in range(24)])
    assert len({one.id for one in joined if isinstance(one, Session)}) == 1
    assert len([one for one in joined if isinstance(one, Session)]) == 24
    await fill(db, hall, queue_id, 5)
    called = await all_at_once(db, hall.tenant_id, [(calls.call_next, queue_id, counter_id, "k") for _ in range(24)])
    assert len({one.id for one in called if isinstance(one, Session)}) == 1
    assert len([one for one in called if isinstance(one, Session)]) == 24
    await assert_sound(api, *queue_ids)


async def test_nobody_is_called_after_the_pause(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 10)
    (queue_id,) = hall.queue_ids
    await fill(db, hall, queue_id, 90)
    called = 0

    async def staff(counter_id: UUID) -> None:
        nonlocal called
        while True:
            answer = await attempt(db, hall.tenant_id, calls.call_next, queue_id, counter_id)
            if isinstance(answer, QueuePausedRefusal):
                return
            assert isinstance(answer, Session), answer
            called += 1
            number = called
            await attempt(db, hall.tenant_id, calls.mark_no_show, answer.id)
            if number == 40:
                await attempt(db, hall.tenant_id, queues.pause, queue_id)

    await asyncio.gather(*(staff(id) for id in hall.counter_ids))
    assert 40 <= called < 60
    stored = await assert_sound(api, *queue_ids)
    types = [event.type for event in stored[queue_ids[0]].events]
    assert "SESSION_CALLED" not in types[types.index("QUEUE_PAUSED") :]


async def test_transfers_in_both_directions_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 3, 1)
    for queue_id in hall.queue_ids:
        await fill(db, hall, queue_id, 10)
    everybody = [row.id for id in hall.queue_ids for row in (await read_queue(db, hall.tenant_id, id)).sessions]
    random = Random(7)

    async def mover() -> None:
        for _ in range(12):
            id, to = random.choice(everybody), random.choice(hall.queue_ids)
            await attempt(db, hall.tenant_id, service.transfer, id, to)
            await attempt(db, hall.tenant_id, service.step_back, random.choice(everybody), 2)

    await asyncio.gather(*(mover() for _ in range(CONNECTIONS - 2)))
    stored = await assert_sound(api, *queue_ids)
    assert sum(one.line.waiting_count for one in stored.values()) == 30


async def test_a_verb_whose_session_was_moved_meanwhile_does_not_deadlock(
    api: Api, business: Business, db: Database
) -> None:
    """It waits for the queue the session was in, and has to ask for the other one without keeping the first."""
    hall, queue_ids = await open_hall(business, 2, 1)
    low, high = sorted(hall.queue_ids)
    await fill(db, hall, high, 2)
    await fill(db, hall, low, 1)
    mover, _ = (await read_queue(db, hall.tenant_id, high)).sessions
    (comer,) = (await read_queue(db, hall.tenant_id, low)).sessions
    async with db.write(hall.tenant_id) as tx:
        await lock(tx, high)
        # Both wait now: one for `high`, to find that the session has gone to `low`; one for `low`, to go to `high`.
        held = asyncio.create_task(business.act("sessionHold", encode("Session", hall.tenant_id, mover.id)))
        await _waiting_for_locks(db, 1)
        await service.transfer(tx, mover.id, low)
        moved = asyncio.create_task(attempt(db, hall.tenant_id, service.transfer, comer.id, high))
        await _waiting_for_locks(db, 2)
    assert (await held)["__typename"] == "SessionHoldSuccess"
    assert isinstance(await moved, Session)
    await assert_sound(api, *queue_ids)


async def test_a_counter_renamed_while_it_calls_does_not_deadlock(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 1)
    (queue_id,), (counter_id,) = hall.queue_ids, hall.counter_ids
    await fill(db, hall, queue_id, 1)
    async with db.write(hall.tenant_id) as tx:
        await lock(tx, queue_id)
        called = asyncio.create_task(attempt(db, hall.tenant_id, calls.call_next, queue_id, counter_id))
        await _waiting_for_locks(db, 1)
        renamed = asyncio.create_task(attempt(db, hall.tenant_id, counters.update, counter_id, {"name": "Other"}, None))
        await _waiting_for_locks(db, 2)
    assert isinstance(await called, Session)
    assert not isinstance(await renamed, UserFacingError)
    await assert_sound(api, *queue_ids)


async def test_shifts_that_come_and_go_while_people_are_served(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 2, 3)
    for queue_id in hall.queue_ids:
        await fill(db, hall, queue_id, 15)
    counter_ids = [
        counter["id"]
        for counter in (
            await business.admin("query($id: ID!) { queue(id: $id) { counters { id } } }", id=queue_ids[0])
        )["counters"]
    ]

    async def shifts() -> None:
        for counter_id in counter_ids * 2:
            for verb in ("shiftStart", "shiftPause", "shiftResume", "shiftEnd"):
                name = verb[0].upper() + verb[1:]
                answer = await business.admin(
                    f"mutation($i: {name}Input!) {{ {verb}(input: $i) {{ __typename }} }}", i={"counterId": counter_id}
                )
                assert answer["__typename"] == f"{name}Success"

    await asyncio.gather(
        shifts(), *(work(hall, id, number, db, rounds=12) for number, id in enumerate(hall.counter_ids))
    )
    await assert_sound(api, *queue_ids)


async def test_everything_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 3, 8, capacity=25)
    for queue_id in hall.queue_ids:
        await fill(db, hall, queue_id, 15)
    await asyncio.gather(*(work(hall, id, number, db, rounds=10) for number, id in enumerate(hall.counter_ids)))
    await assert_sound(api, *queue_ids, expected={id: Expected(capacity=25) for id in queue_ids})


async def test_back_to_the_line_and_called_again_at_once(api: Api, business: Business, db: Database) -> None:
    hall, queue_ids = await open_hall(business, 1, 6)
    (queue_id,) = hall.queue_ids
    await fill(db, hall, queue_id, 8)

    async def bounce(counter_id: UUID) -> None:
        for _ in range(15):
            answer = await attempt(db, hall.tenant_id, calls.call_next, queue_id, counter_id)
            assert isinstance(answer, Session)
            place = ReturnPlace.ORIGINAL if answer.ticket_serial % 2 else ReturnPlace.LAST
            await attempt(db, hall.tenant_id, calls.return_to_queue, answer.id, place)

    await asyncio.gather(*(bounce(id) for id in hall.counter_ids))
    stored = await assert_sound(api, *queue_ids)
    assert stored[queue_ids[0]].line.waiting_count == 8


async def _waiting_for_locks(db: Database, count: int) -> None:
    async def waiting() -> bool:
        async with db.read(None) as tx:
            found = await tx.exec(  # type: ignore[call-overload]
                text(
                    "select count(*) from pg_stat_activity"
                    " where wait_event_type = 'Lock' and application_name in ('contenders', 'vq api app')"
                    " and datname = current_database()"
                )
            )
            return bool(found.scalar_one() == count)

    await eventually(waiting)


async def test_no_more_queues_than_the_tenant_may_have_however_many_are_made_at_once(api: Api, db: Database) -> None:
    business = await api.new_business(limits={"queues": 3})
    tenant_id = tenant_of(await business.queue())
    answers = await all_at_once(
        db, tenant_id, [(queues.create, queues.QueueConfig("Queue", f"q-{number}")) for number in range(10)]
    )
    assert Counter(type(one) for one in answers) == {Queue: 2, LimitReached: 8}


async def test_no_more_people_than_the_tenant_may_have_waiting_in_all_its_queues(api: Api, db: Database) -> None:
    business = await api.new_business(limits={"waiting_sessions": 10})
    hall, queue_ids = await open_hall(business, 4, 1)
    answers = await all_at_once(
        db, hall.tenant_id, [(service.join, JoinRequest(hall.queue_ids[number % 4])) for number in range(40)]
    )
    assert Counter(type(one) for one in answers) == {Session: 10, LimitReached: 30}
    await assert_sound(api, *queue_ids)
