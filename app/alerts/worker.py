"""What looks at alerts beside a worker's jobs. Decides nothing; one worker at a time has each look.

Messages of alerts are sent from here as well, not only by way of Redis: that it is away is what some of them say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Final

from redis.asyncio import Redis

from app.alerts import repository
from app.alerts.looking import Looked, look
from app.alerts.models import AlertMetric
from app.alerts.rules import METRICS, PLATFORM_METRICS
from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.jobs.alive import relay_alive
from app.core.jobs.broker import redis_url
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import Jobs
from app.core.jobs.outage import REDIS_ERRORS, heed_cancellation
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import JobRunner
from app.core.jobs.timetable import Periodic, Timetable
from app.core.jobs.worker import Beside
from app.core.live.connection import connect_redis
from app.settings import Settings

LINES: Final = frozenset(
    metric for metric, meaning in METRICS.items() if not meaning.is_platform and not meaning.has_window
)
VISITS: Final = frozenset(metric for metric in METRICS if metric not in LINES | PLATFORM_METRICS)
_EVERY: Final = {
    "alerts.lines": (timedelta(seconds=5), LINES),
    "alerts.visits": (timedelta(seconds=30), VISITS),
    "alerts.platform": (timedelta(seconds=10), PLATFORM_METRICS),
}
"""How often each kind of metric is looked at. Visits are read from thousands of facts, lines from a row for each."""

_LEASE = timedelta(seconds=30)
_KEPT = timedelta(days=400)
_PORTION = 5_000
_SENT_AT_ONCE = 16
"""Of what a storm of alerts owes, as many are sent from here at a time; the rest wait, or come by way of Redis."""


async def delete_old(system: Database) -> bool:
    """Delete alerts that have been over for 400 days; False if there are more."""
    async with system.write(None) as tx:
        deleted = await repository.delete_old(tx, _KEPT, _PORTION)
        await repository.delete_old_minutes(tx)
    return deleted < _PORTION


async def probe(settings: Settings, redis: Redis) -> dict[str, bool]:
    """Whether what the installation depends on answers. Without Redis nothing is known of a relay."""
    try:
        async with asyncio.timeout(2.0):
            await redis.ping()
    except REDIS_ERRORS:
        heed_cancellation()
        return {"REDIS": False}
    heed_cancellation()
    return {"REDIS": True, "RELAY": await relay_alive(settings)}


def pieces(
    settings: Settings, app: Database, redis: Redis, then: Callable[[Looked], Awaitable[None]]
) -> list[Periodic]:
    """The looks as periodic work; `then` is told what came of each, after its commit."""

    def looking(metrics: frozenset[AlertMetric]) -> Callable[[Database], Awaitable[bool]]:
        async def work(system: Database) -> bool:
            probes = await probe(settings, redis) if metrics == PLATFORM_METRICS else {}
            looked = await look(system, app, settings, metrics, probes)
            await then(looked)
            return looked.is_complete

        return work

    return [Periodic(name, every, looking(metrics), lease=_LEASE) for name, (every, metrics) in _EVERY.items()]


def at_most(most: int, run: Callable[[JobRef], Awaitable[None]]) -> Callable[[JobRef], Coroutine[None, None, None]]:
    """The same, so many at a time: neither connections nor mail servers are there for thousands."""
    room = asyncio.Semaphore(most)

    async def in_turn(job: JobRef) -> None:
        async with room:
            await run(job)

    return in_turn


def alerting(jobs: Jobs) -> Beside:
    """What a worker runs beside its jobs, of which it sends messages by itself."""

    async def run(settings: Settings) -> None:
        clock = SystemClock()
        system = Database(
            role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, clock=clock, name="vq-alerts system"
        )
        app = Database(
            role_url(settings, APP_ROLE), secret=settings.secret, pool_size=2, clock=clock, name="vq-alerts app"
        )
        redis = connect_redis(redis_url(settings), max_connections=1)
        dispatcher = Dispatcher(settings)
        send = at_most(_SENT_AT_ONCE, JobRunner(settings, clock, app, jobs, dispatcher).run)
        try:
            async with asyncio.TaskGroup() as tasks:

                async def then(looked: Looked) -> None:
                    # Beside the looks: a mail server that is slow must not hold them up.
                    for job in looked.jobs:
                        tasks.create_task(send(job), name=f"alert message {job.id}")
                    await dispatcher.ring(looked.rung)

                looks = pieces(settings, app, redis, then)
                table = Timetable(system, looks)
                for piece in looks:
                    tasks.create_task(table.keep(piece), name=f"periodic {piece.name}")
        finally:
            await dispatcher.close()
            await redis.aclose()
            await app.dispose()
            await system.dispose()

    return run
