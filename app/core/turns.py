"""Taking turns within one process: whoever wants the same thing waits here, in order of coming, holding nothing.

The database would make them wait as well, and does for other processes. But whoever waits there holds a connection,
and one busy queue would take the pool from all tenants.
"""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """Locks by key, kept only while somebody wants them. Belongs to one loop."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._wanted: dict[Hashable, int] = {}

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for one's turn; it ends with the block. Never nested: two keys in two orders would wait for ever."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._wanted[key] = self._wanted.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._wanted[key] -= 1
            if self._wanted[key] == 0:
                del self._wanted[key], self._locks[key]
