"""Inputs of the webhook mutations, and the filter of the log."""

from datetime import datetime, timedelta

import strawberry
from strawberry import UNSET

from app.webhooks.graphql.types import WebhookDeliveryStatus, WebhookOrdering

_DAY_SECONDS = 86_400
_URL = (
    "An `https://` or `http://` address of at most 2,000 characters, without a user name. Addresses of internal "
    "networks are not sent to (`VQ_OUTBOUND_NETWORKS`), and redirects are not followed."
)
_EVENT_TYPES = "Names of `webhookEventTypes`; empty for all, those to come included."
_QUEUE_IDS = "At most 100 queues, whose events are sent and nothing else; empty for everything that happens."


@strawberry.input(description="A new webhook endpoint. It is told what happens from now on.")
class WebhookEndpointCreateInput:
    name: str = strawberry.field(description="What it is for, 1 to 80 characters.")
    url: str = strawberry.field(description=_URL)
    event_types: list[str] = strawberry.field(default_factory=list, description=_EVENT_TYPES)
    queue_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_QUEUE_IDS)
    ordering: WebhookOrdering = strawberry.field(  # type: ignore[valid-type]
        default=WebhookOrdering.NONE, description="In which order events are sent."
    )


@strawberry.input(description="What to change of a webhook endpoint; what is left out or null stays.")
class WebhookEndpointUpdateInput:
    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")
    name: str | None = strawberry.field(default=UNSET, description="1 to 80 characters.")
    url: str | None = strawberry.field(default=UNSET, description=f"{_URL} What waits goes there too.")
    event_types: list[str] | None = strawberry.field(default=UNSET, description=_EVENT_TYPES)
    queue_ids: list[strawberry.ID] | None = strawberry.field(default=UNSET, description=_QUEUE_IDS)
    ordering: WebhookOrdering | None = strawberry.field(  # type: ignore[valid-type]
        default=UNSET, description="In which order events are sent."
    )
    is_enabled: bool | None = strawberry.field(
        default=UNSET,
        description=(
            "Whether anything is sent. What happens while it is off is not kept for it: `webhookRangeReplay` sends it "
            "later. What waits stays."
        ),
    )


@strawberry.input(description="Which webhook endpoint to give another secret.")
class WebhookSecretRotateInput:
    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")
    overlap_seconds: int = strawberry.field(
        default=_DAY_SECONDS,
        description=(
            "How long the secrets before it sign too, 0 to 2,592,000 (30 days). Default 86,400 (a day). 0 ends them at "
            "once, as for a secret that has leaked."
        ),
    )

    @property
    def overlap(self) -> timedelta:
        """The seconds, as a duration."""
        return timedelta(seconds=self.overlap_seconds)


@strawberry.input(description="Which webhook endpoint to delete.")
class WebhookEndpointDeleteInput:
    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")


@strawberry.input(description="Which webhook endpoint to send a test.")
class WebhookEndpointPingInput:
    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint.")


@strawberry.input(description="Which event to send again.")
class WebhookDeliveryReplayInput:
    delivery_id: strawberry.ID = strawberry.field(description="Its delivery, whatever became of it.")


@strawberry.input(description="What to send again to an endpoint, by when it happened.")
class WebhookRangeReplayInput:
    endpoint_id: strawberry.ID = strawberry.field(description="The endpoint, whose filters count as they are now.")
    since: datetime = strawberry.field(description="From when on, with a zone.")
    until: datetime = strawberry.field(description="Until when, which is not included; after `since`.")
    all_events: bool = strawberry.field(
        default=False,
        description=(
            "Also what was delivered. Default: only what has failed, and what was never owed to it because it was "
            "switched off or not there yet."
        ),
    )


@strawberry.input(description="Which deliveries; what is left out may be anything.")
class WebhookDeliveryFilter:
    endpoint_id: strawberry.ID | None = strawberry.field(default=None, description="To this endpoint.")
    status: WebhookDeliveryStatus | None = strawberry.field(  # type: ignore[valid-type]
        default=None, description="What became of them."
    )
    event_type: str | None = strawberry.field(default=None, description="Of this type, e.g. `SESSION_CALLED`.")
    since: datetime | None = strawberry.field(default=None, description="Owed from then on.")
    until: datetime | None = strawberry.field(default=None, description="Owed before.")
