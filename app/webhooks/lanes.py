"""Statements that carry events to endpoints: what is owed, whose turn it is, what comes next. Sends nothing itself.

Locks are taken endpoint first, then deliveries, then lanes in the order of their ids.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.events.reactions import Fact
from app.queues.events import QUEUE
from app.webhooks.catalogue import UNSENT
from app.webhooks.events import WEBHOOK_ENDPOINT
from app.webhooks.models import WebhookEndpoint, WebhookOrdering

# What relays that run side by side may hold of one object at most, that is older than what another one has relayed.
_RELAYED_TOGETHER: Final = 2_500


class Lane(NamedTuple):
    """An endpoint's turn, as a worker has it."""

    tenant_id: UUID
    endpoint_id: UUID
    claim: int


async def fan_out(tx: WriteTx, facts: Sequence[Fact]) -> None:
    """Owe events to whoever wants them, in the transaction in which they are relayed. Nothing where nobody does."""
    columns = zip(
        *(
            (fact.tenant_id, fact.aggregate_type, fact.aggregate_id, fact.revision, fact.occurred_at, fact.type)
            for fact in facts
        ),
        strict=True,
    )
    await tx.rows(_FAN_OUT, tx.now(), QUEUE, UNSENT, *columns)


async def owe(tx: WriteTx, delivery_id: UUID, endpoint: WebhookEndpoint, event_type: str) -> None:
    """Owe an endpoint the event of its own that was just recorded: a test."""
    of_event = (WEBHOOK_ENDPOINT, endpoint.id, endpoint.revision, endpoint.updated_at)
    await tx.rows(_OWE, tx.tenant, delivery_id, endpoint.id, *of_event, event_type, tx.now())
    await wake(tx, endpoint.id)


async def wake(tx: WriteTx, endpoint_id: UUID) -> None:
    """Let the endpoint be looked at now, pause or not."""
    await tx.rows(
        "update webhook_lanes set due_at = $3, paused_until = null where tenant_id = $1 and endpoint_id = $2",
        tx.tenant,
        endpoint_id,
        tx.now(),
    )


async def forgive(tx: WriteTx, endpoint_id: UUID) -> None:
    """Forget how an endpoint has failed, and look at it now."""
    await tx.rows(
        "update webhook_lanes set due_at = $3, paused_until = null, failures = 0, failing_since = null,"
        " last_error = null where tenant_id = $1 and endpoint_id = $2",
        tx.tenant,
        endpoint_id,
        tx.now(),
    )


async def replay_range(
    tx: WriteTx,
    endpoint_id: UUID,
    *,
    since: datetime,
    until: datetime,
    all_of_them: bool,
    event_types: Sequence[str],
    queue_ids: Sequence[UUID],
    most: int,
) -> int:
    """Owe an endpoint again what happened in a range, and what it was never owed; how many, `most` + 1 if more.

    Without `all_of_them` what was delivered is left out. Nothing is written where there are more.
    """
    rows = await tx.rows(
        _REPLAY,
        tx.tenant,
        endpoint_id,
        since,
        until,
        all_of_them,
        list(event_types),
        list(queue_ids),
        QUEUE,
        UNSENT,
        most,
        tx.now(),
    )
    return int(rows[0][0])


async def take_due(
    tx: WriteTx, *, now: datetime, until: datetime, limit: int, share: int, without: Sequence[UUID] = ()
) -> list[Lane]:
    """Endpoints of all tenants for which there is something to do, longest due first, held until `until`.

    At most `share` of any tenant, and none of the tenants `without`.
    """
    rows = await tx.rows(_TAKE_DUE, now, until, limit, without, share)
    return [Lane(UUID(int=tenant.int), UUID(int=endpoint.int), claim) for tenant, endpoint, claim in rows]


async def hold_on(tx: WriteTx, lanes: Sequence[Lane], *, until: datetime) -> set[Lane]:
    """Hold lanes longer; those that are still ours."""
    if not lanes:
        return set()
    rows = await tx.rows(_HOLD_ON, until, *zip(*lanes, strict=True))
    return {Lane(UUID(int=tenant.int), UUID(int=endpoint.int), claim) for tenant, endpoint, claim in rows}


async def portion(tx: ReadTx, lane: Lane, ordering: WebhookOrdering, *, now: datetime, limit: int) -> list[UUID]:
    """Deliveries to be tried now, longest due first. In order: of each object the first that is pending, at most."""
    if ordering is WebhookOrdering.NONE:
        rows = await tx.rows(_DUE, lane.tenant_id, lane.endpoint_id, now, limit)
    else:
        rows = await tx.rows(_HEADS + _DUE_HEADS, lane.tenant_id, lane.endpoint_id, now, limit, _RELAYED_TOGETHER)
    return [UUID(int=row[0].int) for row in rows]


