"""Every statement of the fold: cursors, the log, visits and roll-ups. Reading figures is `repository_figures.py`'s.

The same statements serve the fold that goes on with the log and a rebuild, which has tables of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from app.analytics.facts import Fact, Rank
from app.analytics.fold import Happened, Position
from app.analytics.models import Outcome
from app.analytics.rollups import COUNTS, HISTOGRAMS, Increment, Increments, RowKey, flat, is_any, unflat
from app.core.db import ReadTx, WriteTx
from app.queues.events import QUEUE


@dataclass(frozen=True, slots=True)
class Store:
    """Where a fold keeps what it makes."""

    facts: str
    rollups: str
    cursors: str


LIVE: Final = Store("session_facts", "analytics_rollups", "analytics_cursors")
REBUILT: Final = Store("rebuilt_facts", "rebuilt_rollups", "analytics_rebuilds")


class Behind(NamedTuple):
    """A queue with events that are not folded yet, and how many."""

    tenant_id: UUID
    queue_id: UUID
    events: int


class Cursor(NamedTuple):
    """How far a queue is folded, held until the transaction ends."""

    queue_id: UUID
    time_zone: str
    position: Position


_BEHIND: Final = """
    select line.tenant_id, line.id, line.revision - coalesce(cursor.revision, 0)
    from queue_lines line
    left join analytics_cursors cursor on cursor.tenant_id = line.tenant_id and cursor.queue_id = line.id
    where (cursor.revision is null or cursor.revision < line.revision) and line.id <> all($2::uuid[])
        and (line.tenant_id, line.id) > ($3, $4)
    order by line.tenant_id, line.id limit $1
"""


FIRST: Final = (UUID(int=0), UUID(int=0))
"""Behind it comes every tenant's every queue."""


async def behind(
    tx: ReadTx, limit: int, without: Sequence[UUID] = (), after: tuple[UUID, UUID] = FIRST
) -> list[Behind]:
    """Queues of all tenants whose logs have grown, tenant by tenant, from behind a tenant's queue on."""
    return [Behind(_id(row[0]), _id(row[1]), row[2]) for row in await tx.rows(_BEHIND, limit, list(without), *after)]


_BEGIN: Final = """
    insert into {cursors} (tenant_id, queue_id, revision, time_zone, waiting_count, called_count, serving_count,
        open_counter_count)
    select tenant_id, id, 0, time_zone, 0, 0, 0, 0 from queues where tenant_id = $1 and id = any($2::uuid[])
    order by id on conflict do nothing
"""
_HOLD: Final = """
    select queue_id, time_zone, revision, occurred_at, waiting_count, called_count, serving_count, open_counter_count
    from {cursors} where tenant_id = $1 and queue_id = any($2::uuid[]) order by queue_id for update {whether}
"""


async def hold_cursors(
    tx: WriteTx, store: Store, tenant_id: UUID, queue_ids: Sequence[UUID], *, begin: bool = True, wait: bool = False
) -> list[Cursor]:
    """The cursors of queues, begun where there is none, without those that somebody else holds (unless `wait`)."""
    if begin:
        await tx.rows(_BEGIN.format(cursors=store.cursors), tenant_id, list(queue_ids))
    statement = _HOLD.format(cursors=store.cursors, whether="" if wait else "skip locked")
    found = await tx.rows(statement, tenant_id, list(queue_ids))
    return [Cursor(_id(row[0]), row[1], Position(*row[2:])) for row in found]


_KEEP: Final = """
    update {cursors} as cursor set revision = now.revision, occurred_at = now.occurred_at, waiting_count = now.waiting,
        called_count = now.called, serving_count = now.serving, open_counter_count = now.open
    from unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::int[], $6::int[], $7::int[], $8::int[])
        as now (queue_id, revision, occurred_at, waiting, called, serving, open)
    where cursor.tenant_id = $1 and cursor.queue_id = now.queue_id
"""


async def keep_cursors(tx: WriteTx, store: Store, tenant_id: UUID, cursors: Iterable[tuple[UUID, Position]]) -> None:
    """Write how far queues are folded."""
    rows = [(queue_id, *(getattr(position, name) for name in _POSITION)) for queue_id, position in cursors]
    await tx.rows(_KEEP.format(cursors=store.cursors), tenant_id, *zip(*rows, strict=True))


