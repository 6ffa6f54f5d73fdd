"""Statements about endpoints, their secrets, and the log of deliveries as people read it. Carrying is `lanes.py`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import func, or_
from sqlmodel import col, select

from app.core.db import Database, ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.events import EventRow
from app.identity.models import Role, User, UserStatus
from app.webhooks.models import (
    DeliveryStatus,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookLane,
    WebhookSecret,
)

KEEP: Final = timedelta(days=30)
"""How long the log of what was settled is kept, and what waits for an endpoint that is switched off."""
_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None is whatever it may be."""

    endpoint_id: UUID | None = None
    status: DeliveryStatus | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class EventKey(NamedTuple):
    """Where an event stands in the log."""

    aggregate_type: str
    aggregate_id: UUID
    revision: int
    occurred_at: datetime


async def page(tx: ReadTx, request: PageRequest) -> Page[WebhookEndpoint]:
    """The tenant's endpoints in order of creation."""
    statement = select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [WebhookEndpoint.created_at, WebhookEndpoint.id], request)  # type: ignore[list-item]


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, WebhookEndpoint]:
    """Endpoints of the tenant by id."""
    found = await tx.exec(
        select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == tx.tenant, col(WebhookEndpoint.id).in_(ids))
    )
    return {endpoint.id: endpoint for endpoint in found}


async def lanes_of(tx: ReadTx, endpoint_ids: Sequence[UUID]) -> dict[UUID, WebhookLane]:
    """How sending goes, by endpoint."""
    found = await tx.exec(
        select(WebhookLane).where(WebhookLane.tenant_id == tx.tenant, col(WebhookLane.endpoint_id).in_(endpoint_ids))
    )
    return {lane.endpoint_id: lane for lane in found}


async def pending_counts(tx: ReadTx, endpoint_ids: Sequence[UUID], most: int) -> dict[UUID, int]:
    """How many deliveries wait, by endpoint; counted no further than `most`."""
    rows = await tx.rows(
        "select id, (select count(*) from (select from webhook_deliveries where tenant_id = $1 and endpoint_id = id"
        " and status = 'PENDING' limit $3) as waiting) from unnest($2::uuid[]) as asked (id)",
        tx.tenant,
        endpoint_ids,
        most,
    )
    return {UUID(int=id.int): count for id, count in rows}


