"""Every statement about memories of waits and samples of what was said."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.ids import Ref
from app.estimates.staying import CELLS, GROWTH
from app.sessions.waits.accuracy import Cell
from app.sessions.waits.fold import Begun, Decided, Sample, Stored, read_features, stored_features


class Held(NamedTuple):
    """A memory nobody else holds."""

    revision: int
    time_zone: str
    stored: Stored


class Said(NamedTuple):
    """What API processes say estimates from, as of a revision."""

    revision: int
    said: bytes
    pace: bytes


_BEHIND = """
    select line.tenant_id, line.id from queue_lines line
        left join wait_memories memory on memory.tenant_id = line.tenant_id and memory.queue_id = line.id
    where line.revision > coalesce(memory.revision, 0)
        and (memory.learned_at is null or memory.learned_at <= $1)
    order by memory.learned_at nulls first limit $2
"""


async def behind(tx: ReadTx, before: datetime, limit: int) -> list[Ref]:
    """Queues of all tenants whose log goes on behind what was learned, and was not learned from since `before`."""
    return [Ref(tenant_id, id) for tenant_id, id in await tx.rows(_BEHIND, before, limit)]


_MAKE = """
    insert into wait_memories (tenant_id, queue_id, revision, learned_at) values ($1, $2, 0, $3)
    on conflict do nothing
"""
_HOLD = """
    select memory.revision, queue.time_zone, memory.said, memory.pace, memory.learning from wait_memories memory
        join queues queue on queue.tenant_id = memory.tenant_id and queue.id = memory.queue_id
    where memory.tenant_id = $1 and memory.queue_id = $2 for no key update of memory skip locked
"""


async def hold(tx: WriteTx, queue_id: UUID) -> Held | None:
    """Hold a queue's memory, made if there is none; None while somebody else holds it, or without such a queue."""
    found = await tx.rows(_HOLD, tx.tenant, queue_id)
    if not found:
        await tx.rows(_MAKE, tx.tenant, queue_id, tx.now())
        found = await tx.rows(_HOLD, tx.tenant, queue_id)
    return Held(found[0][0], found[0][1], Stored(*found[0][2:])) if found else None


_KEEP = """
    update wait_memories set revision = $3, said = $4, pace = $5, learning = $6, learned_at = $7
    where tenant_id = $1 and queue_id = $2
"""


async def keep(tx: WriteTx, queue_id: UUID, revision: int, stored: Stored) -> None:
    """Write a memory that is held."""
    await tx.rows(_KEEP, tx.tenant, queue_id, revision, stored.said, stored.pace, stored.learning, tx.now())


async def said_of(tx: ReadTx, queue_id: UUID, after: int = -1) -> Said | None:
    """What estimates are said from, if it is newer than a revision; None before anything was learned."""
    found = await tx.rows(
        "select revision, said, pace from wait_memories where tenant_id = $1 and queue_id = $2 and revision > $3"
        " and said is not null",
        tx.tenant,
        queue_id,
        after,
    )
    return Said(*found[0]) if found else None


_BEGUN = """
    select session_id, revision, said_at, features::text from wait_samples
    where tenant_id = $1 and queue_id = $2 and session_id = any($3::uuid[])
"""


async def begun(tx: ReadTx, queue_id: UUID, session_ids: Sequence[UUID]) -> dict[int, Begun]:
    """The samples of these sessions whose truth is awaited, by `UUID.int`."""
    found = await tx.rows(_BEGUN, tx.tenant, queue_id, session_ids)
    return {id.int: Begun(revision, at, read_features(features)) for id, revision, at, features in found}


_ADD = """
    insert into wait_samples (tenant_id, queue_id, revision, session_id, said_at, ahead_count, weight, p50_seconds,
        p90_seconds, reason, predictor, features)
    select $1, $2, revision, session_id, said_at, ahead, weight, p50, p90, reason, predictor, features::jsonb
    from unnest($3::bigint[], $4::uuid[], $5::timestamptz[], $6::int[], $7::int[], $8::int[], $9::int[], $10::text[],
        $11::text[], $12::text[])
        as sample (revision, session_id, said_at, ahead, weight, p50, p90, reason, predictor, features)
"""