_POSITION: Final = tuple(each.name for each in fields(Position))
# An event is never older than the one before, so whole months of the log are passed over.
_EVENTS: Final = f"""
    select since.queue_id, event.revision, event.type, event.occurred_at, event.data::text
    from unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) as since (queue_id, revision, occurred_at)
    cross join lateral (
        select e.revision, e.type, e.occurred_at, e.data from events e
        where e.tenant_id = $1 and e.aggregate_type = '{QUEUE}' and e.aggregate_id = since.queue_id
            and e.revision > since.revision and e.occurred_at >= since.occurred_at and e.revision <= $6
        order by e.revision limit $5
    ) as event
"""
_BEFORE_ANY: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_NO_END: Final = 2**62


async def events(
    tx: ReadTx, tenant_id: UUID, cursors: Sequence[Cursor], limit: int, until: int = _NO_END
) -> list[tuple[UUID, Happened]]:
    """The next events of queues, of each at most `limit` and none beyond revision `until`, in order."""
    found = await tx.rows(
        _EVENTS,
        tenant_id,
        [cursor.queue_id for cursor in cursors],
        [cursor.position.revision for cursor in cursors],
        [cursor.position.occurred_at or _BEFORE_ANY for cursor in cursors],
        limit,
        until,
    )
    return [(_id(row[0]), Happened(row[1], row[2], row[3], orjson.loads(row[4]))) for row in found]


_CATEGORIES: Final = """
    select id, category_id from sessions where tenant_id = $1 and id = any($2::uuid[]) and category_id is not null
"""


async def categories(tx: ReadTx, tenant_id: UUID, session_ids: Sequence[str]) -> dict[str, str]:
    """The categories of sessions, by their rows: for events written before the log said so."""
    return {str(row[0]): str(row[1]) for row in await tx.rows(_CATEGORIES, tenant_id, list(session_ids))}


FACT_COLUMNS: Final = tuple(each.name for each in fields(Fact))
FACT_KEYS: Final = FACT_COLUMNS[:3]
_TYPES: Final = {
    "is_transfer": "boolean",
    "outcome": "text",
    **dict.fromkeys(("queue_id", "session_id", "category_id", "counter_id", "served_by"), "uuid"),
    **dict.fromkeys([name for name in FACT_COLUMNS if name.endswith(("_at", "_time"))], "timestamptz"),
    **dict.fromkeys(("rank_sequence", "wait_ms", "service_ms"), "bigint"),
}
_FACTS: Final = f"""
    select distinct on (fact.queue_id, fact.session_id) {", ".join(f"fact.{name}" for name in FACT_COLUMNS)}
    from unnest($2::uuid[], $3::uuid[]) as wanted (queue_id, session_id)
    join {{facts}} fact on fact.tenant_id = $1 and fact.queue_id = wanted.queue_id
        and fact.session_id = wanted.session_id and fact.entered_at >= $4
    order by fact.queue_id, fact.session_id, fact.entered_at desc
"""


async def facts(
    tx: ReadTx, store: Store, tenant_id: UUID, wanted: Sequence[tuple[UUID, str]], since: datetime
) -> list[Fact]:
    """The latest visits of sessions in queues, if begun no earlier than `since`."""
    if not wanted:
        return []
    queue_ids, session_ids = zip(*wanted, strict=True)
    rows = await tx.rows(_FACTS.format(facts=store.facts), tenant_id, list(queue_ids), list(session_ids), since)
    return [fact_of(row) for row in rows]


def fact_of(row: Any) -> Fact:
    fact = Fact(*row)
    for name in ("queue_id", "session_id", "category_id", "counter_id", "served_by"):
        if (id := getattr(fact, name)) is not None:
            setattr(fact, name, _id(id))
    fact.outcome = None if fact.outcome is None else Outcome(fact.outcome)
    return fact


_KEEP_FACTS: Final = (
    f"insert into {{facts}} as fact (tenant_id, {', '.join(FACT_COLUMNS)}) select $1, * from unnest("
    + ", ".join(f"${number}::{_TYPES.get(name, 'int')}[]" for number, name in enumerate(FACT_COLUMNS, 2))
    + ") on conflict (tenant_id, queue_id, session_id, entered_at) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in FACT_COLUMNS[3:])
)


async def keep_facts(tx: WriteTx, store: Store, tenant_id: UUID, facts: Iterable[Fact]) -> None:
    """Write visits as they are now."""
    rows = [tuple(getattr(fact, name) for name in FACT_COLUMNS) for fact in facts]
    if rows:
        await tx.rows(_KEEP_FACTS.format(facts=store.facts), tenant_id, *zip(*rows, strict=True))


_ORDER: Final = """
    select rank_class, rank_time, rank_sequence from {facts}
    where tenant_id = $1 and queue_id = $2 and ended_at is null and rank_class is not null and held_at is null
    order by rank_class, rank_time, rank_sequence
"""


