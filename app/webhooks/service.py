"""What can be done with webhook endpoints: create, update, rotate, ping, replay, delete. Sends nothing itself.

A secret is shown in the answer that makes it and never again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from app.core.db import WriteTx
from app.core.errors import InvalidInput, NotFound
from app.core.events import Event, record
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.identity.accounts.codes import Codes, Recipient
from app.identity.accounts.models import MessageChannel, MessageKind
from app.queues import repository as queues
from app.tenants import service as tenants
from app.tenants.errors import LimitReached
from app.webhooks import events, lanes, repository, rules
from app.webhooks.catalogue import event_classes
from app.webhooks.errors import EndpointDisabled, TooManySecretsOfEndpoint, TooManyToReplay, UnknownEventTypes
from app.webhooks.events import WEBHOOK_ENDPOINT
from app.webhooks.models import (
    DeliveryStatus,
    DisableReason,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookLane,
    WebhookOrdering,
    WebhookSecret,
)
from app.webhooks.signing import new_secret

MAX_ENDPOINTS: Final = 20
MAX_GOOD_SECRETS: Final = 5
MAX_QUEUES: Final = 100
MAX_REPLAYED: Final = 10_000
LONGEST_OVERLAP: Final = timedelta(days=30)
_MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint as it is asked for."""

    name: str
    url: str
    event_types: Sequence[str] = ()
    queue_ids: Sequence[UUID] = ()
    ordering: WebhookOrdering = WebhookOrdering.NONE


class EndpointChanges(TypedDict, total=False):
    """What is to be different."""

    name: str
    url: str
    event_types: Sequence[str]
    queue_ids: Sequence[UUID]
    ordering: WebhookOrdering
    enabled: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint, and its newest secret, which nobody can be shown again."""

    endpoint: WebhookEndpoint
    secret: str


async def create(tx: WriteTx, new: NewEndpoint) -> Issued:
    """Tell an address what happens from now on. Raises `InvalidInput`, `UnknownEventTypes`, `LimitReached`,
    `NotFound` (of a queue).
    """
    now, who = tx.now(), tx.actor.label
    endpoint = WebhookEndpoint(
        tenant_id=tx.tenant,
        id=new_id(),
        name=_name(new.name),
        url=rules.endpoint_url(new.url),
        event_types=_event_types(new.event_types),
        queue_ids=await _queue_ids(tx, new.queue_ids),
        ordering=new.ordering,
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    # Held, so that of several who create at once nobody goes past the limit.
    await tenants.hold_limits(tx)
    if await repository.count(tx) >= MAX_ENDPOINTS:
        raise LimitReached("webhookEndpoints", MAX_ENDPOINTS)
    tx.add(endpoint)
    await tx.flush()
    tx.add(WebhookLane(tenant_id=tx.tenant, endpoint_id=endpoint.id))
    issued = _issue(tx, endpoint)
    record(tx, WEBHOOK_ENDPOINT, endpoint.id, endpoint.revision, events.WebhookEndpointCreated(endpoint.name), now)
    return issued


async def update(tx: WriteTx, endpoint_id: UUID, changes: EndpointChanges) -> WebhookEndpoint:
    """Change some of an endpoint, from the next try on; nothing is recorded if everything is so already.

    Enabled again it is sent what is still pending. Raises what `create` does, and `NotFound`.
    """
    endpoint = await repository.lock(tx, endpoint_id)
    wanted: dict[str, Any] = {}
    if "name" in changes:
        wanted["name"] = _name(changes["name"])
    if "url" in changes:
        wanted["url"] = rules.endpoint_url(changes["url"])
    if "event_types" in changes:
        wanted["event_types"] = _event_types(changes["event_types"])
    if "queue_ids" in changes:
        wanted["queue_ids"] = await _queue_ids(tx, changes["queue_ids"])
    if "ordering" in changes:
        wanted["ordering"] = changes["ordering"]
    if "enabled" in changes:
        wanted["enabled"] = changes["enabled"]
    changed = sorted(name for name, value in wanted.items() if getattr(endpoint, name) != value)
    if not changed:
        return endpoint
    for name in changed:
        setattr(endpoint, name, wanted[name])
    if "enabled" in changed:
        endpoint.disabled_at = None if endpoint.enabled else tx.now()
        endpoint.disabled_reason = None if endpoint.enabled else DisableReason.BY_USER
    _note(tx, endpoint, events.WebhookEndpointUpdated(changed))
    await tx.flush()
    if endpoint.enabled and not {"enabled", "url", "ordering"}.isdisjoint(changed):
        await lanes.forgive(tx, endpoint.id)
    return endpoint


async def rotate(tx: WriteTx, endpoint_id: UUID, overlap: timedelta) -> Issued:
    """Give an endpoint another secret; those before it sign beside it for the overlap, or until their earlier end.

    Raises `InvalidInput`, `TooManySecretsOfEndpoint`, `NotFound`.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        most = int(LONGEST_OVERLAP.total_seconds())
        raise InvalidInput("overlapSeconds", f"`overlapSeconds` is from 0 to {most:,}.")
    endpoint = await repository.lock(tx, endpoint_id)
    now = tx.now()
    end = now + overlap
    good = (await repository.good_secrets(tx, [endpoint.id], now))[endpoint.id]
    if overlap and len(good) >= MAX_GOOD_SECRETS:
        raise TooManySecretsOfEndpoint(MAX_GOOD_SECRETS)
    for secret in good:
        secret.ends_at = end if secret.ends_at is None else min(secret.ends_at, end)
    await tx.flush()
    await repository.forget_ended_secrets(tx, endpoint.id, now)
    issued = _issue(tx, endpoint)
    _note(tx, endpoint, events.WebhookSecretRotated(end))
    return issued


