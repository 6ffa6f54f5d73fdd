"""Says "there is something to do" to another process; it does not say what, and may be lost.

Whoever listens also looks by itself now and then: a ring only makes it look sooner.
"""

import asyncio

from app.core.live.bus import Bus, BusUnavailable

RELAY_TOPIC = "relay"


class Doorbell:
    """Rings are coalesced: at most one is on its way, and one more follows if somebody rang meanwhile."""

    def __init__(self, bus: Bus, topic: str = RELAY_TOPIC) -> None:
        self._bus = bus
        self._topic = topic
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Ring in the background; never waits, never fails. Dropped while the bus is down."""
        if not self._bus.connected:
            return
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring(), name="doorbell")
        else:
            self._again = True

    async def close(self) -> None:
        """Wait for the ring that is on its way."""
        if self._ringing is not None:
            await self._ringing

    async def _ring(self) -> None:
        while True:
            self._again = False
            try:
                await self._bus.publish(self._topic, b"")
            except BusUnavailable:
                return
            if not self._again:
                return
