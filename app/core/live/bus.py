"""The bus between processes: topics, messages, and RESYNC where some may be missing.

It carries hints, never truth: losing it loses nothing, and nobody but this package knows what it is built on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from broadcaster import Broadcast

from app.core.live.feed import RESYNC, BusUnavailable, Feed, Item, Message
from app.core.live.redis_backend import EVERY_CHANNEL, ResyncEvent, SupervisedRedisBackend, Timing

__all__ = ["RESYNC", "Bus", "BusUnavailable", "Feed", "Item", "Message", "Timing"]

FEED_LIMIT = 1_024
"""Items a subscriber may be behind. A queue's busiest second is some hundred events."""


class _Fanout(Broadcast):
    """broadcaster's facade with bounded feeds and first subscribers that do not race.

    The stock `subscribe` awaits the backend before it registers the queue, so of several first subscribers all but
    one are overwritten; its queues grow without bound.
    """

    def __init__(self, backend: SupervisedRedisBackend, prefix: str) -> None:
        super().__init__(backend=backend)
        self._feeds: dict[str, set[Feed]] = {}
        self._prefix_length = len(prefix)

    async def disconnect(self) -> None:
        await super().disconnect()
        await asyncio.gather(self._listener_task, return_exceptions=True)
        for feeds in self._feeds.values():
            for feed in feeds:
                feed.close()

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Feed]:  # type: ignore[override] # a feed is bounded
        feed = Feed(FEED_LIMIT)
        self._feeds.setdefault(channel, set()).add(feed)
        try:
            await self._backend.subscribe(channel)
            yield feed
        finally:
            feeds = self._feeds[channel]
            feeds.remove(feed)
            if not feeds:
                del self._feeds[channel]
                await self._backend.unsubscribe(channel)

    async def _listener(self) -> None:
        while True:
            event = await self._backend.next_published()
            if isinstance(event, ResyncEvent):
                channels = list(self._feeds) if event.channel == EVERY_CHANNEL else [event.channel]
                self._offer(channels, RESYNC)
            else:
                self._offer([event.channel], Message(event.channel[self._prefix_length :], event.message))

    def _offer(self, channels: list[str], item: Item) -> None:
        for channel in channels:
            for feed in self._feeds.get(channel, ()):
                feed.offer(item)


class Bus:
    """Publish to a topic, subscribe to a topic. One per process; belongs to the loop that started it."""

    def __init__(self, redis_url: str, *, prefix: str = "vq:", timing: Timing | None = None) -> None:
        self._prefix = prefix
        self._backend = SupervisedRedisBackend(redis_url, timing=timing)
        self._fanout = _Fanout(self._backend, prefix)

    @property
    def connected(self) -> bool:
        """Whether every topic somebody listens to is being received right now."""
        return self._backend.connected

    async def start(self) -> None:
        """Connect and stay connected. Returns without the server too: it is used as soon as it is there."""
        await self._fanout.connect()

    async def stop(self) -> None:
        """Disconnect; every feed ends."""
        await self._fanout.disconnect()

    async def publish(self, topic: str, payload: bytes | str) -> None:
        """Send to whoever listens now, in any process. `BusUnavailable` within a second if that cannot be done."""
        await self._fanout.publish(self._prefix + topic, payload)

    async def publish_many(self, messages: list[tuple[str, bytes | str]]) -> None:
        """`publish` for several (topic, payload) in one round trip."""
        await self._backend.publish_many([(self._prefix + topic, payload) for topic, payload in messages])

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[Feed]:
        """`async with bus.subscribe(topic) as feed: async for item in feed:` gives messages, and RESYNC for gaps.

        Inside the block every message published from now on arrives, unless RESYNC stands in its place: after a lost
        connection, after falling too far behind, and, where the server was away on entering, once it is back.
        """
        return self._fanout.subscribe(self._prefix + topic)
