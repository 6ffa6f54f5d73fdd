"""Reads that come together are one query: whoever asks while a query runs is answered by the next one.

Natural batching without a timer: alone it adds nothing. Remembers nothing; an answer is never older than its question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST_AT_ONCE = 500
"""Keys of one query."""


class Gather(Generic[Key, Value]):
    """`get(key)` by a function that reads many keys; a missing key gives None. Errors reach everybody of that query."""

    def __init__(self, read: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._read = read
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return self._reader is None or self._reader.done()

    async def get(self, key: Key) -> Value | None:
        """The value, read after this was called."""
        if (future := self._waiting.get(key)) is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self.is_idle:
            self._reader = asyncio.create_task(self._run())
        # Shared with whoever else asked: one that gives up must not take it from the others.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        while self._waiting:
            batch = dict(list(self._waiting.items())[:MOST_AT_ONCE])
            for key in batch:
                del self._waiting[key]
            try:
                found = await self._read(list(batch))
            except Exception as problem:  # noqa: BLE001 (given to whoever asked)
                for future in batch.values():
                    future.set_exception(problem)
                    future.exception()  # retrieved here as well: whoever asked may have given up
            else:
                for key, future in batch.items():
                    future.set_result(found.get(key))
            finally:
                for future in batch.values():
                    future.cancel()  # nothing, unless the reader itself was cancelled