async def order(tx: ReadTx, store: Store, tenant_id: UUID, queue_id: UUID) -> list[Rank]:
    """The ranks of who waits in a queue, first to last."""
    return [tuple(row) for row in await tx.rows(_ORDER.format(facts=store.facts), tenant_id, queue_id)]


ROW_KEYS: Final = ("scope_id", "grain", "dimension", "begins_at", "member")
_MEASURES: Final = (*COUNTS, *HISTOGRAMS, "waiting_max")
_KEY_ARRAYS: Final = "$2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[]"
_ROWS: Final = f"""
    select {", ".join(ROW_KEYS)}, local_at, {", ".join(_MEASURES)}
    from unnest({_KEY_ARRAYS}) as wanted ({", ".join(ROW_KEYS)})
    join {{rollups}} row using ({", ".join(ROW_KEYS)}) where row.tenant_id = $1
"""
_KEEP_ROWS: Final = (
    f"insert into {{rollups}} as row (tenant_id, {', '.join(ROW_KEYS)}, local_at, {', '.join(_MEASURES)})"
    f" select $1, {', '.join(ROW_KEYS)}, local_at, "
    + ", ".join(f"{name}::int[]" if name in HISTOGRAMS else name for name in _MEASURES)
    + f" from unnest({_KEY_ARRAYS}, $7::timestamptz[], "
    # Lists of lists would have to be of one length: each goes as PostgreSQL writes it.
    + ", ".join(
        f"${number}::{'text' if name in HISTOGRAMS else 'bigint'}[]" for number, name in enumerate(_MEASURES, 8)
    )
    + f") as now ({', '.join(ROW_KEYS)}, local_at, {', '.join(_MEASURES)})"
    f" on conflict (tenant_id, {', '.join(ROW_KEYS)}) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in _MEASURES)
)
_FORGET_ROWS: Final = f"""
    delete from {{rollups}} row using unnest({_KEY_ARRAYS}) as gone ({", ".join(ROW_KEYS)})
    where row.tenant_id = $1 and {" and ".join(f"row.{name} = gone.{name}" for name in ROW_KEYS)}
"""


async def add_to_rollups(tx: WriteTx, store: Store, tenant_id: UUID, increments: Increments) -> None:
    """Add to rows, which the caller is alone with; a row that is all zero then is deleted."""
    keys = [key for key, each in increments.items() if each.waiting_max or is_any(each)]
    if not keys:
        return
    found = await tx.rows(_ROWS.format(rollups=store.rollups), tenant_id, *zip(*keys, strict=True))
    merged = {key: increments[key] for key in keys}
    for row in found:
        key, there = row_of(row)
        there.merge(increments[key])
        there.waiting_max = max(there.waiting_max, increments[key].waiting_max)
        merged[key] = there
    kept = [(*key, *_values(each)) for key, each in merged.items() if each.waiting_max or is_any(each)]
    gone = [key for key, each in merged.items() if not (each.waiting_max or is_any(each))]
    if kept:
        await tx.rows(_KEEP_ROWS.format(rollups=store.rollups), tenant_id, *zip(*kept, strict=True))
    if gone:
        await tx.rows(_FORGET_ROWS.format(rollups=store.rollups), tenant_id, *zip(*gone, strict=True))


def row_of(row: Any) -> tuple[RowKey, Increment]:
    """A stored row: its key columns, `local_at`, and the measures in their order."""
    key = RowKey(_id(row[0]), row[1], row[2], row[3], _id(row[4]))
    counts = {name: count for name, count in zip(COUNTS, row[6:], strict=False) if count}
    stored = row[6 + len(COUNTS) :]
    histograms = {name: unflat(flat) for name, flat in zip(HISTOGRAMS, stored, strict=False) if flat}
    return key, Increment(row[5], counts, histograms, row[-1])


ROW: Final = f"{', '.join(ROW_KEYS)}, local_at, {', '.join(_MEASURES)}"
"""The columns `row_of` reads."""


def _values(increment: Increment) -> Iterable[object]:
    yield increment.local_at
    for name in COUNTS:
        yield increment.counts.get(name, 0)
    for name in HISTOGRAMS:
        pairs = flat(increment.histograms.get(name, {}))
        yield None if pairs is None else f"{{{','.join(map(str, pairs))}}}"
    yield increment.waiting_max


async def hold_tenant(tx: WriteTx, tenant_id: UUID) -> None:
    """Be alone with the tenant's own rows until the transaction ends."""
    await tx.rows("select pg_advisory_xact_lock(hashtextextended('analytics of ' || $1, 0))", str(tenant_id))


@lru_cache(maxsize=65_536)
def _id(driver_id: UUID) -> UUID:
    """The driver reads ids into a class of its own."""
    return UUID(int=driver_id.int)
