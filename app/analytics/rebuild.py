"""Counts a queue anew from its log's first event, into tables of its own, and exchanges old and new in one transaction.

Goes on in portions that commit, so that one that was killed is gone on with; everybody reads the old numbers until the
new ones are in. The fold is the one that keeps figures current.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from app.analytics import repository, repository_rebuild
from app.analytics.folding import Folding
from app.analytics.repository import LIVE, REBUILT
from app.analytics.upkeep import keep_months, kept_since
from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.settings import Settings

PORTION: Final = 2_000
_LOOK_AGAIN_SECONDS: Final = 0.2
_ROUND_SECONDS: Final = 0.5
"""For so long a worker goes on with rebuilds before it keeps figures current again."""
_END_OF_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """What a portion of a rebuild has come to: `done` of `of` events. `differences` is null until the exchange."""

    done: int
    of: int
    differences: int | None = None


@dataclass(slots=True)
class Progress:
    """How far a rebuild of several queues is, in queues and events; `differences` are rows that were other before."""

    queues: int
    events: int
    queues_done: int = 0
    events_done: int = 0
    differences: int = 0


class Rebuilding:
    """Rebuilds queues, portion by portion."""

    def __init__(self, system: Database, fact_months: int, portion: int = PORTION) -> None:
        self._portion = portion
        self._system = system
        self._folding = Folding(system, REBUILT)
        self._fact_months = fact_months
        # The rebuild that had the last turn.
        self._last: tuple[UUID, UUID] | None = None

    async def ask(self, tenant_id: UUID, queue_ids: list[UUID]) -> None:
        """Begin to rebuild queues, where no rebuild is under way."""
        async with self._system.write(tenant_id) as tx:
            await repository_rebuild.begin(tx, tenant_id, queue_ids)

    async def go_on(self, seconds: float = _ROUND_SECONDS) -> bool:
        """Ask for what was moved, and do portions of rebuilds under way, in turns, for so long; whether there was any.

        However many there are: new events are folded by whoever asks, in between.
        """
        async with self._system.write(None) as tx:
            await repository_rebuild.begin_moved(tx)
            under_way = await repository_rebuild.under_way(tx)
        loop, last = asyncio.get_running_loop(), self._last
        until = loop.time() + seconds
        if last is not None:
            under_way.sort(key=lambda each: (each <= last, each))
        for turn in under_way:
            # Before it is done: whatever is wrong with one, the others have their turns.
            self._last = turn
            await self.step(*turn)
            if loop.time() >= until:
                break
        return bool(under_way)

    async def step(self, tenant_id: UUID, queue_id: UUID) -> Step | None:
        """One portion; the last one exchanges the numbers. None if none is under way, or somebody else is at it."""
        async with self._system.write(tenant_id) as tx:
            held = await repository.hold_cursors(tx, REBUILT, tenant_id, [queue_id], begin=False)
            if not held:
                return None
            folded, orders = await self._folding.fold_held(tx, tenant_id, held, self._portion)
            position = held[0].position
            if folded < self._portion:
                # The end of the log: from here on nobody folds this queue until the numbers are exchanged. What
                # happens in it meanwhile is not waited for, or a busy queue would have no end.
                (live,) = await repository.hold_cursors(tx, LIVE, tenant_id, [queue_id], wait=True)
                until = live.position.revision
                while position.revision < until:
                    self._folding.remember(orders)
                    _, orders = await self._folding.fold_held(tx, tenant_id, held, self._portion, until)
                await repository.hold_tenant(tx, tenant_id)
                since = kept_since(tx.now(), self._fact_months)
                differences = await repository_rebuild.exchange(tx, REBUILT, tenant_id, queue_id, since)
                return Step(position.revision, position.revision, differences)
            of = await repository_rebuild.length(tx, tenant_id, queue_id)
        self._folding.remember(orders)
        return Step(position.revision, of)

    async def wanted(self, tenant: str | None, queue: str | None) -> list[tuple[UUID, UUID, int]]:
        """Tenants, queues and lengths of their logs, by the slugs of a tenant and of its queue; null: all of them."""
        async with self._system.read(None) as tx:
            return await repository_rebuild.queues_of(tx, tenant, queue)

    async def rebuild(self, wanted: list[tuple[UUID, UUID, int]], show: Callable[[Progress], None]) -> Progress:
        """Rebuild queues, one after the other; what a rebuild that was broken off has done is not done again."""
        progress = Progress(len(wanted), sum(length for _, _, length in wanted))
        for tenant_id in dict.fromkeys(tenant_id for tenant_id, _, _ in wanted):
            await self.ask(tenant_id, [queue_id for owner, queue_id, _ in wanted if owner == tenant_id])
        for tenant_id, queue_id, length in wanted:
            before = progress.events_done
            while (step := await self.step(tenant_id, queue_id)) is None or step.differences is None:
                if step is not None:
                    progress.events_done = before + min(step.done, length)
                    show(progress)
                elif await self._is_under_way(tenant_id, queue_id):
                    # A worker is at it.
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                else:
                    break
            progress.differences += 0 if step is None else step.differences or 0
            progress.queues_done += 1
            progress.events_done = before + length
            show(progress)
        for tenant_id in dict.fromkeys(tenant_id for tenant_id, _, _ in wanted):
            progress.differences += await self._total(tenant_id)
        return progress

    async def _total(self, tenant_id: UUID) -> int:
        """Make the tenant's own rows the sum of its queues', month by month; how many were not."""
        async with self._system.read(tenant_id) as read:
            months = await repository_rebuild.months(read, tenant_id)
        wrong = 0
        for starts, ends in zip(months, [*months[1:], _END_OF_TIME], strict=False):
            async with self._system.write(tenant_id) as tx:
                await repository.hold_tenant(tx, tenant_id)
                wrong += await repository_rebuild.total(tx, tenant_id, starts, ends)
        return wrong

    async def _is_under_way(self, tenant_id: UUID, queue_id: UUID) -> bool:
        async with self._system.read(None) as tx:
            return (tenant_id, queue_id) in await repository_rebuild.under_way(tx)


async def rebuild(
    settings: Settings, tenant: str | None, queue: str | None, show: Callable[[Progress], None]
) -> Progress:
    """Rebuild what is wanted, with a connection of its own; no queues if there are none of these names."""
    system = Database(role_url(settings, SYSTEM_ROLE), pool_size=1, name="vq-analytics", clock=SystemClock())
    try:
        rebuilding = Rebuilding(system, settings.analytics_fact_months)
        await keep_months(system, settings.analytics_fact_months)
        return await rebuilding.rebuild(await rebuilding.wanted(tenant, queue), show)
    finally:
        await system.dispose()
