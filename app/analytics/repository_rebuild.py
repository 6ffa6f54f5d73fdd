"""Statements of rebuilds: which are under way, and how their rows take the place of the old ones."""

from datetime import datetime
from typing import Final
from uuid import UUID

from app.analytics.repository import FACT_COLUMNS, FACT_KEYS, LIVE, ROW, ROW_KEYS, Store, add_to_rollups, row_of
from app.analytics.rollups import OF_TENANT, Increments, is_any, negative, of_tenant
from app.core.db import ReadTx, WriteTx

_TOGETHER: Final = 5_000
_BEGIN: Final = """
    insert into analytics_rebuilds (tenant_id, queue_id, revision, time_zone, waiting_count, called_count,
        serving_count, open_counter_count)
    select queue.tenant_id, queue.id, 0, queue.time_zone, 0, 0, 0, 0 from queues queue
"""


async def begin(tx: WriteTx, tenant_id: UUID, queue_ids: list[UUID]) -> None:
    """Ask for rebuilds of queues of a tenant."""
    statement = f"{_BEGIN} where queue.tenant_id = $1 and queue.id = any($2::uuid[]) order by 2 on conflict do nothing"
    await tx.rows(statement, tenant_id, queue_ids)


async def begin_moved(tx: WriteTx) -> None:
    """Ask for rebuilds of queues that were moved to another time zone: their days are others."""
    await tx.rows(
        f"{_BEGIN} join analytics_cursors cursor on cursor.tenant_id = queue.tenant_id and cursor.queue_id = queue.id"
        " where cursor.time_zone <> queue.time_zone order by 1, 2 on conflict do nothing"
    )


async def under_way(tx: ReadTx) -> list[tuple[UUID, UUID]]:
    """Tenants and queues of rebuilds."""
    found = await tx.rows("select tenant_id, queue_id from analytics_rebuilds order by tenant_id, queue_id")
    return [(UUID(int=tenant.int), UUID(int=queue.int)) for tenant, queue in found]


async def queues_of(tx: ReadTx, tenant: str | None, queue: str | None) -> list[tuple[UUID, UUID, int]]:
    """Tenants, queues and the lengths of their logs, by slugs; of all tenants if none is named."""
    found = await tx.rows(
        "select line.tenant_id, line.id, line.revision from queue_lines line"
        " join queues queue on queue.tenant_id = line.tenant_id and queue.id = line.id"
        " join tenants tenant on tenant.id = line.tenant_id"
        " where ($1::text is null or tenant.slug = $1) and ($2::text is null or queue.slug = $2) order by 1, 2",
        tenant,
        queue,
    )
    return [(UUID(int=tenant_id.int), UUID(int=queue_id.int), length) for tenant_id, queue_id, length in found]


async def length(tx: ReadTx, tenant_id: UUID, queue_id: UUID) -> int:
    """How many events a queue's log has."""
    found = await tx.rows("select revision from queue_lines where tenant_id = $1 and id = $2", tenant_id, queue_id)
    return int(found[0][0]) if found else 0


_MINE: Final = "tenant_id = $1 and {queue} = $2"
# The queue is named to the rows as well: else the whole table is read to find those that go.
_EXCHANGE: Final = """
    with gone as (
        select {columns} from {old} where {mine} except select {columns} from {new} where {mine} {kept}
    )
    delete from {old} as row using gone where row.tenant_id = $1 and row.{queue} = $2 and {same} returning {returned}
"""
_TAKE: Final = """
    insert into {old} as row (tenant_id, {columns})
    select $1, come.* from (
        select {columns} from {new} where {mine} {kept} except select {columns} from {old} where {mine}
    ) as come returning {returned}
"""
_TAKE_CURSOR: Final = """
    update analytics_cursors as cursor set revision = new.revision, time_zone = new.time_zone,
        occurred_at = new.occurred_at, waiting_count = new.waiting_count, called_count = new.called_count,
        serving_count = new.serving_count, open_counter_count = new.open_counter_count
    from analytics_rebuilds new
    where new.tenant_id = $1 and new.queue_id = $2 and cursor.tenant_id = $1 and cursor.queue_id = $2
"""


