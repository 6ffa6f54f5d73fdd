"""Facts about webhook endpoints. No secret and no address: where an endpoint is stands in the tenant's row."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.core.events import Event
from app.webhooks.models import DisableReason

WEBHOOK_ENDPOINT = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class WebhookEndpointCreated(Event):
    type: ClassVar[str] = "WEBHOOK_ENDPOINT_CREATED"
    name: str


@dataclass(frozen=True, slots=True)
class WebhookEndpointUpdated(Event):
    """`changed` names the fields that have new values."""

    type: ClassVar[str] = "WEBHOOK_ENDPOINT_UPDATED"
    changed: list[str]


@dataclass(frozen=True, slots=True)
class WebhookEndpointDisabled(Event):
    """By us: the endpoint has answered 410, or failed for too long."""

    type: ClassVar[str] = "WEBHOOK_ENDPOINT_DISABLED"
    name: str
    reason: DisableReason


@dataclass(frozen=True, slots=True)
class WebhookEndpointDeleted(Event):
    type: ClassVar[str] = "WEBHOOK_ENDPOINT_DELETED"
    name: str


@dataclass(frozen=True, slots=True)
class WebhookSecretRotated(Event):
    """`others_end_at` says how long the secrets before it sign at most."""

    type: ClassVar[str] = "WEBHOOK_SECRET_ROTATED"
    others_end_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookPinged(Event):
    """Somebody has asked for a test; it goes to that endpoint and no other."""

    type: ClassVar[str] = "WEBHOOK_PINGED"
    name: str


@dataclass(frozen=True, slots=True)
class WebhookDeliveryReplayed(Event):
    """One event is sent again."""

    type: ClassVar[str] = "WEBHOOK_DELIVERY_REPLAYED"
    delivery_id: UUID


@dataclass(frozen=True, slots=True)
class WebhookRangeReplayed(Event):
    """What happened in a range of time is sent again, or for the first time."""

    type: ClassVar[str] = "WEBHOOK_RANGE_REPLAYED"
    since: datetime
    until: datetime
    event_count: int
