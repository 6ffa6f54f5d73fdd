"""Signs of life of the background processes, for `vq doctor` and health checks. Says nothing about their load."""

import asyncio
import logging

from redis.asyncio import Redis

from app.core.jobs.broker import redis_url
from app.core.jobs.outage import REDIS_ERRORS, heed_cancellation
from app.core.live.connection import connect_redis
from app.settings import Settings

logger = logging.getLogger(__name__)

_BEAT_EVERY_SECONDS = 3.0
_FORGOTTEN_AFTER_SECONDS = 12


async def worker_alive(settings: Settings) -> bool:
    """Whether a worker has shown itself in the last seconds. False as well while Redis is away: none can work then."""
    return await _alive(settings, "worker")


async def relay_alive(settings: Settings) -> bool:
    """The same for a relay."""
    return await _alive(settings, "relay")


async def keep_showing(redis: Redis, settings: Settings, who: str) -> None:
    """Show that this process is alive until cancelled."""
    while True:
        try:
            async with asyncio.timeout(2.0):
                await redis.set(_key(settings, who), "1", ex=_FORGOTTEN_AFTER_SECONDS)
        except REDIS_ERRORS:
            logger.debug("The sign of life could not be given.")
        heed_cancellation()
        await asyncio.sleep(_BEAT_EVERY_SECONDS)


async def _alive(settings: Settings, who: str) -> bool:
    redis = connect_redis(redis_url(settings), max_connections=1)
    try:
        async with asyncio.timeout(2.0):
            return bool(await redis.exists(_key(settings, who)))
    except REDIS_ERRORS:
        return False
    finally:
        await redis.aclose()


def _key(settings: Settings, who: str) -> str:
    return f"{settings.bus_prefix}alive:{who}"
