"""The bus against a real Valkey that is killed, frozen and cut off."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.core.live.bus import FEED_LIMIT, RESYNC, Bus, BusUnavailable, Feed, Item, Message, Timing
from app.core.live.redis_backend import DeadConnection, SupervisedRedisBackend
from tests.live.servers import Proxy, Valkey
from tests.support.waiting import PATIENCE, eventually

FAST = Timing(
    connect=0.5, publish=0.3, subscribe=0.5, ping_every=0.2, dead_after=1.5, first_retry=0.02, longest_retry=0.2
)

# Without a deadline of ours a frozen server costs the client library's 20 s and more.
ENDLESS = 10.0


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


async def read(feed: Feed, *, within: float = PATIENCE) -> Item:
    async with asyncio.timeout(within):
        return await anext(feed)


async def server_subscribers(valkey: Valkey, channel: str) -> int:
    async with Redis.from_url(valkey.url) as client:
        ((_, count),) = await client.pubsub_numsub(channel)
        return int(count)


async def is_subscribed(valkey: Valkey, channel: str) -> bool:
    return await server_subscribers(valkey, channel) == 1


async def is_unsubscribed(valkey: Valkey, channel: str) -> bool:
    return await server_subscribers(valkey, channel) == 0


async def test_ten_of_ten_messages_arrive_in_order(bus: Bus) -> None:
    async with bus.subscribe("queue:1") as feed:
        for number in range(10):
            await bus.publish("queue:1", str(number))
        assert [await read(feed) for _ in range(10)] == [Message("queue:1", str(number)) for number in range(10)]


async def test_publish_many_arrives_in_order(bus: Bus) -> None:
    async with bus.subscribe("a") as first, bus.subscribe("b") as second:
        await bus.publish_many([("a", b"1"), ("b", "2"), ("a", "3")])
        assert [await read(first), await read(first)] == [Message("a", "1"), Message("a", "3")]
        assert await read(second) == Message("b", "2")


async def test_another_prefix_is_another_installation(bus: Bus, valkey: Valkey) -> None:
    other = Bus(valkey.url, prefix="other:", timing=FAST)
    await other.start()
    async with bus.subscribe("t") as feed, other.subscribe("t") as theirs:
        await other.publish("t", "theirs")
        await bus.publish("t", "ours")
        assert await read(feed) == Message("t", "ours")
        assert await read(theirs) == Message("t", "theirs")
    await other.stop()


async def test_fifty_concurrent_first_subscribers_are_all_served(bus: Bus, valkey: Valkey) -> None:
    inside = asyncio.Barrier(51)
    published = asyncio.Event()

    async def subscriber() -> Item:
        async with bus.subscribe("crowd") as feed:
            await inside.wait()
            await published.wait()
            return await read(feed)

    tasks = [asyncio.create_task(subscriber()) for _ in range(50)]
    await inside.wait()
    assert await server_subscribers(valkey, "vq:crowd") == 1
    await bus.publish("crowd", "hello")
    published.set()
    assert await asyncio.gather(*tasks) == [Message("crowd", "hello")] * 50


async def test_the_last_subscriber_to_leave_unsubscribes_at_the_server(bus: Bus, valkey: Valkey) -> None:
    async with bus.subscribe("left") as stays:
        async with bus.subscribe("left"):
            pass
        await bus.publish("left", "still here")
        assert await read(stays) == Message("left", "still here")
    await eventually(lambda: is_unsubscribed(valkey, "vq:left"))


async def test_subscribers_that_come_and_go_at_once_never_end_up_deaf(bus: Bus) -> None:
    async def visit(number: int) -> None:
        for round_number in range(20):
            async with bus.subscribe("door") as feed:
                text = f"{number}.{round_number}"
                await bus.publish("door", text)
                async with asyncio.timeout(PATIENCE):
                    async for item in feed:
                        assert isinstance(item, Message)
                        if item.payload == text:
                            break

    await asyncio.gather(*(visit(number) for number in range(8)))


async def test_a_cancelled_subscriber_leaves_nothing_behind(bus: Bus, valkey: Valkey) -> None:
    async def subscriber() -> None:
        async with bus.subscribe("cancelled") as feed:
            await anext(feed)

    task = asyncio.create_task(subscriber())
    await eventually(lambda: is_subscribed(valkey, "vq:cancelled"))
    task.cancel()
    await eventually(lambda: is_unsubscribed(valkey, "vq:cancelled"))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_slow_subscriber_reads_resync_instead_of_a_backlog(bus: Bus) -> None:
    async with bus.subscribe("flood") as slow, bus.subscribe("flood") as marker:
        for start in range(0, FEED_LIMIT + 10, 100):
            await bus.publish_many([("flood", str(start + number)) for number in range(100)])
        await bus.publish("flood", "last")
        async with asyncio.timeout(PATIENCE):
            async for item in marker:
                if item == Message("flood", "last"):
                    break
        items = slow.take()
        assert items[0] is RESYNC
        assert RESYNC not in items[1:]
        assert items[-1] == Message("flood", "last")
        assert len(items) <= FEED_LIMIT


async def test_killed_and_restarted_server_all_live_again_after_resync(bus: Bus, valkey: Valkey) -> None:
    ready = asyncio.Barrier(41)
    back = asyncio.Event()

    async def subscriber(topic: str) -> list[Item]:
        async with bus.subscribe(topic) as feed:
            await ready.wait()
            first = await read(feed)
            await back.wait()
            await bus.publish(topic, "live")
            return [first, await read(feed)]

    tasks = [asyncio.create_task(subscriber(f"queue:{number}")) for number in range(40)]
    await ready.wait()
    valkey.kill()
    await eventually(lambda: not bus.connected)
    await valkey.start()
    await eventually(lambda: bus.connected)
    back.set()
    assert await asyncio.gather(*tasks) == [[RESYNC, Message(f"queue:{number}", "live")] for number in range(40)]


async def test_messages_may_be_lost_while_away_but_resync_says_so(bus: Bus, valkey: Valkey) -> None:
    async with bus.subscribe("gap") as feed:
        valkey.kill()
        await eventually(lambda: not bus.connected)
        with pytest.raises(BusUnavailable):
            await bus.publish("gap", "lost")
        await valkey.start()
        assert await read(feed) is RESYNC
        await bus.publish("gap", "after")
        assert await read(feed) == Message("gap", "after")


async def test_start_and_subscribe_work_while_the_server_is_away(valkey: Valkey) -> None:
    valkey.kill()
    bus = Bus(valkey.url, timing=FAST)
    await bus.start()
    assert not bus.connected
    async with bus.subscribe("early") as feed:
        await valkey.start()
        assert await read(feed) is RESYNC
        await bus.publish("early", "live")
        assert await read(feed) == Message("early", "live")
    await bus.stop()


async def test_publish_raises_within_its_deadline_when_the_server_is_away(bus: Bus, valkey: Valkey) -> None:
    valkey.kill()
    started = time.monotonic()
    with pytest.raises(BusUnavailable):
        await bus.publish("t", "x")
    assert time.monotonic() - started < ENDLESS
    await valkey.start()


async def test_publish_raises_within_its_deadline_when_the_server_is_frozen(bus: Bus, valkey: Valkey) -> None:
    await bus.publish("t", "connects the publisher")
    valkey.freeze()
    started = time.monotonic()
    with pytest.raises(BusUnavailable):
        await bus.publish("t", "x")
    with pytest.raises(BusUnavailable):
        await bus.publish_many([("t", "x")])
    assert time.monotonic() - started < ENDLESS
    valkey.thaw()
    await eventually(lambda: bus.connected)


async def test_a_frozen_server_is_noticed_and_used_again(bus: Bus, valkey: Valkey) -> None:
    async with bus.subscribe("frozen") as feed:
        valkey.freeze()
        await eventually(lambda: not bus.connected)
        valkey.thaw()
        assert await read(feed) is RESYNC
        await bus.publish("frozen", "live")
        assert await read(feed) == Message("frozen", "live")


async def test_a_half_open_connection_is_noticed_by_the_dead_man_timer(valkey: Valkey) -> None:
    proxy = Proxy(valkey.port)
    await proxy.start()
    bus = Bus(f"redis://127.0.0.1:{proxy.port}/0", timing=FAST)
    await bus.start()
    async with bus.subscribe("cut"):
        assert bus.connected
        proxy.stall()
        await eventually(lambda: not bus.connected)
        before = proxy.accepted
        await eventually(lambda: proxy.accepted > before)
    await bus.stop()
    await proxy.close()


async def test_a_bus_that_is_stopped_while_its_connection_breaks_stops(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A task group whose task fails while the group is cancelled raises that failure, and nothing of the cancellation.
    watch = SupervisedRedisBackend._watch

    async def failing(backend: SupervisedRedisBackend) -> None:
        try:
            await watch(backend)
        finally:
            raise DeadConnection

    monkeypatch.setattr(SupervisedRedisBackend, "_watch", failing)
    bus = Bus(valkey.url, timing=FAST)
    await bus.start()
    async with bus.subscribe("t"):
        await eventually(lambda: bus.connected)
        async with asyncio.timeout(PATIENCE):
            await bus.stop()


async def test_a_quiet_connection_is_not_a_dead_one(valkey: Valkey) -> None:
    proxy = Proxy(valkey.port)
    await proxy.start()
    bus = Bus(f"redis://127.0.0.1:{proxy.port}/0", timing=FAST)
    await bus.start()
    async with bus.subscribe("quiet") as feed:
        with pytest.raises(TimeoutError):
            await read(feed, within=FAST.dead_after * 3)
        assert bus.connected
        assert proxy.accepted == 1
    await bus.stop()
    await proxy.close()


async def test_stopping_ends_every_feed(valkey: Valkey) -> None:
    bus = Bus(valkey.url, timing=FAST)
    await bus.start()
    async with bus.subscribe("end") as feed:
        await bus.stop()
        assert [item async for item in feed] == []
