"""Every statement about a log as it was at a past time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from app.core.db import ReadTx, Recorded


class End(NamedTuple):
    """The first or the last event there is."""

    revision: int
    occurred_at: datetime


async def ends_of_log(tx: ReadTx, aggregate_type: str, aggregate_id: UUID) -> tuple[End | None, End | None]:
    """The oldest and the newest event that are kept."""
    rows = await tx.rows(
        "(select revision, occurred_at from events where tenant_id = $1 and aggregate_type = $2 and aggregate_id = $3"
        " order by revision limit 1) union all"
        " (select revision, occurred_at from events where tenant_id = $1 and aggregate_type = $2 and aggregate_id = $3"
        " order by revision desc limit 1)",
        tx.tenant,
        aggregate_type,
        aggregate_id,
    )
    ends = sorted(End(revision, at) for revision, at in rows)
    return (ends[0], ends[-1]) if ends else (None, None)


async def revision_between(
    tx: ReadTx, aggregate_type: str, aggregate_id: UUID, at: datetime, first: int, newest: int
) -> int | None:
    """The last revision until a time, which is not before the first of these and before the newest; None in a gap.

    Times and revisions of a log grow together, so halving finds it: some twenty look-ups of a key, in one statement.
    """
    rows = await tx.rows(
        """
        with recursive halves (low, high) as (
            select $5::bigint, $6::bigint
            union all
            select case when found.at <= $4 then middle else low end, case when found.at <= $4 then high else middle end
            from halves
            cross join lateral (select (low + high) / 2 as middle) as half
            cross join lateral (
                select occurred_at as at from events
                where tenant_id = $1 and aggregate_type = $2 and aggregate_id = $3 and revision = middle
            ) as found
            where high - low > 1
        )
        select low from halves where high - low <= 1
        """,
        tx.tenant,
        aggregate_type,
        aggregate_id,
        at,
        first,
        newest,
    )
    return int(rows[0][0]) if rows else None


async def events_until(
    tx: ReadTx, aggregate_type: str, aggregate_id: UUID, revision: int, at: datetime, *, limit: int
) -> Sequence[Recorded]:
    """An aggregate's events from a revision backwards, newest first; none of them is after `at`."""
    found = await tx.rows(
        # The time says which months need not be looked into.
        "select revision, type, occurred_at, data::text from events where tenant_id = $1 and aggregate_type = $2"
        " and aggregate_id = $3 and revision <= $4 and occurred_at <= $5 order by revision desc limit $6",
        tx.tenant,
        aggregate_type,
        aggregate_id,
        revision,
        at,
        limit,
    )
    return [Recorded(revision, type, at, orjson.loads(data)) for revision, type, at, data in found]
