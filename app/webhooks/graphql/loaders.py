"""Reads behind webhook endpoints and deliveries, batched per operation."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.webhooks import models, payload, repository
from app.webhooks.graphql.types import (
    MOST_ATTEMPTS,
    MOST_COUNTED,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookHealth,
    WebhookSecret,
)


def endpoints_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, WebhookEndpoint | None]:
    """Endpoints by id."""

    async def load(ids: list[UUID]) -> Sequence[WebhookEndpoint | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [WebhookEndpoint.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def deliveries_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, WebhookDelivery | None]:
    """Deliveries by id."""

    async def load(ids: list[UUID]) -> Sequence[WebhookDelivery | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.deliveries_by_ids(tx, ids)
        return [WebhookDelivery.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def health_of(context: Context, tenant_id: UUID) -> DataLoader[UUID, WebhookHealth]:
    """How sending to endpoints goes."""

    async def load(ids: list[UUID]) -> Sequence[WebhookHealth]:
        async with context.read(tenant_id) as tx:
            lanes = await repository.lanes_of(tx, ids)
            counts = await repository.pending_counts(tx, ids, MOST_COUNTED)
        now = context.runtime.clock.now()
        return [_health(lanes[id], counts[id], now) if id in lanes else _UNKNOWN for id in ids]

    return DataLoader(load, cache=False)


def secrets_of(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[WebhookSecret]]:
    """The secrets that sign for endpoints."""

    async def load(ids: list[UUID]) -> Sequence[list[WebhookSecret]]:
        async with context.read(tenant_id) as tx:
            found = await repository.good_secrets(tx, ids, context.runtime.clock.now())
        return [[WebhookSecret(created_at=row.created_at, ends_at=row.ends_at) for row in found[id]] for id in ids]

    return DataLoader(load, cache=False)


def attempts_of(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[WebhookAttempt]]:
    """The newest tries of deliveries."""

    async def load(ids: list[UUID]) -> Sequence[list[WebhookAttempt]]:
        async with context.read(tenant_id) as tx:
            found = await repository.attempts_of(tx, ids, MOST_ATTEMPTS)
            return [[WebhookAttempt.of(row) for row in found[id]] for id in ids]

    return DataLoader(load, cache=False)


def bodies_of(context: Context, tenant_id: UUID) -> DataLoader[models.WebhookDelivery, str | None]:
    """What is sent, by delivery."""

    async def load(rows: list[models.WebhookDelivery]) -> Sequence[str | None]:
        async with context.read(tenant_id) as tx:
            events = await repository.events_of(tx, rows)
        return [payload.body(events[row.id]).decode() if row.id in events else None for row in rows]

    return DataLoader(load, cache=False)


# Of an endpoint that was deleted while the answer was made.
_UNKNOWN = WebhookHealth(
    failing_since=None, paused_until=None, last_delivered_at=None, last_error=None, pending_count=0
)


def _health(lane: models.WebhookLane, pending_count: int, now: datetime) -> WebhookHealth:
    is_paused = lane.paused_until is not None and lane.paused_until > now
    return WebhookHealth(
        failing_since=lane.failing_since,
        paused_until=lane.paused_until if is_paused else None,
        last_delivered_at=lane.last_delivered_at,
        last_error=lane.last_error,
        pending_count=pending_count,
    )


async def webhook_endpoint_node(context: Context, ref: Ref) -> WebhookEndpoint:
    """An endpoint by node id."""
    context.actor.require_in(ref.tenant_id, Permission.WEBHOOK_READ)
    found = await context.loader(endpoints_by_id, ref.tenant_id).load(ref.id)
    if found is None:
        raise NotFound("WebhookEndpoint")
    return found


async def webhook_delivery_node(context: Context, ref: Ref) -> WebhookDelivery:
    """A delivery by node id."""
    context.actor.require_in(ref.tenant_id, Permission.WEBHOOK_READ)
    found = await context.loader(deliveries_by_id, ref.tenant_id).load(ref.id)
    if found is None:
        raise NotFound("WebhookDelivery")
    return found
