"""Calls that commit together, and everything mixed: each counter calls whom it would have called alone."""

import asyncio
from random import Random
from uuid import uuid4

from app.core.errors import NotFound
from app.counters.errors import CounterNotServingQueue
from app.queues.errors import MaxConcurrentReached
from app.queues.line import lock
from app.sessions.calls import Called
from app.sessions.errors import CounterBusy, NobodyWaiting
from tests.support.api import CALL_NEXT, JOIN, Api, Business, key_of
from tests.support.doors import Door, Doors, names
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound


async def counters_of(business: Business, queue_id: str, count: int) -> list[str]:
    return list(await asyncio.gather(*(business.counter(queue_id) for _ in range(count))))


async def together(door: Door, calls: list[tuple[object, str | None]]) -> list[Called | BaseException]:
    """All at once, behind the line's lock."""
    async with door.db.write(door.queue.tenant_id) as tx:
        await lock(tx, door.queue.id)
        tasks = [asyncio.create_task(door.call_next(id, key)) for id, key in calls]  # type: ignore[arg-type]
        await door.waiting_for_lock()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_fifty_counters_call_at_once(api: Api, business: Business, doors: Doors) -> None:
    queue_id = await business.queue()
    door = doors.to(queue_id)
    counter_ids = [key_of("Counter", id) for id in await counters_of(business, queue_id, 50)]
    joined = await door.all([{}] * 45)

    answers = await together(door, [(id, None) for id in counter_ids])

    # In order of coming: the first counter has the first in line.
    assert [one.session.id for one in answers if isinstance(one, Called)] == [one.id for one in joined]  # type: ignore[union-attr]
    assert names(answers) == {"Called": 45, "NobodyWaiting": 5}
    assert all(isinstance(one, NobodyWaiting) for one in answers[45:])
    await assert_sound(api, queue_id)


async def test_each_call_has_its_own_refusal(api: Api, business: Business, doors: Doors) -> None:
    queue_id = await business.queue(maxConcurrentUsers=4)
    door = doors.to(queue_id)
    good = [key_of("Counter", id) for id in await counters_of(business, queue_id, 6)]
    elsewhere = key_of("Counter", await business.counter(await business.queue()))
    await door.all([{}] * 20)

    answers = await together(
        door,
        [
            (good[0], "k"),
            (good[0], None),
            (good[0], "k"),
            (elsewhere, None),
            (uuid4(), None),
            (good[1], "k"),
            (good[1], "x" * 201),
            *((id, None) for id in good[1:]),
        ],
    )

    wanted = ["Called", "CounterBusy", "Called", "CounterNotServingQueue", "NotFound", "IdempotencyConflict"]
    wanted += ["InvalidInput", "Called", "Called", "Called", "MaxConcurrentReached", "MaxConcurrentReached"]
    assert [type(one).__name__ for one in answers] == wanted
    first, busy, again, not_serving, missing, *_ = answers
    assert isinstance(first, Called)
    assert isinstance(again, Called)
    assert isinstance(busy, CounterBusy)
    assert isinstance(not_serving, CounterNotServingQueue)
    assert isinstance(missing, NotFound)
    assert isinstance(answers[-1], MaxConcurrentReached)
    assert first.session.id == again.session.id == busy.session_id
    await assert_sound(api, queue_id, expected={queue_id: Expected(max_concurrent_users=4)})


async def test_two_queues_that_call_to_the_same_counters_at_once(api: Api, business: Business, doors: Doors) -> None:
    queue_ids = [await business.queue() for _ in range(2)]
    counter_ids = [key_of("Counter", await business.counter(*queue_ids)) for _ in range(8)]
    sides = [doors.to(queue_id) for queue_id in queue_ids]
    for side in sides:
        await side.all([{}] * 8)

    answers = await asyncio.gather(
        *(side.call_next(id) for side, ids in zip(sides, (counter_ids, counter_ids[::-1]), strict=True) for id in ids),
        return_exceptions=True,
    )

    assert names(answers) == {"Called": 8, "CounterBusy": 8}
    assert len({one.session.counter_id for one in answers if isinstance(one, Called)}) == 8
    await assert_sound(api, *queue_ids)


async def test_joins_calls_and_cancellations_mixed(api: Api, business: Business) -> None:
    queue_id = await business.queue(capacity=150)
    counter_ids = await counters_of(business, queue_id, 30)
    early = [await business.join(queue_id) for _ in range(20)]
    work = [
        *(api.anonymous(JOIN, i={"queueId": queue_id, "userIdentifier": f"p {number}"}) for number in range(150)),
        *(business.admin(CALL_NEXT, i={"queueId": queue_id, "counterId": id}) for id in counter_ids),
        *(business.act("sessionCancel", one.id) for one in early),
    ]
    Random(3).shuffle(work)

    answers = await asyncio.gather(*work)

    names_of = {answer["__typename"] for answer in answers}
    assert names_of <= {
        "QueueJoinSuccess",
        "QueueFullError",
        "QueueCallNextSuccess",
        "SessionCancelSuccess",
        "IllegalTransitionError",
        "NobodyWaitingError",
    }
    called = [one["session"]["id"] for one in answers if one["__typename"] == "QueueCallNextSuccess"]
    assert len(called) == len(set(called)) >= 20
    stored = await assert_sound(api, queue_id, expected={queue_id: Expected(capacity=150)})
    assert len(stored[queue_id].sessions) == len(early) + sum(
        one["__typename"] == "QueueJoinSuccess" for one in answers
    )
