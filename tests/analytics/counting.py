"""What the figures' tests look at: a tenant's queues under a clock by hand, the fold, and all rows it has made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.analytics.contribution import contribution, members
from app.analytics.facts import Fact
from app.analytics.hours import hours_of
from app.analytics.models import Dimension
from app.analytics.rebuild import Rebuilding, Step
from app.analytics.repository import FACT_COLUMNS, ROW, fact_of, row_of
from app.analytics.rollups import COUNTS, OF_TENANT, Increment, Increments, RowKey, rows_of
from app.analytics.worker import AnalyticsWorker
from app.core.clock import Clock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.settings import Settings

FACT_MONTHS = 24
OF_TIME = ("waiting_ms", "called_ms", "serving_ms", "counter_ms")
"""What no visit adds: how the line was as time went by."""


@dataclass
class Counting:
    """The fold of a whole database, as a worker would run it."""

    settings: Settings
    system: Database

    def worker(self) -> AnalyticsWorker:
        """One more."""
        return AnalyticsWorker(self.system, FACT_MONTHS)

    async def fold(self) -> int:
        """Fold until nothing is new; how many events."""
        worker, folded = self.worker(), 0
        while portion := await worker.fold_new():
            folded += portion
        return folded

    async def rebuild(self, tenant_id: UUID, queue_id: UUID) -> Step:
        """Rebuild a queue to the end."""
        rebuilding = Rebuilding(self.system, FACT_MONTHS)
        await rebuilding.ask(tenant_id, [queue_id])
        while True:
            step = await rebuilding.step(tenant_id, queue_id)
            assert step is not None
            if step.differences is not None:
                return step

    async def facts(self, tenant_id: UUID, queue_id: UUID) -> list[Fact]:
        """The visits of a queue, in order of entering."""
        columns = ", ".join(FACT_COLUMNS)
        rows = await self._rows(
            f"select {columns} from session_facts where tenant_id = $1 and queue_id = $2 order by entered_at",
            tenant_id,
            queue_id,
        )
        return [fact_of(row) for row in rows]

    async def rollups(self, tenant_id: UUID, scope_id: UUID | None = None) -> dict[RowKey, Increment]:
        """The tenant's roll-up rows, or those of one scope."""
        statement = f"select {ROW} from analytics_rollups where tenant_id = $1 and ($2::uuid is null or scope_id = $2)"
        return dict(map(row_of, await self._rows(statement, tenant_id, scope_id)))

    async def _rows(self, statement: str, *values: object) -> Sequence[Any]:
        async with self.system.read(None) as tx:
            return await tx.rows(statement, *values)


def counting(settings: Settings, clock: Clock) -> Counting:
    """A fold by a clock; its connections have to be disposed of."""
    system = Database(role_url(settings, SYSTEM_ROLE), pool_size=4, clock=clock, name="analytics")
    return Counting(settings, system)


def added_up(
    scope_id: UUID, time_zone: str, facts: Sequence[Fact], dimensions: frozenset[Dimension] = frozenset(Dimension)
) -> Increments:
    """What visits add up to, one by one: the roll-ups as they have to be, but for what only time makes."""
    cells: dict[Any, dict[Any, int]] = {}
    for fact in facts:
        for member in members(fact):
            if member.dimension not in dimensions:
                continue
            for cell, amount in contribution(fact, hours_of(time_zone)).items():
                there = cells.setdefault(member, {})
                there[cell] = there.get(cell, 0) + amount
    return rows_of(scope_id, hours_of(time_zone), cells, {})


def of_tenant(tenant_id: UUID, time_zone: str, facts: Sequence[Fact]) -> Increments:
    """`added_up` as the tenant's own rows."""
    return added_up(tenant_id, time_zone, facts, OF_TENANT)


def without_time(rows: dict[RowKey, Increment]) -> dict[RowKey, tuple[Any, ...]]:
    """Rows as plain values, without what only time makes; rows that have nothing else are left out."""
    plain = {}
    for key, row in rows.items():
        counts = {name: row.counts[name] for name in COUNTS if row.counts.get(name) and name not in OF_TIME}
        histograms = {
            name: {bucket: count for bucket, count in buckets.items() if count}
            for name, buckets in row.histograms.items()
        }
        if counts or any(histograms.values()):
            plain[key] = (row.local_at, counts, {name: each for name, each in histograms.items() if each})
    return plain
