"""Hands jobs to Dramatiq after the commit that made them owed. Best effort: what does not arrive is sent again."""

import asyncio
import logging
from collections.abc import Collection, Sequence

from app.core.jobs.broker import QUEUES, job_message, namespace, redis_url, sending_broker
from app.core.jobs.lanes import Lane
from app.core.jobs.outage import REDIS_ERRORS, Outage, heed_cancellation
from app.core.jobs.repository import JobRef
from app.core.live.connection import connect_redis
from app.settings import Settings

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 1_000
"""Messages of a lane that may lie in Redis. More would only be doubles of jobs that wait in PostgreSQL anyway."""


class Dispatcher:
    """Sends messages; one per process and loop."""

    def __init__(self, settings: Settings) -> None:
        self._broker = sending_broker(settings)
        self._prefix = settings.bus_prefix
        self._redis = connect_redis(redis_url(settings), max_connections=2)
        self._namespace = namespace(settings)
        self._outage = Outage(logger, "Redis (jobs)")

    async def room(self, lane: Lane) -> int:
        """How many more messages of a lane may be sent now; 0 while Redis is away."""
        try:
            async with asyncio.timeout(1.0):
                waiting = await self._redis.hlen(f"{self._namespace}:{QUEUES[lane]}.msgs")
        except REDIS_ERRORS as problem:
            heed_cancellation()
            self._outage.failed(problem)
            return 0
        heed_cancellation()
        self._outage.worked()
        return max(0, QUEUE_LIMIT - waiting)

    async def send(self, jobs: Sequence[JobRef]) -> None:
        """Send messages for as many of the jobs as there is room for. Never raises for Redis' sake."""
        for lane in Lane:
            waiting = [job for job in jobs if job.lane is lane]
            if not waiting or not (room := await self.room(lane)):
                continue
            try:
                # Dramatiq's client blocks.
                await asyncio.to_thread(self._send, waiting[:room])
            except REDIS_ERRORS as problem:
                self._outage.failed(problem)
                return

    async def ring(self, topics: Collection[str]) -> None:
        """Tell who listens to these topics of the bus that there is something to look at. Never raises for Redis' sake.

        Without a message: what happened stands in the tables, and whoever listens also looks by itself now and then.
        """
        if not topics:
            return
        try:
            async with asyncio.timeout(1.0):
                for topic in topics:
                    await self._redis.publish(self._prefix + topic, b"")
        except REDIS_ERRORS as problem:
            heed_cancellation()
            self._outage.failed(problem)

    async def close(self) -> None:
        """Close the connections."""
        self._broker.client.close()
        await self._redis.aclose()

    def _send(self, jobs: Sequence[JobRef]) -> None:
        for tenant_id, job_id, lane in jobs:
            self._broker.enqueue(job_message(str(tenant_id), str(job_id), lane))
