"""Sends jobs whose time has come: put off, written but never sent, lost with Redis, or held by a worker that died.

Many may run at once. A job that is sent twice runs once.
"""

from app.core.db import Database
from app.core.jobs import repository
from app.core.jobs.context import SEND_AGAIN_AFTER
from app.core.jobs.dispatch import Dispatcher


class Sweep:
    """Works with the system role: jobs of all tenants."""

    def __init__(self, system: Database, dispatcher: Dispatcher) -> None:
        self._system = system
        self._dispatcher = dispatcher

    async def once(self) -> int:
        """Send what is due and fits; how many there were. Does nothing while Redis is away."""
        room = await self._dispatcher.room()
        if room == 0:
            return 0
        async with self._system.write(None) as tx:
            send_again_at = tx.now() + SEND_AGAIN_AFTER
            jobs = await repository.take_unsent(tx, limit=room, send_again_at=send_again_at)
        await self._dispatcher.send(jobs)
        return len(jobs)