async def release(tx: WriteTx, lane: Lane, ordering: WebhookOrdering | None, *, not_before: datetime | None) -> None:
    """Give a lane back. It comes up when its next delivery is due, and not before; never if it has none."""
    held = await tx.rows(_HELD, *lane)
    if not held:
        return
    paused_until = max((each for each in (held[0][0], not_before) if each is not None), default=None)
    due_at = None
    if ordering is not None:
        # After the lock, so that what was owed meanwhile is seen.
        statement = _NEXT_DUE if ordering is WebhookOrdering.NONE else _HEADS + " select min(due_at) from heads"
        ((due_at,),) = await tx.rows(statement, lane.tenant_id, lane.endpoint_id)
        if due_at is not None and paused_until is not None:
            due_at = max(due_at, paused_until)
    await tx.rows(
        "update webhook_lanes set leased_until = null, due_at = $3 where tenant_id = $1 and endpoint_id = $2",
        lane.tenant_id,
        lane.endpoint_id,
        due_at,
    )


async def note_success(tx: WriteTx, lane: Lane) -> None:
    """Something has arrived: whatever failed before is forgiven."""
    await tx.rows(
        "update webhook_lanes set failures = 0, failing_since = null, paused_until = null, last_error = null,"
        " last_delivered_at = $3 where tenant_id = $1 and endpoint_id = $2",
        lane.tenant_id,
        lane.endpoint_id,
        tx.now(),
    )


async def note_failure(tx: WriteTx, lane: Lane, error: str, leave_alone: timedelta) -> datetime:
    """Something has not arrived; since when nothing does."""
    now = tx.now()
    rows = await tx.rows(
        "update webhook_lanes set failing_since = coalesce(failing_since, $3), last_error = $4,"
        " paused_until = case when $5::timestamptz > $3 then greatest(paused_until, $5) else paused_until end"
        " where tenant_id = $1 and endpoint_id = $2 returning failing_since",
        lane.tenant_id,
        lane.endpoint_id,
        now,
        error,
        now + leave_alone,
    )
    return rows[0][0] if rows else now


async def note_failed_portion(tx: WriteTx, lane: Lane, failures: int, pause: timedelta) -> None:
    """Nothing of a portion has arrived: the endpoint is left alone for a while."""
    await tx.rows(
        "update webhook_lanes set failures = $3, paused_until = greatest(paused_until, $4)"
        " where tenant_id = $1 and endpoint_id = $2",
        lane.tenant_id,
        lane.endpoint_id,
        failures,
        tx.now() + pause,
    )


