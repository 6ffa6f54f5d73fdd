"""Counts what this process answers, and how often with an error of ours, for alerts about it. Decides nothing.

It writes minutes down now and then; nobody waits for it, and what a killed process has not written is lost.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from app.alerts import repository
from app.core.db import Database

logger = logging.getLogger(__name__)

EVERY_SECONDS = 5.0


class Answers:
    """One process's counts. `failed` tells how many answers of it were errors of ours, ever: a number that grows."""

    def __init__(self, system: Database, failed: Callable[[], int], *, every_seconds: float = EVERY_SECONDS) -> None:
        self._system = system
        self._failed = failed
        self._every = every_seconds
        self._failures_written = failed()
        self._operations: Counter[datetime] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def operation(self) -> None:
        """One more operation is about to be answered."""
        self._operations[self._system.clock.now().replace(second=0, microsecond=0)] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon(), name="answers")

    async def stop(self) -> None:
        """Write what is not written."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self.write()

    async def write(self) -> None:
        """Write down what was counted since the last time."""
        counts, self._operations = self._operations, Counter()
        failed = self._failed()
        failures, self._failures_written = failed - self._failures_written, failed
        if not counts and not failures:
            return
        newest = max(counts, default=self._system.clock.now().replace(second=0, microsecond=0))
        counts[newest] += 0
        try:
            async with self._system.write(None) as tx:
                # In order: processes that write at the same time wait for each other and never in a circle.
                for minute in sorted(counts):
                    await repository.count_answers(tx, minute, counts[minute], failures if minute == newest else 0)
        except asyncio.CancelledError:
            # We are to stop in the middle of it: `stop` writes them.
            self._put_back(counts, failures)
            raise
        except Exception:
            # The database is away, say: the next time.
            self._put_back(counts, failures)
            logger.warning("Answers could not be counted.", exc_info=True)

    async def _write_soon(self) -> None:
        while self._operations:
            await asyncio.sleep(self._every)
            await self.write()

    def _put_back(self, counts: Counter[datetime], failures: int) -> None:
        self._operations.update(counts)
        self._failures_written -= failures
