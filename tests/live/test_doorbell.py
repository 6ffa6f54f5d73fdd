"""The doorbell: coalesced, best effort, never in the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.core.live.bus import Bus, Message
from app.core.live.doorbell import RELAY_TOPIC, Doorbell
from tests.live.servers import Valkey
from tests.live.test_bus import FAST, read
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
async def valkey() -> AsyncIterator[Valkey]:
    server = Valkey()
    await server.start()
    yield server
    server.close()


@pytest.fixture
async def bus(valkey: Valkey) -> AsyncIterator[Bus]:
    bus = Bus(valkey.url, timing=FAST)
    await bus.start()
    yield bus
    await bus.stop()


async def test_a_ring_is_heard(bus: Bus) -> None:
    doorbell = Doorbell(bus)
    async with bus.subscribe(RELAY_TOPIC) as feed:
        doorbell.ring()
        assert await read(feed) == Message(RELAY_TOPIC, "")
    await doorbell.close()


async def test_a_hundred_rings_at_once_are_two_messages(bus: Bus) -> None:
    doorbell = Doorbell(bus)
    async with bus.subscribe(RELAY_TOPIC) as feed:
        for _ in range(100):
            doorbell.ring()
        await doorbell.close()
        await bus.publish(RELAY_TOPIC, "end")
        heard = []
        async with asyncio.timeout(20):
            async for item in feed:
                heard.append(item)
                if item == Message(RELAY_TOPIC, "end"):
                    break
    # One for the first ring, one for the ninety-nine that came before it was out.
    assert len(heard) <= 3
    assert heard[0] == Message(RELAY_TOPIC, "")


async def test_rings_after_one_is_out_are_heard_again(bus: Bus) -> None:
    doorbell = Doorbell(bus)
    async with bus.subscribe(RELAY_TOPIC) as feed:
        for _ in range(3):
            doorbell.ring()
            assert await read(feed) == Message(RELAY_TOPIC, "")
            await doorbell.close()


async def test_ringing_while_the_bus_is_down_is_dropped(bus: Bus, valkey: Valkey) -> None:
    doorbell = Doorbell(bus)
    valkey.kill()
    doorbell.ring()  # the loss is not noticed yet: the background task fails quietly
    await eventually(lambda: not bus.connected)
    doorbell.ring()
    await doorbell.close()
    await valkey.start()
    await eventually(lambda: bus.connected)
    async with bus.subscribe(RELAY_TOPIC) as feed:
        doorbell.ring()
        assert await read(feed) == Message(RELAY_TOPIC, "")
    await doorbell.close()
