"""Sends jobs whose time has come: put off, written but never sent, lost with Redis, or held by a worker that died.

Many may run at once. A job that is sent twice runs once.
"""

from app.core.db import Database
from app.core.jobs import repository
from app.core.jobs.context import SEND_AGAIN_AFTER
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.lanes import Lane


class Sweep:
    """Works with the system role: jobs of all tenants."""

    def __init__(self, system: Database, dispatcher: Dispatcher) -> None:
        self._system = system
        self._dispatcher = dispatcher

    async def once(self) -> int:
        """Send what is due and fits, lane by lane; how many there were. Does nothing while Redis is away."""
        sent = 0
        for lane in Lane:
            room = await self._dispatcher.room(lane)
            if room == 0:
                continue
            async with self._system.write(None) as tx:
                send_again_at = tx.now() + SEND_AGAIN_AFTER
                jobs = await repository.take_unsent(tx, lane, limit=room, send_again_at=send_again_at)
            await self._dispatcher.send(jobs)
            sent += len(jobs)
        return sent
