"""What alerts are about, measured for all tenants together: one question per kind, however many rules there are.

For the system role, which sees every tenant. It decides nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.core.db import ReadTx


class Line(NamedTuple):
    """A queue as it is now; `unstaffed_count`: how many wait although nobody is there to call them."""

    tenant_id: UUID
    queue_id: UUID
    waiting_count: int
    unstaffed_count: int


class Window(NamedTuple):
    """Which queues' last minutes are wanted; None: every queue of the tenant."""

    tenant_id: UUID
    queue_id: UUID | None
    minutes: int


class Visits(NamedTuple):
    """What a queue's visits of the last minutes come to. Nothing is null but what there is none of."""

    tenant_id: UUID
    queue_id: UUID
    minutes: int
    called: int
    wait_mean_seconds: float | None
    wait_p90_seconds: float | None
    abandoned: int
    started: int
    no_show: int


# Visits are found by when they began: of those whose wait takes longer than this nothing is known here.
_LOOK_BACK_SECONDS = 86_400


async def lines(tx: ReadTx, tenants: Collection[UUID]) -> list[Line]:
    """Every queue of these tenants that is not archived."""
    found = await tx.rows(
        """
        select q.tenant_id, q.id, l.waiting_count,
            case when q.mode = 'STAFFED' and l.open_counter_count = 0 then l.waiting_count else 0 end
        from queues q join queue_lines l on l.tenant_id = q.tenant_id and l.id = q.id
        where q.tenant_id = any ($1::uuid[]) and q.archived_at is null
        """,
        sorted(tenants),
    )
    return [Line(*row) for row in found]


async def visits(tx: ReadTx, windows: Sequence[Window], now: datetime) -> list[Visits]:
    """What the facts say of each of these queues' last minutes, as far as they are folded; a row for every queue."""
    wanted = sorted(set(windows), key=str)
    found = await tx.rows(
        _VISITS,
        [each.tenant_id for each in wanted],
        [each.queue_id for each in wanted],
        [each.minutes for each in wanted],
        now,
        _LOOK_BACK_SECONDS,
    )
    return [Visits(*row) for row in found]


# `ended_at` is asked for as well: whoever was called and returned to the line has no call, and waits again.
_VISITS = """
    with wanted as (
        select distinct q.tenant_id, q.id as queue_id, w.minutes,
            $4::timestamptz - make_interval(mins => w.minutes) as since
        from unnest($1::uuid[], $2::uuid[], $3::int[]) as w (tenant_id, queue_id, minutes)
        join queues q on q.tenant_id = w.tenant_id and (w.queue_id is null or q.id = w.queue_id)
        where q.archived_at is null
    )
    select w.tenant_id, w.queue_id, w.minutes, f.called, f.mean, f.p90, f.abandoned, f.started, f.no_show
    from wanted w cross join lateral (
        select
            count(*) filter (where f.called_at > w.since) as called,
            avg(f.wait_ms) filter (where f.called_at > w.since)::float8 / 1000 as mean,
            percentile_cont(0.9) within group (order by f.wait_ms::float8)
                filter (where f.called_at > w.since) / 1000 as p90,
            count(*) filter (where f.outcome = 'ABANDONED_WAITING' and f.ended_at > w.since) as abandoned,
            count(*) filter (where f.started_at > w.since) as started,
            count(*) filter (where f.outcome = 'NO_SHOW' and f.ended_at > w.since) as no_show
        from session_facts f
        where f.tenant_id = w.tenant_id and f.queue_id = w.queue_id
            and f.entered_at > w.since - make_interval(secs => $5::float8)
    ) f
"""


async def worker_lag_seconds(tx: ReadTx, now: datetime) -> float:
    """For how long the job that has waited longest is due; 0 if none is."""
    [(due_at,)] = await tx.rows(
        "select min(due_at) from jobs where done_at is null and failed_at is null and due_at <= $1", now
    )
    return _seconds_since(due_at, now)


async def relay_lag_seconds(tx: ReadTx, now: datetime) -> float:
    """How old the oldest event is that nothing has followed from yet; 0 if there is none."""
    [(occurred_at,)] = await tx.rows("select min(occurred_at) from events where published_at is null")
    return _seconds_since(occurred_at, now)


async def answers(tx: ReadTx, now: datetime, minutes: int) -> tuple[int, int]:
    """How many operations the API has answered in the last minutes, and how many of them with an error of ours."""
    [(operations, failures)] = await tx.rows(
        "select coalesce(sum(operations), 0)::bigint, coalesce(sum(failures), 0)::bigint from api_minutes"
        " where minute > $1",
        now - timedelta(minutes=minutes + 1),
    )
    return operations, failures


def _seconds_since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
