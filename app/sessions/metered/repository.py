"""Every statement of the release engine: many sessions at once, in order, one statement each. Decides nothing.

Those about one line are right only while it is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.ids import Ref
from app.sessions.events import SessionState
from app.sessions.models import Session, SessionStatus

STEP = timedelta(microseconds=1)
"""How far apart the times of what one statement does are: two changes of a line are never at the same time."""

_SHOWN = [field.name for field in fields(SessionState)]
_STATE = ", ".join(f"sessions.{name}" for name in _SHOWN if name != "counter_name")

# The plan has to be made for these words: the partial index of the line knows no parameter.
_RELEASE = f"""
    with next as materialized (
        select id, row_number() over (order by rank_class, rank_time, rank_sequence) as place from sessions
        where tenant_id = $1 and queue_id = $2 and status = 'WAITING' and held_at is null
        order by rank_class, rank_time, rank_sequence limit $3
    ), released as (
        update sessions set
            status = 'CALLED', called_at = $5::timestamptz + (place - 1) * interval '1 microsecond',
            expires_at = $5::timestamptz + (place - 1) * interval '1 microsecond' + $6::interval,
            call_count = call_count + 1, admission_number = admission_number + 1
        from next where sessions.tenant_id = $1 and sessions.id = next.id
        returning place, {_STATE}, null as counter_name
    ), numbered as (
        insert into queue_releases (tenant_id, queue_id, number, session_id, released_at)
        select $1, $2, $4::bigint + place, id, called_at from released
    )
    select * from released order by place
"""


async def release(
    tx: WriteTx, queue_id: UUID, count: int, *, last_number: int, at: datetime, claim: timedelta | None
) -> list[SessionState]:
    """Call the first `count` in line, one `STEP` after the other from `at` on, and number the releases; in order."""
    return await _states(tx, _RELEASE, tx.tenant, queue_id, count, last_number, at, claim)


@dataclass(frozen=True, slots=True)
class Due:
    """A line for which there is a time to look at it, and the database's time when that was asked."""

    ref: Ref
    due_at: datetime
    now: datetime


_NEXT_DUE = """
    select tenant_id, id, due_at, clock_timestamp() from queue_lines
    where due_at is not null order by due_at limit $1
"""


async def next_due(tx: ReadTx, limit: int) -> list[Due]:
    """The lines that are due next, of all tenants, whether their time has come or not; for the system role."""
    return [Due(Ref(tenant_id, id), due_at, now) for tenant_id, id, due_at, now in await tx.rows(_NEXT_DUE, limit)]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A line nobody else holds, and for when it is due."""

    due_at: datetime
    schedule_due_at: datetime | None
    now: datetime


_CLAIM = """
    select due_at, schedule_due_at, clock_timestamp() from queue_lines
    where tenant_id = $1 and id = $2 and due_at is not null for no key update skip locked
"""


async def claim(tx: WriteTx, queue_id: UUID) -> Claimed | None:
    """Hold a line that is due, unless somebody holds it."""
    found = await tx.rows(_CLAIM, tx.tenant, queue_id)
    return Claimed(*found[0]) if found else None


async def time(tx: ReadTx) -> datetime:
    """The database's clock."""
    ((now,),) = await tx.rows("select clock_timestamp()")
    return cast(datetime, now)


_FORGET = """
    delete from queue_releases where (tenant_id, queue_id, number) in (
        select tenant_id, queue_id, number from queue_releases where released_at < $1
        order by released_at limit 20000 for update skip locked
    )
"""


async def forget_releases(tx: WriteTx, before: datetime) -> None:
    """Delete the numbers of releases before a time, at most 20,000; for the system role."""
    await tx.rows(_FORGET, before)


_RELEASED_AT = """
    select released_at from queue_releases
    where tenant_id = $1 and queue_id = $2 and number between $3 and $4 order by number
"""


async def released_at(tx: ReadTx, queue_id: UUID, first_number: int, last_number: int) -> list[datetime]:
    """The times of these releases, oldest first; those long past may be forgotten."""
    return [at for (at,) in await tx.rows(_RELEASED_AT, tx.tenant, queue_id, first_number, last_number)]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Whose claim window or stay is over, longest first, and when the next one's will be."""

    session_ids: Sequence[UUID]
    next_at: datetime | None


_OVERDUE = """
    (
        select id, expires_at from sessions
        where tenant_id = $1 and queue_id = $2 and expires_at is not null and expires_at <= $3
        order by expires_at, id limit $4
    ) union all (
        select null, expires_at from sessions
        where tenant_id = $1 and queue_id = $2 and expires_at is not null and expires_at > $3
        order by expires_at limit 1
    )
"""


async def overdue(tx: ReadTx, queue_id: UUID, now: datetime, limit: int) -> Overdue:
    """At most `limit` sessions whose time is over."""
    found = await tx.rows(_OVERDUE, tx.tenant, queue_id, now, limit)
    ids = [id for id, _ in found if id is not None]
    return Overdue(ids, next((at for id, at in found if id is None), None))


_END = f"""
    update sessions set
        status = case status when 'CALLED' then 'NO_SHOW' else 'EXPIRED' end,
        ended_at = $4::timestamptz + (place - 1) * interval '1 microsecond', expires_at = null
    from unnest($3::uuid[]) with ordinality as over (id, place)
    where sessions.tenant_id = $1 and sessions.queue_id = $2 and sessions.id = over.id
    returning place, {_STATE},
        (select name from counters where counters.tenant_id = $1 and counters.id = sessions.counter_id) as counter_name
"""


async def end(tx: WriteTx, queue_id: UUID, session_ids: Sequence[UUID], at: datetime) -> list[SessionState]:
    """End these sessions, which have not ended: NO_SHOW who was called, else EXPIRED. Times and order as `release`."""
    return await _states(tx, _END, tx.tenant, queue_id, session_ids, at)


async def _states(tx: WriteTx, statement: str, *values: object) -> list[SessionState]:
    rows = sorted(await tx.rows(statement, *values), key=_place)
    states = [
        SessionState(**{name: row[name] for name in _SHOWN} | {"status": SessionStatus(row["status"])}) for row in rows
    ]
    await _read_again(tx, {state.id for state in states})
    return states


async def _read_again(tx: WriteTx, ids: set[UUID]) -> None:
    """What an earlier verb of the block has in its hands must not say what is no longer so."""
    for known in list(tx.identity_map.values()):
        if isinstance(known, Session) and known.id in ids:
            await tx.refresh(known)


def _place(row: Any) -> int:
    place: int = row["place"]
    return place