_MATCHES = """
    (e.event_types = '[]'::jsonb or e.event_types ? fact.type)
    and (e.queue_ids = '[]'::jsonb or (fact.kind = $2 and e.queue_ids ? fact.id::text))
"""
# The lanes are locked in one order, whoever else writes to some of them.
_FAN_OUT = f"""
    with owed as (
        insert into webhook_deliveries (tenant_id, id, endpoint_id, aggregate_type, aggregate_id, revision,
            occurred_at, event_type, status, tries, attempts, created_at, due_at)
        select e.tenant_id, gen_random_uuid(), e.id, fact.kind, fact.id, fact.revision, fact.at, fact.type,
            'PENDING', 0, 0, $1, $1
        from unnest($4::uuid[], $5::text[], $6::uuid[], $7::bigint[], $8::timestamptz[], $9::text[])
            as fact (tenant_id, kind, id, revision, at, type)
        -- Not what happened before there was an endpoint, however late it is relayed.
        join webhook_endpoints e on e.tenant_id = fact.tenant_id and e.enabled and e.created_at <= fact.at
            and {_MATCHES}
        where fact.type <> all($3::text[])
        on conflict on constraint webhook_deliveries_once_key do nothing
        returning tenant_id, endpoint_id
    ),
    lanes as (
        select tenant_id, endpoint_id from webhook_lanes
        where (tenant_id, endpoint_id) in (select tenant_id, endpoint_id from owed)
        order by tenant_id, endpoint_id for update
    )
    update webhook_lanes as lane set due_at = least(lane.due_at, greatest($1, lane.paused_until))
    from lanes where lane.tenant_id = lanes.tenant_id and lane.endpoint_id = lanes.endpoint_id
"""
_OWE = """
    insert into webhook_deliveries (tenant_id, id, endpoint_id, aggregate_type, aggregate_id, revision, occurred_at,
        event_type, status, tries, attempts, created_at, due_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, 'PENDING', 0, 0, $9, $9)
"""
_REPLAY = """
    with wanted as materialized (
        select event.aggregate_type, event.aggregate_id, event.revision, event.occurred_at, event.type
        from events event
        left join webhook_deliveries d on d.tenant_id = $1 and d.endpoint_id = $2
            and d.aggregate_type = event.aggregate_type and d.aggregate_id = event.aggregate_id
            and d.revision = event.revision
        where event.tenant_id = $1 and event.occurred_at >= $3 and event.occurred_at < $4
            and event.published_at is not null and event.type <> all($9::text[])
            and (cardinality($6::text[]) = 0 or event.type = any($6))
            and (cardinality($7::uuid[]) = 0 or (event.aggregate_type = $8 and event.aggregate_id = any($7)))
            and (d.id is null or d.status = 'FAILED' or ($5 and d.status = 'DELIVERED'))
        order by event.occurred_at limit $10 + 1
    ),
    how_many as (select count(*)::int as count from wanted),
    owed as (
        insert into webhook_deliveries as d (tenant_id, id, endpoint_id, aggregate_type, aggregate_id, revision,
            occurred_at, event_type, status, tries, attempts, created_at, due_at)
        select $1, gen_random_uuid(), $2, aggregate_type, aggregate_id, revision, occurred_at, type,
            'PENDING', 0, 0, $11, $11
        from wanted where (select count from how_many) <= $10
        order by aggregate_type, aggregate_id, revision
        on conflict on constraint webhook_deliveries_once_key do update
            set status = 'PENDING', tries = 0, due_at = $11, settled_at = null, error = null
            where d.status <> 'PENDING'
    )
    select count from how_many
"""
_TAKE_DUE = """
    update webhook_lanes as lane set leased_until = $2, claim = claim + 1
    from (
        select tenant_id, endpoint_id from webhook_lanes join (
            select tenant_id, endpoint_id, row_number() over (partition by tenant_id order by due_at) as turn
            from webhook_lanes
            where due_at <= $1 and (leased_until is null or leased_until <= $1) and tenant_id <> all($4::uuid[])
        ) as waiting using (tenant_id, endpoint_id)
        where turn <= $5 and due_at <= $1 and (leased_until is null or leased_until <= $1)
        order by due_at limit $3 for update of webhook_lanes skip locked
    ) as due
    where lane.tenant_id = due.tenant_id and lane.endpoint_id = due.endpoint_id
    returning lane.tenant_id, lane.endpoint_id, lane.claim
"""
_HOLD_ON = """
    update webhook_lanes as lane set leased_until = $1
    from unnest($2::uuid[], $3::uuid[], $4::bigint[]) as mine (tenant_id, endpoint_id, claim)
    where lane.tenant_id = mine.tenant_id and lane.endpoint_id = mine.endpoint_id and lane.claim = mine.claim
        and lane.leased_until is not null
    returning lane.tenant_id, lane.endpoint_id, lane.claim
"""
_HELD = """
    select paused_until from webhook_lanes
    where tenant_id = $1 and endpoint_id = $2 and claim = $3 and leased_until is not null for update
"""
_DUE = """
    select id from webhook_deliveries
    where tenant_id = $1 and endpoint_id = $2 and status = 'PENDING' and due_at <= $3
    order by due_at limit $4
"""
_NEXT_DUE = """
    select min(due_at) from webhook_deliveries where tenant_id = $1 and endpoint_id = $2 and status = 'PENDING'
"""
# From object to object by the index, however many wait behind the first of each.
_HEADS = """
    with recursive heads as (
        (select aggregate_type, aggregate_id, revision, id, due_at from webhook_deliveries
        where tenant_id = $1 and endpoint_id = $2 and status = 'PENDING'
        order by aggregate_type, aggregate_id, revision limit 1)
        union all
        select next.* from heads cross join lateral (
            select d.aggregate_type, d.aggregate_id, d.revision, d.id, d.due_at from webhook_deliveries d
            where d.tenant_id = $1 and d.endpoint_id = $2 and d.status = 'PENDING'
                and (d.aggregate_type, d.aggregate_id) > (heads.aggregate_type, heads.aggregate_id)
            order by d.aggregate_type, d.aggregate_id, d.revision limit 1
        ) as next
    )
"""
# Relays may run side by side: what one of them still holds comes before what another one has relayed.
_DUE_HEADS = """
    select id from heads where due_at <= $3 and not exists (
        select from events e where e.tenant_id = $1 and e.aggregate_type = heads.aggregate_type
            and e.aggregate_id = heads.aggregate_id and e.revision < heads.revision
            and e.revision >= heads.revision - $5 and e.published_at is null
    )
    order by due_at limit $4
"""