async def lock(tx: WriteTx, endpoint_id: UUID) -> WebhookEndpoint:
    """An endpoint, held until the transaction ends. `NotFound` otherwise."""
    await tx.flush()
    found = await tx.exec(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.tenant_id == tx.tenant, WebhookEndpoint.id == endpoint_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    endpoint = found.one_or_none()
    if endpoint is None:
        raise NotFound("WebhookEndpoint")
    return endpoint


async def count(tx: ReadTx) -> int:
    """How many endpoints the tenant has."""
    found = await tx.exec(
        select(func.count()).select_from(WebhookEndpoint).where(col(WebhookEndpoint.tenant_id) == tx.tenant)
    )
    return found.one()


async def good_secrets(tx: ReadTx, endpoint_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[WebhookSecret]]:
    """The secrets that sign at present, by endpoint, newest first."""
    found = await tx.exec(
        select(WebhookSecret)
        .where(
            WebhookSecret.tenant_id == tx.tenant,
            col(WebhookSecret.endpoint_id).in_(endpoint_ids),
            or_(col(WebhookSecret.ends_at).is_(None), col(WebhookSecret.ends_at) > now),
        )
        .order_by(col(WebhookSecret.created_at).desc(), col(WebhookSecret.ends_at).desc().nulls_first())
        .execution_options(populate_existing=True)
    )
    secrets: dict[UUID, list[WebhookSecret]] = {id: [] for id in endpoint_ids}
    for secret in found:
        secrets[secret.endpoint_id].append(secret)
    return secrets


async def forget_ended_secrets(tx: WriteTx, endpoint_id: UUID, now: datetime) -> None:
    """Delete what signs nothing any more."""
    await tx.rows(
        "delete from webhook_secrets where tenant_id = $1 and endpoint_id = $2 and ends_at <= $3",
        tx.tenant,
        endpoint_id,
        now,
    )


async def deliveries(tx: ReadTx, wanted: Wanted, request: PageRequest) -> Page[WebhookDelivery]:
    """The log, newest first."""
    statement = select(WebhookDelivery).where(WebhookDelivery.tenant_id == tx.tenant)
    if wanted.endpoint_id is not None:
        statement = statement.where(WebhookDelivery.endpoint_id == wanted.endpoint_id)
    if wanted.status is not None:
        statement = statement.where(WebhookDelivery.status == wanted.status)
    if wanted.event_type is not None:
        statement = statement.where(WebhookDelivery.event_type == wanted.event_type)
    if wanted.since is not None:
        statement = statement.where(col(WebhookDelivery.created_at) >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(col(WebhookDelivery.created_at) < wanted.until)
    keys = [WebhookDelivery.created_at, WebhookDelivery.id]
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def deliveries_by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, WebhookDelivery]:
    """Deliveries of the tenant by id."""
    found = await tx.exec(
        select(WebhookDelivery).where(WebhookDelivery.tenant_id == tx.tenant, col(WebhookDelivery.id).in_(ids))
    )
    return {delivery.id: delivery for delivery in found}


async def lock_delivery(tx: WriteTx, delivery_id: UUID) -> WebhookDelivery:
    """A delivery, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.tenant_id == tx.tenant, WebhookDelivery.id == delivery_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    delivery = found.one_or_none()
    if delivery is None:
        raise NotFound("WebhookDelivery")
    return delivery


async def attempts_of(tx: ReadTx, delivery_ids: Sequence[UUID], newest: int) -> dict[UUID, list[WebhookAttempt]]:
    """The newest tries of each delivery, newest first."""
    place = func.row_number().over(
        partition_by=col(WebhookAttempt.delivery_id), order_by=col(WebhookAttempt.number).desc()
    )
    numbered = (
        select(col(WebhookAttempt.id), place.label("place"))
        .where(WebhookAttempt.tenant_id == tx.tenant, col(WebhookAttempt.delivery_id).in_(delivery_ids))
        .subquery()
    )
    found = await tx.exec(
        select(WebhookAttempt)
        .join(numbered, col(WebhookAttempt.id) == numbered.c.id)
        .where(WebhookAttempt.tenant_id == tx.tenant, numbered.c.place <= newest)
        .order_by(numbered.c.place)
    )
    attempts: dict[UUID, list[WebhookAttempt]] = {id: [] for id in delivery_ids}
    for attempt in found:
        attempts[attempt.delivery_id].append(attempt)
    return attempts


async def events_of(tx: ReadTx, deliveries: Sequence[WebhookDelivery]) -> dict[UUID, EventRow]:
    """What each delivery is about, by the delivery's id; without those whose events are no longer kept."""
    keys = {
        EventKey(each.aggregate_type, each.aggregate_id, each.revision, each.occurred_at): each.id
        for each in deliveries
    }
    if not keys:
        return {}
    kinds, objects, revisions, times = zip(*keys, strict=True)
    found = await tx.rows(_EVENTS, tx.tenant, kinds, objects, revisions, times)
    events = {}
    for kind, object_id, revision, occurred_at, type_, data in found:
        key = EventKey(kind, UUID(int=object_id.int), revision, occurred_at)
        events[keys[key]] = EventRow(
            tenant_id=tx.tenant,
            aggregate_type=kind,
            aggregate_id=key.aggregate_id,
            revision=revision,
            occurred_at=occurred_at,
            type=type_,
            data=orjson.loads(data),
            actor="",
        )
    return events


async def administrators(tx: ReadTx, most: int) -> Sequence[User]:
    """Who is told when an endpoint was switched off by us: those who can do something about it, the oldest first."""
    found = await tx.exec(
        select(User)
        .where(
            User.tenant_id == tx.tenant,
            col(User.role).in_((Role.ADMIN, Role.SUPER_ADMIN)),
            col(User.custom_role_id).is_(None),
            User.status == UserStatus.ACTIVE,
        )
        .order_by(col(User.created_at), col(User.id))
        .limit(most)
    )
    return found.all()


async def delete_old(system: Database) -> None:
    """Delete what was owed long ago, with its tries, in batches that hold nobody up.

    What is pending stays, unless its endpoint is off: nobody may ever switch it on again.
    """
    deleted = _BATCH
    while deleted == _BATCH:
        async with system.write(None) as tx:
            deleted = len(await tx.rows(_DELETE_OLD, tx.now() - KEEP, _BATCH))


_EVENTS = """
    select e.aggregate_type, e.aggregate_id, e.revision, e.occurred_at, e.type, e.data::text
    from unnest($2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[]) as key (kind, id, revision, at)
    join events e on e.tenant_id = $1 and e.aggregate_type = key.kind and e.aggregate_id = key.id
        and e.revision = key.revision and e.occurred_at = key.at
"""
_DELETE_OLD = """
    delete from webhook_deliveries where (tenant_id, id) in (
        select tenant_id, id from webhook_deliveries d where created_at < $1 and (status <> 'PENDING' or not exists (
            select from webhook_endpoints e where e.tenant_id = d.tenant_id and e.id = d.endpoint_id and e.enabled
        ))
        order by created_at limit $2
    )
    returning 1
"""