async def delete(tx: WriteTx, endpoint_id: UUID) -> None:
    """Tell it nothing any more, and forget what it was told. Raises `NotFound`."""
    endpoint = await repository.lock(tx, endpoint_id)
    endpoint.revision += 1
    gone = events.WebhookEndpointDeleted(endpoint.name)
    record(tx, WEBHOOK_ENDPOINT, endpoint.id, endpoint.revision, gone, tx.now())
    await tx.delete(endpoint)


async def ping(tx: WriteTx, endpoint_id: UUID) -> WebhookDelivery:
    """Send an endpoint a test, past a pause. Raises `EndpointDisabled`, `NotFound`."""
    endpoint = await repository.lock(tx, endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabled
    _note(tx, endpoint, events.WebhookPinged(endpoint.name))
    delivery_id = new_id()
    await tx.flush()
    await lanes.owe(tx, delivery_id, endpoint, events.WebhookPinged.type)
    return (await repository.deliveries_by_ids(tx, [delivery_id]))[delivery_id]


async def replay(tx: WriteTx, delivery_id: UUID) -> WebhookDelivery:
    """Send one event again, now, with the same `webhook-id`. Raises `EndpointDisabled`, `NotFound`."""
    found = (await repository.deliveries_by_ids(tx, [delivery_id])).get(delivery_id)
    if found is None:
        raise NotFound("WebhookDelivery")
    endpoint = await repository.lock(tx, found.endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabled
    delivery = await repository.lock_delivery(tx, delivery_id)
    delivery.status, delivery.tries, delivery.due_at = DeliveryStatus.PENDING, 0, tx.now()
    delivery.settled_at = delivery.error = None
    _note(tx, endpoint, events.WebhookDeliveryReplayed(delivery.id))
    await tx.flush()
    await lanes.wake(tx, endpoint.id)
    return delivery


async def replay_range(
    tx: WriteTx, endpoint_id: UUID, since: datetime, until: datetime, *, all_of_them: bool
) -> tuple[WebhookEndpoint, int]:
    """Send again what happened in a range: what failed and what was never owed, or all of it. How many events.

    Raises `InvalidInput`, `EndpointDisabled`, `TooManyToReplay`, `NotFound`.
    """
    if since.tzinfo is None or until.tzinfo is None:
        raise InvalidInput("since", "Give times with their zones: `2026-11-21T00:00:00Z`.")
    if not since < until:
        raise InvalidInput("until", "`until` has to be after `since`.")
    endpoint = await repository.lock(tx, endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabled
    count = await lanes.replay_range(
        tx,
        endpoint.id,
        since=since,
        until=until,
        all_of_them=all_of_them,
        event_types=endpoint.event_types,
        queue_ids=[UUID(each) for each in endpoint.queue_ids],
        most=MAX_REPLAYED,
    )
    if count > MAX_REPLAYED:
        raise TooManyToReplay(MAX_REPLAYED)
    _note(tx, endpoint, events.WebhookRangeReplayed(since, until, count))
    await tx.flush()
    await lanes.wake(tx, endpoint.id)
    return endpoint, count


async def disable(tx: WriteTx, codes: Codes, endpoint: WebhookEndpoint, reason: DisableReason) -> None:
    """Switch an endpoint off that wants or takes nothing any more, and tell the administrators. It is held already."""
    if not endpoint.enabled:
        return
    endpoint.enabled, endpoint.disabled_at, endpoint.disabled_reason = False, tx.now(), reason
    _note(tx, endpoint, events.WebhookEndpointDisabled(endpoint.name, reason))
    for user in await repository.administrators(tx, _MOST_TOLD):
        to = Recipient(MessageChannel.EMAIL, user.email)
        await codes.tell(tx, MessageKind.WEBHOOK_DISABLED, to, subject_id=endpoint.id)


def _issue(tx: WriteTx, endpoint: WebhookEndpoint) -> Issued:
    secret = new_secret()
    tx.add(WebhookSecret(tenant_id=tx.tenant, id=new_id(), endpoint_id=endpoint.id, secret=secret, created_at=tx.now()))
    return Issued(endpoint, secret)


def _note(tx: WriteTx, endpoint: WebhookEndpoint, event: Event) -> None:
    endpoint.revision += 1
    endpoint.updated_at, endpoint.updated_by = tx.now(), tx.actor.label
    record(tx, WEBHOOK_ENDPOINT, endpoint.id, endpoint.revision, event, endpoint.updated_at)


def _name(name: str) -> str:
    ensure_text("name", name, 1, 80)
    return name.strip()


def _event_types(event_types: Sequence[str]) -> list[str]:
    wanted = sorted(set(event_types))
    unknown = [each for each in wanted if each not in event_classes()]
    if unknown:
        raise UnknownEventTypes([each[:48] for each in unknown[:20]])
    return wanted


async def _queue_ids(tx: WriteTx, queue_ids: Sequence[UUID]) -> list[str]:
    wanted = sorted(set(queue_ids))
    if len(wanted) > MAX_QUEUES:
        raise InvalidInput("queueIds", f"At most {MAX_QUEUES} queues; none are all of them.")
    for each in wanted:
        await queues.get(tx, each)
    return [str(each) for each in wanted]
