"""Every statement about who is present. What follows from somebody's absence stands in `absence.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import ReadTx, WriteTx

BY_THE_LINE = UUID(int=0)
"""In the place of a process: the line itself has put somebody back."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A visitor as one process has seen them: there now, or last seen at a time."""

    session_id: UUID
    is_present: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Grace:
    """How long a place is kept for whoever is not seen, by device; null: for ever."""

    browser: timedelta | None
    phone: timedelta | None


@dataclass(frozen=True, slots=True)
class Reporters:
    """The API processes as the database knows them."""

    # Since when there has been one without interruption; null while there is none.
    open_since: datetime | None
    # Whether one has not reported of late that may still do so, and know of somebody who has come.
    is_one_late: bool


async def tenants_with_grace(tx: ReadTx, tenant_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these tenants have a queue that may have a grace; for the system role."""
    found = await tx.rows(_TENANTS, tenant_ids)
    return {tenant_id for (tenant_id,) in found}


_TENANTS = """
    select distinct tenant_id from queues
    where tenant_id = any($1::uuid[]) and archived_at is null
        and (
            mode = 'METERED' or grace_seconds is not null or phone_grace_seconds is not null
            or overrides->>'grace_seconds' is not null or overrides->>'phone_grace_seconds' is not null
        )
"""


async def write(tx: WriteTx, reporter_id: UUID, rows: Sequence[Seen]) -> None:
    """What a process has seen of visitors: in whichever status, for who is called may be put back into the line."""
    columns = zip(*((row.session_id, row.is_present, row.seen_at) for row in rows), strict=True)
    await tx.rows(_WRITE, tx.tenant, reporter_id, *columns)


_WRITE = """
    insert into presences (tenant_id, session_id, reporter_id, is_present, seen_at)
    select $1, session_id, $2, is_present, seen_at
    from unnest($3::uuid[], $4::boolean[], $5::timestamptz[]) as seen (session_id, is_present, seen_at)
    on conflict (tenant_id, session_id, reporter_id)
        do update set is_present = excluded.is_present, seen_at = excluded.seen_at
"""


async def live(tx: WriteTx, reporter_id: UUID, now: datetime) -> None:
    """A process is alive, and everybody of whom it has said that they are there is; for the system role."""
    await tx.rows(_LIVE, reporter_id, now)


_LIVE = """
    insert into presence_reporters (id, began_at, alive_at) values ($1, $2, $2)
    on conflict (id) do update set alive_at = excluded.alive_at
"""


async def leave(tx: WriteTx, reporter_id: UUID) -> None:
    """A process has said who has gone with it, and ends; for the system role."""
    await tx.rows("delete from presence_reporters where id = $1", reporter_id)


async def reporters(tx: ReadTx, late_before: datetime, lost_before: datetime) -> Reporters:
    """The processes. Those not heard of since `late_before` are late, since `lost_before` lost for good."""
    ((open_since, is_one_late),) = await tx.rows(_REPORTERS, late_before, lost_before)
    return Reporters(open_since, bool(is_one_late))


_REPORTERS = """
    select min(began_at) filter (where alive_at >= $1), bool_or(alive_at < $1 and alive_at >= $2)
    from presence_reporters
"""


async def absent(
    tx: ReadTx, queue_id: UUID, grace: Grace, open_since: datetime, now: datetime, limit: int
) -> tuple[list[UUID], datetime | None]:
    """Who of a line has been away for longer than the grace, longest first; and when the next one will have been.

    Whoever was never seen was there when they joined, and everybody when the doors opened.
    """
    found = await tx.rows(_ABSENT, tx.tenant, queue_id, grace.browser, grace.phone, open_since, now, limit)
    ids = [id for id, _ in found if id is not None]
    return ids, next((at for id, at in found if id is None), None)


# A full join is never a loop in a loop. Any other may become one, in a crowd that the planner has not heard of yet:
# minutes, under the line's lock. What is in the CASE is not seen through, or it would be made a left join.
_ABSENT = """
    with waiting as materialized (
        select id, joined_at, case device when 'PHONE' then $4::interval else $3::interval end as grace from sessions
        where tenant_id = $1 and queue_id = $2 and status = 'WAITING' and held_at is null
    ), seen as materialized (
        select session_id, max(case when is_present then greatest(seen_at, alive_at) else seen_at end) as seen_at
        from presences left join presence_reporters on presence_reporters.id = reporter_id
        where tenant_id = $1 group by session_id
    ), due as materialized (
        select id, greatest(joined_at, seen_at, $5) + grace as at
        from waiting full join seen on session_id = id
        where case when id is null then false else true end
    )
    (select id, at from due where at <= $6 order by at, id limit $7)
    union all
    (select null, min(at) from due where at > $6 having count(*) > 0)
"""


async def forget(tx: WriteTx, lost_before: datetime, limit: int) -> int:
    """Remove what is said of sessions that have ended, and processes long gone; how many. For the system role."""
    ended = await tx.rows(_FORGET_ENDED, limit)
    lost = await tx.rows(_FORGET_LOST, lost_before)
    return len(ended) + len(lost)


_FORGET_ENDED = """
    delete from presences where (tenant_id, session_id, reporter_id) in (
        select presences.tenant_id, session_id, reporter_id from presences
        left join sessions on sessions.tenant_id = presences.tenant_id and sessions.id = session_id
        where sessions.id is null or sessions.ended_at is not null
        limit $1
        -- Other workers do this too, and processes report meanwhile.
        for update of presences skip locked
    ) returning 1
"""
# As long as it has seen somebody who still waits, the time it was lost is the time they were last seen.
_FORGET_LOST = """
    delete from presence_reporters where alive_at < $1
        and not exists (select from presences where reporter_id = presence_reporters.id) returning 1
"""
