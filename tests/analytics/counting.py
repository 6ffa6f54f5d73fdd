"""What the figures' tests look at: a tenant's queues under a clock by hand, the fold, and all rows it has made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.analytics import repository
from app.analytics.contribution import contribution, members
from app.analytics.facts import Fact
from app.analytics.hours import hours_of
from app.analytics.models import Dimension
from app.analytics.rebuild import Rebuilding, Step
from app.analytics.repository import FACT_COLUMNS, ROW, fact_of, row_of
from app.analytics.rollups import COUNTS, OF_TENANT, Increment, Increments, RowKey, rows_of
from app.analytics.worker import AnalyticsWorker
from app.core.clock import Clock
from app.core.db import Database, ReadTx
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.settings import Settings
from tests.support.waiting import eventually

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
        """Fold until nothing is new; how many events. Waits for whoever dies with a queue in hand."""
        worker, folded = self.worker(), 0

        async def is_current() -> bool:
            nonlocal folded
            folded += await worker.fold_new()
            async with self.system.read(None) as tx:
                return not await repository.behind(tx, 1)

        await eventually(is_current)
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
        async with self.system.read(None) as tx:
            return await self.facts_in(tx, tenant_id, queue_id)

    async def facts_in(self, tx: ReadTx, tenant_id: UUID, queue_id: UUID) -> list[Fact]:
        """`facts`, as a block sees them."""
        columns = ", ".join(FACT_COLUMNS)
        statement = f"select {columns} from session_facts where tenant_id = $1 and queue_id = $2 order by entered_at"
        return [fact_of(row) for row in await tx.rows(statement, tenant_id, queue_id)]

    async def places(self, tenant_id: UUID, queue_id: UUID) -> set[str]:
        """The partitions in which a queue's visits are."""
        statement = "select distinct tableoid::regclass::text from session_facts where tenant_id = $1 and queue_id = $2"
        return {row[0] for row in await self._rows(statement, tenant_id, queue_id)}

    async def rollups(self, tenant_id: UUID, scope_id: UUID | None = None) -> dict[RowKey, Increment]:
        """The tenant's roll-up rows, or those of one scope."""
        statement = f"select {ROW} from analytics_rollups where tenant_id = $1 and ($2::uuid is null or scope_id = $2)"
        return dict(map(row_of, await self._rows(statement, tenant_id, scope_id)))

    async def by_hand(self, tenant_id: UUID, queue_id: UUID) -> list[tuple[object, ...]]:
        """By local hour what SQL says of visits and log: how many came, were called and served, and for how long."""
        return [tuple(row) for row in await self._rows(_BY_HAND, tenant_id, queue_id)]

    def summed(self, rows: dict[RowKey, Increment]) -> list[tuple[object, ...]]:
        """The same, from the roll-ups of a queue."""
        found = []
        for key, row in sorted(rows.items()):
            if key.grain == "HOUR" and key.dimension == "ALL":
                counts = [row.counts.get(name, 0) for name in _HAND_COUNTS]
                if any(counts):
                    found.append((key.begins_at, row.local_at, *counts))
        return found

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
    """`added_up` as the tenant's own rows, which go by the clock on the wall."""
    own: Increments = {}
    for key, row in added_up(tenant_id, time_zone, facts, OF_TENANT).items():
        own.setdefault(key._replace(begins_at=row.local_at), Increment(row.local_at)).merge(row)
    return own


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


_HAND_COUNTS = (
    "entered", "called", "wait_ms", "served", "abandoned", "no_show", "service_count", "service_ms", "waiting_ms",
    "serving_ms",
)  # fmt: skip
_BY_HAND = """
    with zone as (select time_zone as name from queues where tenant_id = $1 and id = $2),
    visits as (select * from session_facts where tenant_id = $1 and queue_id = $2),
    measures as (
        select entered_at as at, 1 as entered, 0 as called, 0 as wait, 0 as served, 0 as abandoned, 0 as no_show,
            0 as ended, 0 as service, 0 as waiting, 0 as serving from visits
        union all
        select called_at, 0, 1, floor(extract(epoch from called_at - entered_at) * 1000), 0, 0, 0, 0, 0, 0, 0
        from visits where called_at is not null
        union all
        select ended_at, 0, 0, 0, (outcome = 'SERVED')::int, (outcome = 'ABANDONED_WAITING')::int,
            (outcome = 'NO_SHOW')::int, (started_at is not null)::int,
            coalesce(floor(extract(epoch from ended_at - started_at) * 1000), 0), 0, 0
        from visits where ended_at is not null
        union all
        select part.starts, 0, 0, 0, 0, 0, 0, 0, 0, part.ms * waiting, part.ms * serving
        from (
            select occurred_at, lead(occurred_at) over (order by revision) as until,
                (data->'line'->>'waiting_count')::int as waiting, (data->'line'->>'serving_count')::int as serving
            from events where tenant_id = $1 and aggregate_type = 'queue' and aggregate_id = $2
        ) as stretch
        cross join lateral (
            select greatest(quarter, occurred_at) as starts,
                floor(extract(epoch from least(quarter + interval '15 minutes', until)) * 1000)
                - floor(extract(epoch from greatest(quarter, occurred_at)) * 1000) as ms
            from generate_series(date_bin('15 minutes', occurred_at, 'epoch'), until, interval '15 minutes') as quarter
        ) as part
        where until is not null
    )
    -- Whole-hour and half-hour zones: what the wall shows, without its minutes, is where the hour began.
    select at - (extract(minute from local) * 60 + extract(second from local)) * interval '1 second' as begins_at,
        date_trunc('hour', local) at time zone 'UTC' as local_at,
        sum(entered)::bigint, sum(called)::bigint, sum(wait)::bigint, sum(served)::bigint, sum(abandoned)::bigint,
        sum(no_show)::bigint, sum(ended)::bigint, sum(service)::bigint, sum(waiting)::bigint, sum(serving)::bigint
    from measures cross join zone cross join lateral (select at at time zone zone.name as local) as wall
    group by 1, 2
    having sum(entered + called + wait + served + abandoned + no_show + ended + service + waiting + serving) > 0
    order by 1
"""
