"""Feeds that are executed once for everybody who sees the same: who shares, and what becomes of them that cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable

from app.api.compiled import Compiled
from app.core.actor import ANONYMOUS, Actor
from app.core.live.fanout import SharedFeed
from tests.fanout.hosts import (
    DISPLAY,
    QUEUE,
    SCHEMA,
    Counting,
    Host,
    KeptOutlet,
    live_line,
    seat,
    visitor,
)
from tests.support.api import Api
from tests.support.desk import Desk
from tests.support.waiting import eventually


async def test_queues_and_displays_are_executed_once_for_everybody(
    api: Api, desk: Desk, host: Callable[..., Host]
) -> None:
    schema = Counting()
    compiled = Compiled(schema)
    hosts = [host(ANONYMOUS, compiled, schema) for _ in range(20)]
    for number, one in enumerate(hosts):
        one.subscribe(QUEUE, {"id": desk.queue}, f"q{number}")
        one.subscribe(DISPLAY, {"ids": [desk.queue]}, f"d{number}")
        await one.settled(2)
    begun = schema.begun
    assert begun == 2 * len(hosts) + 2
    await desk.join()
    await desk.join()
    for number, one in enumerate(hosts):
        await eventually(lambda one=one, number=number: one.items(f"q{number}")[-1]["waitingCount"] == 2)
        await eventually(lambda one=one, number=number: len(one.items(f"d{number}")[-1]["queues"][0]["next"]) == 2)
        assert one.running == 0
        revisions = [item["revision"] for item in one.items(f"q{number}")]
        assert revisions == sorted(set(revisions))
    assert schema.begun == begun
    bodies = {one.messages(f"q{number}")[-1].partition(b'"type"')[2] for number, one in enumerate(hosts)}
    assert len(bodies) == 1
    for one in hosts:
        await one.close()
    assert not compiled._shared
    await eventually(lambda: not compiled._tasks)
    assert not (await live_line(api, desk.queue)).watching


async def test_who_may_see_other_things_does_not_share(desk: Desk, host: Callable[..., Host]) -> None:
    mine = await desk.join()
    compiled = Compiled(SCHEMA)
    for actor in (ANONYMOUS, visitor(mine), Actor(ANONYMOUS.kind)):
        one = host(actor, compiled)
        one.subscribe(QUEUE, {"id": desk.queue})
        await one.settled()
    assert [len(feed) for feed in compiled._shared.values()] == [2, 1]


async def test_when_a_shared_feed_fails_everybody_goes_on_alone() -> None:
    ended, resumed = [], []
    going = asyncio.Event()

    async def items() -> AsyncIterator[tuple[int, bytes]]:
        yield 5, b"five"
        await going.wait()
        raise ValueError("seeded")

    feed = SharedFeed(items, lambda: ended.append(1))
    outlets = [KeptOutlet() for _ in range(3)]
    for number, outlet in enumerate(outlets):
        feed.join(seat(outlet, lambda number=number: resumed.append(number), f"{number} "), 4 if number else 5)
    await eventually(lambda: [outlet.messages for outlet in outlets] == [[], [b"1 five"], [b"2 five"]])
    going.set()
    await eventually(lambda: resumed == [0, 1, 2])
    assert ended == [1]


async def test_a_slow_member_of_a_shared_feed_gets_the_newest_item() -> None:
    steps: asyncio.Queue[int] = asyncio.Queue()

    async def items() -> AsyncIterator[tuple[int, bytes]]:
        while True:
            number = await steps.get()
            yield number, b"%d" % number

    feed = SharedFeed(items, lambda: None)
    quick, slow = KeptOutlet(), KeptOutlet()
    for outlet in (quick, slow):
        feed.join(seat(outlet), 0)
    slow.is_slow = True
    for number in (1, 2, 3):
        steps.put_nowait(number)
        await eventually(lambda number=number: quick.messages[-1:] == [b"%d" % number])
    slow.drain()
    assert slow.messages == [b"3"]
    feed.stop()
