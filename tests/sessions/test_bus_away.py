"""The bus is killed and comes back: joins and calls go on, and every feed shows the present again.

How soon is for the benchmarks to say.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.core.clock import SystemClock
from app.core.embedded.valkey import Valkey
from app.settings import Settings
from tests.servers import own_database, private_valkey
from tests.support.api import Api, Caller, open_api
from tests.support.desk import open_desk
from tests.support.feeds import (
    History,
    display_feed,
    event_feed,
    fresh_display,
    fresh_queue,
    fresh_session,
    queue_feed,
    same,
    session_feed,
    watching,
)
from tests.support.queue_logs import assert_sound, events_of
from tests.support.waiting import PATIENCE, eventually


@pytest.fixture(scope="module")
def own_settings(migrated_settings: Settings) -> Settings:
    """A relay serves a whole database: another test's would take these events to a bus nobody listens to here."""
    return own_database(migrated_settings, "bus_away")


@pytest.fixture
async def bus(own_settings: Settings) -> AsyncIterator[tuple[Valkey, Api, Api]]:
    """Two applications on a bus of their own."""
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(private_valkey())
        settings = own_settings.model_copy(update={"redis_url": valkey.url})
        first = await stack.enter_async_context(open_api(settings, SystemClock()))
        yield valkey, first, await stack.enter_async_context(open_api(settings, SystemClock()))


@pytest.mark.processes
async def test_the_bus_goes_and_comes_back(bus: tuple[Valkey, Api, Api]) -> None:
    valkey, first, second = bus
    business = await first.new_business()
    desk = await open_desk(business)
    people = [await desk.join() for _ in range(3)]
    there = Caller(second, business.admin.token)
    documents = [
        session_feed(people[2].id),
        queue_feed(desk.queue),
        display_feed(desk.queue),
        event_feed(desk.queue, after=0),
    ]
    async with watching(there, *documents) as feeds:
        mine, queue, display, log = [await feed.started() for feed in feeds]
        valkey.daemon.kill()
        await eventually(lambda: not second.runtime.bus.connected)

        await desk.call()
        late = await desk.join()
        await desk.do("sessionCancel", people[1])
        assert (await fresh_session(there, people[2].id))["position"] == 1, "queries go on, in every process"
        async with watching(there, session_feed(late.id), queue_feed(desk.queue)) as begun_meanwhile:
            for feed in begun_meanwhile:
                await feed.started()
            assert begun_meanwhile[0].last["position"] == 2
            await desk.do("sessionSetPriority", late, priority=5)

            valkey.start()
            async with asyncio.timeout(PATIENCE):
                await mine.shows(position=2)
                now = await fresh_queue(there, desk.queue)
                await queue.shows(**now)
                await begun_meanwhile[0].shows(position=1, priority=5)
                await begun_meanwhile[1].shows(**now)
                display_now = await fresh_display(there, desk.queue)
                await eventually(lambda: display.last == display_now)
                events = await events_of(first, desk.queue)
                await eventually(lambda: len(log.items) == len(events))
            # And it goes on as before.
            await desk.do("sessionCancel", late)
            await mine.shows(position=1)
            await eventually(lambda: begun_meanwhile[0].over)
    now = await fresh_session(there, people[2].id)
    assert same(mine.last, now)
    events = await events_of(first, desk.queue)
    assert [item["revision"] for item in log.items] == [event.revision for event in events]
    history = History(events)
    for feed in (mine, begun_meanwhile[0]):
        assert not [what for item in feed.items for what in history.wrong_session(item)]
    await assert_sound(first, desk.queue)


@pytest.mark.processes
async def test_an_application_starts_without_the_bus(own_settings: Settings) -> None:
    with private_valkey() as valkey:
        settings = own_settings.model_copy(update={"redis_url": valkey.url})
        valkey.daemon.kill()
        async with open_api(settings, SystemClock()) as api:
            business = await api.new_business()
            desk = await open_desk(business)
            visitor = await desk.join()
            async with watching(visitor.visitor, session_feed(visitor.id)) as (feed,):
                await feed.started()
                await desk.call()
                await feed.shows(status="CALLED")
