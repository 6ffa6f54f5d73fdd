"""Counts a queue anew from its log's first event, into tables of its own, and exchanges old and new in one transaction.

Goes on in portions that commit, so that one that was killed is gone on with; everybody reads the old numbers until the
new ones are in. The fold is the one that keeps figures current.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.analytics import repository, repository_rebuild
from app.analytics.folding import Folding
from app.analytics.repository import LIVE, REBUILT
from app.analytics.upkeep import kept_since
from app.core.db import Database

PORTION: Final = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """What a portion of a rebuild has come to: `done` of `of` events. `differences` is null until the exchange."""

    done: int
    of: int
    differences: int | None = None


class Rebuilding:
    """Rebuilds queues, portion by portion."""

    def __init__(self, system: Database, fact_months: int) -> None:
        self._system = system
        self._folding = Folding(system, REBUILT)
        self._fact_months = fact_months

    async def ask(self, tenant_id: UUID, queue_ids: list[UUID]) -> None:
        """Begin to rebuild queues, where no rebuild is under way."""
        async with self._system.write(tenant_id) as tx:
            await repository_rebuild.begin(tx, tenant_id, queue_ids)

    async def go_on(self) -> bool:
        """Ask for what was moved, and do one portion of each rebuild under way; whether there was any."""
        async with self._system.write(None) as tx:
            await repository_rebuild.begin_moved(tx)
            under_way = await repository_rebuild.under_way(tx)
        for tenant_id, queue_id in under_way:
            await self.step(tenant_id, queue_id)
        return bool(under_way)

    async def step(self, tenant_id: UUID, queue_id: UUID) -> Step | None:
        """One portion; the last one exchanges the numbers. None if none is under way, or somebody else is at it."""
        async with self._system.write(tenant_id) as tx:
            held = await repository.hold_cursors(tx, REBUILT, tenant_id, [queue_id], begin=False)
            if not held:
                return None
            folded, orders = await self._folding.fold_held(tx, tenant_id, held, PORTION)
            position = held[0].position
            if folded < PORTION:
                # The end of the log: from here on nobody folds this queue until the numbers are exchanged.
                await repository.hold_cursors(tx, LIVE, tenant_id, [queue_id], wait=True)
                while folded:
                    self._folding.remember(orders)
                    folded, orders = await self._folding.fold_held(tx, tenant_id, held, PORTION)
                await repository.hold_tenant(tx, tenant_id)
                since = kept_since(tx.now(), self._fact_months)
                differences = await repository_rebuild.exchange(tx, REBUILT, tenant_id, queue_id, since)
                return Step(position.revision, position.revision, differences)
            of = await repository_rebuild.length(tx, tenant_id, queue_id)
        self._folding.remember(orders)
        return Step(position.revision, of)
