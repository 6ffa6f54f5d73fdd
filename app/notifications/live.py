"""Topics of the bus that say messages have changed, and waiting for them. They say no more: who is told looks."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from app.core.live.bus import Bus

_LOOK_SECONDS = 10.0
"""A ring may be lost between worker and bus; nobody who watches waits for the next one longer than this."""

_LEAST_SECONDS = 0.5
"""Between two looks: a broadcast changes thousands of messages a minute."""


async def changes(bus: Bus, topic: str, least_seconds: float = _LEAST_SECONDS) -> AsyncIterator[None]:
    """Now, and whenever there may be something new, until the bus stops: what is read then is as new as what rang."""
    async with bus.subscribe(topic) as feed:
        while True:
            yield
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await anext(feed)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                return
            await asyncio.sleep(least_seconds)
            feed.take()


def status_topic(tenant_id: UUID) -> str:
    """Some message of the tenant has changed: for staff who watch deliveries."""
    return f"notifications:{tenant_id}"


def inbox_topic(tenant_id: UUID, recipient: str) -> str:
    """There is something new in the app for `session:<uuid>` or `user:<uuid>`."""
    return f"inbox:{tenant_id}:{recipient}"