def _statements(
    old: str, new: str, columns: str, keys: tuple[str, ...], *, queue: str, kept: str, returned: str
) -> list[str]:
    same = " and ".join(f"row.{name} = gone.{name}" for name in keys)
    mine = _MINE.format(queue=queue)
    parts = {"old": old, "new": new, "columns": columns, "mine": mine, "queue": queue, "kept": kept}
    return [each.format(same=same, returned=returned, **parts) for each in (_EXCHANGE, _TAKE)]


async def exchange(tx: WriteTx, new: Store, tenant_id: UUID, queue_id: UUID, kept_since: datetime) -> int:
    """Put a rebuild's rows in the place of the old ones, and forget it; how many rows differed.

    The caller holds both cursors and the tenant's rows. Visits of before `kept_since` are not brought back.
    """
    returned = ", ".join(f"row.{name.strip()}" for name in ROW.split(","))
    differences = 0
    of_own = Increments()
    forget, take = _statements(LIVE.rollups, new.rollups, ROW, ROW_KEYS, queue="scope_id", kept="", returned=returned)
    for sign, statement in ((-1, forget), (1, take)):
        rows = await tx.rows(statement, tenant_id, queue_id)
        differences += len(rows)
        _add(of_own, of_tenant(tenant_id, map(row_of, rows), sign))
    await add_to_rollups(tx, LIVE, tenant_id, of_own)
    for statement in _statements(
        LIVE.facts,
        new.facts,
        ", ".join(FACT_COLUMNS),
        FACT_KEYS,
        queue="queue_id",
        kept="and entered_at >= $3",
        returned="1",
    ):
        differences += len(await tx.rows(statement, tenant_id, queue_id, kept_since))
    await tx.rows(_TAKE_CURSOR, tenant_id, queue_id)
    for table, queue in ((new.facts, "queue_id"), (new.rollups, "scope_id"), (new.cursors, "queue_id")):
        await tx.rows(f"delete from {table} where tenant_id = $1 and {queue} = $2", tenant_id, queue_id)
    return differences


_MONTHS: Final = """
    select distinct date_trunc('month', local_at, 'UTC') from analytics_rollups
    where tenant_id = $1 and grain = 'MONTH' order by 1
"""
_OF_QUEUES: Final = f"""
    select {ROW} from analytics_rollups
    where tenant_id = $1 and scope_id <> $1 and dimension = any($2) and local_at >= $3 and local_at < $4
"""
_OWN: Final = f"""
    select {ROW} from analytics_rollups
    where tenant_id = $1 and scope_id = $1 and local_at >= $2 and local_at < $3
"""


async def months(tx: ReadTx, tenant_id: UUID) -> list[datetime]:
    """The local months of which there are rows of a tenant: there is nothing outside of them."""
    return [row[0] for row in await tx.rows(_MONTHS, tenant_id)]


async def total(tx: WriteTx, tenant_id: UUID, starts: datetime, ends: datetime) -> int:
    """Make the tenant's own rows of a stretch of time the sum of its queues'; how many were not.

    The caller is alone with the tenant's rows.
    """
    missing = Increments()
    async for portion in tx.portions(_TOGETHER, _OF_QUEUES, tenant_id, sorted(OF_TENANT), starts, ends):
        _add(missing, of_tenant(tenant_id, map(row_of, portion)))
    _add(missing, {key: negative(row) for key, row in map(row_of, await tx.rows(_OWN, tenant_id, starts, ends))})
    wrong = {key: row for key, row in missing.items() if is_any(row)}
    await add_to_rollups(tx, LIVE, tenant_id, wrong)
    return len(wrong)


def _add(to: Increments, more: Increments) -> None:
    for key, row in more.items():
        if key in to:
            to[key].merge(row)
        else:
            to[key] = row