async def add(tx: WriteTx, queue_id: UUID, samples: Sequence[Sample]) -> None:
    """Write samples down."""
    columns = zip(
        *(
            (
                *(one.revision, one.session_id, one.said_at, one.ahead_count, one.weight, one.quantiles.p50_seconds),
                *(one.quantiles.p90_seconds, one.quantiles.reason, one.predictor, stored_features(one.features)),
            )
            for one in samples
        ),
        strict=True,
    )
    await tx.rows(_ADD, tx.tenant, queue_id, *columns)


_DECIDE = """
    update wait_samples set decided_at = truth.at, waited_seconds = truth.waited, is_served = truth.served,
        session_id = null, features = null
    from unnest($3::bigint[], $4::timestamptz[], $5::float[], $6::bool[]) as truth (revision, at, waited, served)
    where tenant_id = $1 and queue_id = $2 and wait_samples.revision = truth.revision
"""


async def decide(tx: WriteTx, queue_id: UUID, decided: Sequence[Decided]) -> None:
    """Write down what came of samples. The session is not needed any more, nor are the features."""
    columns = zip(*((one.revision, one.at, one.waited_seconds, one.is_served) for one in decided), strict=True)
    await tx.rows(_DECIDE, tx.tenant, queue_id, *columns)


_DELETE = """
    delete from wait_samples where (tenant_id, queue_id, revision) in (
        select tenant_id, queue_id, revision from wait_samples where said_at < $1 order by said_at limit $2
    )
    returning 1
"""


async def delete_before(tx: WriteTx, before: datetime, limit: int) -> int:
    """Delete old samples, at most `limit`, and say how many; for the system role."""
    return len(await tx.rows(_DELETE, before, limit))


_CELLS = """
    select least(floor(ln(1 + waited_seconds) / $5::float)::int, $6::int) as cell,
        coalesce(sum(weight) filter (where not is_served), 0)::float,
        coalesce(sum(weight) filter (where is_served), 0)::float,
        coalesce(sum(weight) filter (where told), 0)::float,
        count(*) filter (where told)::int,
        coalesce(sum(weight * abs(over_p50)) filter (where told), 0)::float,
        coalesce(sum(weight * -over_p50) filter (where told), 0)::float,
        coalesce(sum(weight * greatest(0.5 * over_p50, -0.5 * over_p50)) filter (where told), 0)::float,
        coalesce(sum(weight * greatest(0.9 * over_p90, -0.1 * over_p90)) filter (where told), 0)::float,
        coalesce(sum(weight) filter (where told and over_p50 <= 0), 0)::float,
        coalesce(sum(weight) filter (where told and over_p90 <= 0), 0)::float
    from (
        select weight, is_served, waited_seconds, is_served and p50_seconds is not null as told,
            waited_seconds - p50_seconds as over_p50, waited_seconds - p90_seconds as over_p90
        from wait_samples
        where tenant_id = $1 and queue_id = $2 and said_at >= $3 and said_at < $4 and decided_at is not null
    ) as decided
    group by cell order by cell
"""


async def cells(tx: ReadTx, queue_id: UUID, since: datetime, until: datetime) -> list[Cell]:
    """Sums over the samples of a period whose truth is known, by length of wait."""
    found = await tx.rows(_CELLS, tx.tenant, queue_id, since, until, GROWTH, CELLS - 1)
    return [Cell(*row) for row in found]


class Counts(NamedTuple):
    """How many samples of a period there are: all, those told nothing, those whose truth is awaited, those who left."""

    all: int
    hidden: int
    awaited: int
    left: int


_COUNTS = """
    select count(*)::int, (count(*) filter (where p50_seconds is null))::int,
        (count(*) filter (where decided_at is null))::int, (count(*) filter (where is_served = false))::int
    from wait_samples where tenant_id = $1 and queue_id = $2 and said_at >= $3 and said_at < $4
"""


async def counts(tx: ReadTx, queue_id: UUID, since: datetime, until: datetime) -> Counts:
    """Of a period."""
    (row,) = await tx.rows(_COUNTS, tx.tenant, queue_id, since, until)
    return Counts(*row)
