"""Counts uses in this process and writes them down now and then. Nobody waits for it, and nothing depends on it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from app.core.db import Database
from app.deprecations import repository

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


class Counting:
    """One process's counts. What a killed process has not written is lost: ten seconds of it."""

    def __init__(self, system: Database, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._system = system
        self._every = every_seconds
        self._counts: Counter[str] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def used(self, coordinates: Iterable[str]) -> None:
        """An operation uses these."""
        self._counts.update(coordinates)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon(), name="deprecated-uses")

    async def stop(self) -> None:
        """Write what is not written."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()

    async def _write_soon(self) -> None:
        while self._counts:
            await asyncio.sleep(self._every)
            await self._write()

    async def _write(self) -> None:
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            async with self._system.write(None) as tx:
                await repository.add(tx, tx.now().date(), counts)
        except asyncio.CancelledError:
            # We are to stop in the middle of it: `stop` writes them.
            self._counts.update(counts)
            raise
        except Exception:
            # The database is away, say: the next time.
            self._counts.update(counts)
            logger.warning("Uses of deprecated parts of the schema could not be written down.", exc_info=True)
        else:
            logger.info("Deprecated parts of the schema were used.", extra={"operations": dict(counts)})
