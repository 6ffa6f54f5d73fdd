"""Every live feed while random things happen in two applications: right at every item, and in the end as a query is."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import pytest

from app.core.clock import SystemClock
from app.core.ids import decode
from app.sessions import calls, service
from app.sessions.models import Session
from tests.support.api import Api, Business, Caller, key_of, open_api
from tests.support.contenders import LAST, ORIGINAL, attempt
from tests.support.desk import Desk
from tests.support.feeds import (
    History,
    Watched,
    backwards,
    display_feed,
    event_feed,
    fresh_display,
    fresh_queue,
    fresh_session,
    left_out,
    queue_feed,
    same,
    session_feed,
    watching,
)
from tests.support.havoc import random_things
from tests.support.log_checks import check
from tests.support.queue_logs import disagreements, events_of, read_queue
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
async def second(api: Api) -> AsyncIterator[Api]:
    """Another application on the same database and bus."""
    async with open_api(api.runtime.settings, SystemClock()) as opened:
        yield opened


async def test_what_one_application_does_is_seen_through_another(desk: Desk, second: Api) -> None:
    first, visitor = await desk.join(), await desk.join()
    there = Caller(second, visitor.visitor.token)
    async with watching(there, session_feed(visitor.id), queue_feed(desk.queue), display_feed(desk.queue)) as feeds:
        mine, queue, display = [await feed.started() for feed in feeds]
        assert mine.last["position"] == 2
        await desk.call()
        await mine.shows(position=1, aheadCount=0)
        await queue.shows(waitingCount=1, calledCount=1)
        await eventually(lambda: display.last["queues"][0]["next"] == [visitor.ticket])
        assert display.last["queues"][0]["nowServing"][0]["ticketNumber"] == first.ticket
        await desk.do("sessionCancel", visitor)
        await mine.shows(status="CANCELLED")
        await eventually(lambda: mine.over)


@pytest.mark.parametrize("parked", [True, False])
@pytest.mark.parametrize("seed", range(2))
async def test_feeds_converge_and_are_never_wrong(
    api: Api, business: Business, second: Api, seed: int, parked: bool
) -> None:
    random = Random(seed)
    queue_ids = [await business.queue(), await business.queue(discipline="TIME_CREDIT")]
    counter_ids = [key_of("Counter", await business.counter(*queue_ids)) for _ in range(3)]
    keys = [key_of("Queue", id) for id in queue_ids]
    people = [await business.join(random.choice(queue_ids), priority=random.randrange(3)) for _ in range(9)]
    tenant_id = _tenant(queue_ids[0])
    admin = business.admin
    documents = [
        *(session_feed(one.id, parked=parked) for one in people),
        *(queue_feed(id) for id in queue_ids),
        display_feed(*queue_ids),
        *(event_feed(id, after=0) for id in queue_ids),
    ]
    async with watching(admin, *documents) as feeds:
        for feed in feeds:
            await feed.started()
        dbs = [api.runtime.dbs.app, second.runtime.dbs.app]
        await asyncio.gather(*(
            random_things(Random(seed * 10 + number), dbs, tenant_id, keys, counter_ids, 40) for number in range(3)
        ))  # fmt: skip
        sessions, rest = feeds[: len(people)], feeds[len(people) :]
        fresh = [await fresh_session(admin, one.id) for one in people]
        for feed, now in zip(sessions, fresh, strict=True):
            await _settles(feed, lambda feed=feed, now=now: same(feed.last, now), now)
        for feed, id in zip(rest[:2], queue_ids, strict=True):
            now = await fresh_queue(admin, id)
            await _settles(feed, lambda feed=feed, now=now: feed.last == now, now)
        display_now = await fresh_display(admin, *queue_ids)
        await _settles(rest[2], lambda: rest[2].last == display_now, display_now)
        histories = {id: History(await events_of(api, id)) for id in queue_ids}
        for feed, id in zip(rest[3:], queue_ids, strict=True):
            await eventually(lambda feed=feed, id=id: len(feed.items) == len(histories[id].events))
            assert [(item["revision"], item["type"]) for item in feed.items] == [
                (event.revision, event.type) for event in histories[id].events
            ]
    for feed in sessions:
        wrong = [what for item in feed.items for what in histories[item["queue"]["id"]].wrong_session(item)]
        assert not wrong, wrong
        assert not left_out(feed.items, histories), (left_out(feed.items, histories), feed.items)
        assert not backwards(feed.items)
    for feed, id in zip(rest[:2], queue_ids, strict=True):
        revisions = [item["revision"] for item in feed.items]
        assert revisions == sorted(set(revisions)), "each newer than the one before"
        assert not [what for item in feed.items for what in histories[id].wrong_queue(item)]
    wrong = [
        what for item in rest[2].items for one in item["queues"] for what in histories[one["id"]].wrong_display(one)
    ]
    assert not wrong, wrong
    await _sound(api, queue_ids)


@pytest.mark.parametrize("parked", [True, False])
async def test_a_feed_follows_a_session_that_is_moved_again_and_again(
    api: Api, business: Business, second: Api, parked: bool
) -> None:
    """Feeds begin while it moves: one that looked in the queue it had just left would never hear of it again."""
    queue_ids = [await business.queue() for _ in range(3)]
    keys = [key_of("Queue", id) for id in queue_ids]
    visitor = await business.join(queue_ids[0])
    session_id, tenant_id = key_of("Session", visitor.id), _tenant(queue_ids[0])
    moving = True

    async def move() -> None:
        random = Random(5)
        while moving:
            for _ in range(random.randrange(1, 6)):
                await attempt(second.runtime.dbs.app, tenant_id, service.transfer, session_id, random.choice(keys))
            await asyncio.sleep(0)

    mover = asyncio.create_task(move())
    try:
        async with watching(business.admin, *(session_feed(visitor.id, parked=parked) for _ in range(25))) as feeds:
            for feed in feeds:
                await feed.started()
            moving = False
            await mover
            await attempt(api.runtime.dbs.app, tenant_id, service.set_priority, session_id, 8)
            now = await fresh_session(business.admin, visitor.id)
            for feed in feeds:
                await _settles(feed, lambda feed=feed: same(feed.last, now), now)
    finally:
        moving = False
        await mover
    histories = {id: History(await events_of(api, id)) for id in queue_ids}
    for feed in feeds:
        wrong = [what for item in feed.items for what in histories[item["queue"]["id"]].wrong_session(item)]
        assert not wrong, wrong
        assert not backwards(feed.items)


@pytest.mark.parametrize("parked", [True, False])
async def test_every_step_of_a_burst_is_told(api: Api, desk: Desk, second: Api, parked: bool) -> None:
    """Steps that come faster than a subscriber is served: each is an item, in order, with the place it had then."""
    visitor = await desk.join()
    for _ in range(2):
        await desk.join()
    tenant_id, id = _tenant(desk.queue), key_of("Session", visitor.id)
    counter = key_of("Counter", desk.counter)
    async with watching(visitor.visitor, session_feed(visitor.id, parked=parked)) as (feed,):
        await feed.started()
        db = second.runtime.dbs.app
        for verb, *given in [
            (service.put_on_hold,),
            (service.unhold,),
            (service.set_priority, 4),
            (service.step_back, 1),
            (calls.call, counter),
            (calls.recall,),
            (calls.return_to_queue, ORIGINAL),
            (calls.call, counter),
            (calls.return_to_queue, LAST),
            (service.cancel,),
        ]:
            assert isinstance(await attempt(db, tenant_id, verb, id, *given), Session)
        await eventually(lambda: feed.over)
    histories = {desk.queue: History(await events_of(api, desk.queue))}
    assert not left_out(feed.items, histories)
    assert not [what for item in feed.items for what in histories[desk.queue].wrong_session(item)]
    assert not backwards(feed.items)
    own = [item for item in feed.items if item["revision"] > feed.items[0]["revision"]]
    assert [item["status"] for item in own] == ["WAITING"] * 4 + ["CALLED"] * 2 + ["WAITING", "CALLED", "WAITING"] + [
        "CANCELLED"
    ]


async def test_nonsense_on_the_bus_deafens_nobody(desk: Desk, second: Api) -> None:
    visitor = await desk.join()
    there = Caller(second, desk.business.admin.token)
    topic = f"queue:{key_of('Queue', desk.queue)}"
    unknown = b'[{"revision": 4, "type": "OF_A_LATER_RELEASE", "data": {}, "occurredAt": "2026-11-21T00:00:00+00:00"}]'
    async with watching(there, session_feed(visitor.id), queue_feed(desk.queue)) as (mine, queue):
        await mine.started()
        await queue.started()
        for nonsense in (b"", b"not json", b"{}", b"[{}]", b"[1]", b"null", unknown):
            await second.runtime.bus.publish(topic, nonsense)
        for priority in (3, 4):
            await desk.do("sessionSetPriority", visitor, priority=priority)
            await mine.shows(priority=priority)
        await queue.shows(**(await fresh_queue(there, desk.queue)))


async def test_a_feed_of_an_ended_session_is_one_item(desk: Desk) -> None:
    visitor = await desk.join()
    await desk.do("sessionCancel", visitor)
    async with watching(visitor.visitor, session_feed(visitor.id)) as (feed,):
        await eventually(lambda: feed.over)
        assert [item["status"] for item in feed.items] == ["CANCELLED"]


async def test_events_are_resumed_without_a_gap_or_a_repeat(api: Api, desk: Desk) -> None:
    for _ in range(4):
        await desk.join()
    admin = desk.business.admin
    async with watching(admin, event_feed(desk.queue), event_feed(desk.queue, 3), event_feed(desk.queue, 0)) as feeds:
        live, resumed, whole = feeds
        visitor = await desk.join()
        while not live.items:  # it has no first item that would tell that it has begun
            visitor = await desk.join()
        await desk.do("sessionCancel", visitor)
        log = [event.revision for event in await events_of(api, desk.queue)]
        await eventually(lambda: [item["revision"] for item in whole.items] == log)
        await eventually(lambda: [item["revision"] for item in resumed.items] == log[3:])
        await eventually(lambda: live.last["revision"] == log[-1])
        assert [item["revision"] for item in live.items] == log[-len(live.items) :]


async def test_positions_can_be_read_while_sessions_are_called(api: Api, desk: Desk, second: Api) -> None:
    """Row and line are two reads: whoever is called or moved between them is read again, not refused."""
    other_queue = await desk.business.queue()
    people = [await desk.join() for _ in range(8)]
    tenant_id, counter = _tenant(desk.queue), key_of("Counter", desk.counter)
    busy = True

    async def stir() -> None:
        random, db = Random(3), second.runtime.dbs.app
        while busy:
            called = await attempt(db, tenant_id, calls.call_next, key_of("Queue", desk.queue), counter)
            if isinstance(called, Session):
                await attempt(db, tenant_id, calls.return_to_queue, called.id, random.choice([LAST, ORIGINAL]))
            moved = key_of("Session", random.choice(people).id)
            for queue_id in (other_queue, desk.queue):
                await attempt(db, tenant_id, service.transfer, moved, key_of("Queue", queue_id))

    async def look(number: int) -> None:
        for _ in range(25):
            shown = await fresh_session(people[number].visitor, people[number].id)
            assert (shown["position"] is not None) == (shown["status"] == "WAITING")

    async def look_at_all() -> None:
        for _ in range(15):
            queue = await desk.business.admin(
                "query($id: ID!) { queue(id: $id) { waiting(first: 20) { edges { node { id position } } } } }",
                id=desk.queue,
            )
            assert len(queue["waiting"]["edges"]) <= len(people)

    stirring = asyncio.create_task(stir())
    try:
        await asyncio.gather(*(look(number) for number in range(4)), look_at_all())
    finally:
        busy = False
        await stirring
    await _sound(api, [desk.queue, other_queue])


async def _settles(feed: Watched, settled: Any, now: Any) -> None:
    try:
        await eventually(settled)
    except TimeoutError:
        raise AssertionError(f"the feed stays at {feed.last}, but it is {now}") from None


async def _sound(api: Api, queue_ids: list[str]) -> None:
    """Sound but for rank: one of the queues is by time credit, which its log does not say."""
    for id in queue_ids:
        stored = await read_queue(api.runtime.dbs.app, _tenant(id), key_of("Queue", id))
        assert {one.rule for one in check(stored.events)} <= {"rank"}
        assert not disagreements(stored)


def _tenant(queue_id: str) -> UUID:
    return decode("Queue", queue_id).tenant_id
