"""Keeps the figures current: looks which queues' logs have grown, and folds them. Runs in every worker.

What it goes by is the log itself, not who relays it: a relay that is late, or a message that is lost, makes no figure
wrong. Several workers share the queues by their cursors' locks.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final
from uuid import UUID

from app.analytics import repository
from app.analytics.folding import PORTION, Folding
from app.analytics.live import figures_topic
from app.analytics.rebuild import Rebuilding
from app.analytics.repository import Behind
from app.analytics.upkeep import keep_months
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.jobs.broker import redis_url
from app.core.jobs.outage import Outage, heed_cancellation, is_database_away
from app.core.live.bus import Bus, BusUnavailable
from app.settings import Settings

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
"""How old figures are where little happens, at most; a dashboard is told once a second."""
_LOOKED_AT: Final = 1_000
_AT_ONCE: Final = 2
"""Portions at a time: while one waits for the database, the other one is counted."""
_AFTER_FAILURE_SECONDS: Final = 10.0
_REBUILD_SECONDS: Final = 5.0
_MONTHS_SECONDS: Final = 3_600.0


class AnalyticsWorker:
    """Runs in the loop it is used from."""

    def __init__(self, system: Database, fact_months: int, bus: Bus | None = None) -> None:
        """With a bus, whoever watches a tenant's figures is told when they have changed."""
        self._system = system
        self._bus = bus
        self._fact_months = fact_months
        self._rebuilding = Rebuilding(system, fact_months)
        self._folding = Folding(system)
        self._database = Outage(logger, "The database (analytics)")
        # Queues that cannot be folded, until they are tried again: the others must not wait for them.
        self._failed: dict[UUID, float] = {}
        # Where the next look begins: those in front have had their turn, though they may be behind again.
        self._after = repository.FIRST
        self._rebuilds_at = 0.0
        self._months_at = 0.0

    async def run(self) -> None:
        """Fold until cancelled; a portion under way is rolled back then."""
        while True:
            try:
                folded = await self.fold_new()
                await self._beside()
            except Exception as problem:
                if is_database_away(problem):
                    self._database.failed(problem)
                else:
                    logger.exception("Figures could not be kept current; trying again.")
                folded = 0
                await asyncio.sleep(self._database.pause_seconds())
            else:
                self._database.worked()
            await asyncio.sleep(0 if folded else TICK_SECONDS)

    async def _beside(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._months_at:
            self._months_at = now + _MONTHS_SECONDS
            await keep_months(self._system, self._fact_months)
        if now >= self._rebuilds_at:
            # What somebody began and did not end, and queues that were moved to another time zone.
            rebuilt = await self._rebuilding.go_on()
            self._rebuilds_at = now + (0.0 if rebuilt else _REBUILD_SECONDS)

    async def fold_new(self) -> int:
        """Fold one portion of every queue whose log has grown, as far as nobody else does; how many events."""
        now = asyncio.get_running_loop().time()
        self._failed = {queue_id: until for queue_id, until in self._failed.items() if until > now}
        async with self._system.read(None) as tx:
            behind = await repository.behind(tx, _LOOKED_AT, list(self._failed), self._after)
            if not behind and self._after != repository.FIRST:
                behind = await repository.behind(tx, _LOOKED_AT, list(self._failed))
        self._after = behind[-1][:2] if len(behind) == _LOOKED_AT else repository.FIRST
        by_tenant: dict[UUID, int] = {}
        todo = [
            (tenant_id, portion)
            for tenant_id, queues in groupby(behind, lambda each: each.tenant_id)
            for portion in portions(list(queues))
        ][::-1]

        async def fold_on() -> None:
            while todo:
                tenant_id, portion = todo.pop()
                try:
                    folded = await self._fold(tenant_id, portion)
                except BaseException:
                    # The database is away, or we are to stop: so is it for the one beside.
                    todo.clear()
                    raise
                by_tenant[tenant_id] = by_tenant.get(tenant_id, 0) + folded

        await asyncio.gather(*(fold_on() for _ in range(_AT_ONCE)))
        await self._tell([tenant_id for tenant_id, folded in by_tenant.items() if folded])
        return sum(by_tenant.values())

    async def _tell(self, tenant_ids: Sequence[UUID]) -> None:
        """Who watches looks now and then by itself: a ring that is lost is no figure that is."""
        if self._bus is not None and self._bus.connected and tenant_ids:
            with suppress(BusUnavailable):
                await self._bus.publish_many([(figures_topic(tenant_id), b"") for tenant_id in tenant_ids])
            heed_cancellation()

    async def _fold(self, tenant_id: UUID, queue_ids: Sequence[UUID]) -> int:
        try:
            return await self._folding.fold(tenant_id, queue_ids)
        except Exception as problem:
            if is_database_away(problem):
                raise
            if len(queue_ids) > 1:
                # One of them: the others are folded all the same.
                return sum([await self._fold(tenant_id, [queue_id]) for queue_id in queue_ids])
            self._failed[queue_ids[0]] = asyncio.get_running_loop().time() + _AFTER_FAILURE_SECONDS
            logger.exception("A queue's log could not be folded; trying again.", extra={"queueId": str(queue_ids[0])})
            return 0


def portions(behind: Sequence[Behind]) -> list[list[UUID]]:
    """Queues of a tenant that are folded together: few events each, many in one transaction."""
    found: list[list[UUID]] = []
    room = 0
    for each in behind:
        if room <= 0:
            found.append([])
            room = PORTION
        found[-1].append(each.queue_id)
        room -= min(each.events, PORTION)
    return found


async def run_analytics(settings: Settings, clock: Clock | None = None) -> None:
    """Fold in this loop until cancelled, with a connection of its own."""
    system = Database(
        role_url(settings, SYSTEM_ROLE), pool_size=_AT_ONCE, name="vq-analytics", clock=clock or SystemClock()
    )
    bus = Bus(redis_url(settings), prefix=settings.bus_prefix)
    await bus.start()
    try:
        await AnalyticsWorker(system, settings.analytics_fact_months, bus).run()
    finally:
        await bus.stop()
        await system.dispose()
