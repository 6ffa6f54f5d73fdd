"""Webhook endpoints and what they were sent, as clients see them. Secrets are in no type: they are shown once."""

from datetime import datetime
from uuid import UUID

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import encode
from app.webhooks import models, payload, rules, service

MOST_COUNTED = 1_000
MOST_ATTEMPTS = 50

WebhookOrdering = explained_enum(
    models.WebhookOrdering,
    "In which order an endpoint is sent what happens.",
    NONE="As it comes: what failed is tried again while newer events pass it. `revision` says what is newer.",
    PER_QUEUE=(
        "One after the other within each queue (and each other object): until an event has arrived, or all its tries "
        "are used up, those behind it wait. Different queues do not wait for each other."
    ),
)
WebhookDisableReason = explained_enum(
    models.DisableReason,
    "Why nothing is sent to an endpoint.",
    BY_USER="Somebody has switched it off.",
    GONE="It has answered 410 (Gone).",
    FAILING="It has taken nothing for days (`VQ_WEBHOOK_DISABLE_AFTER_HOURS`, 120 hours by default).",
)
WebhookDeliveryStatus = explained_enum(
    models.DeliveryStatus,
    "What became of an event that is owed to an endpoint.",
    PENDING="It is tried, or will be.",
    DELIVERED="It was answered with a status from 200 to 299.",
    FAILED=f"All {rules.MAX_TRIES} tries were used up, or the endpoint is gone. It can be replayed.",
)


@strawberry.type(description="A secret that signs an endpoint's messages, without the secret itself.")
class WebhookSecret:
    created_at: datetime = strawberry.field(description="When it was made.")
    ends_at: datetime | None = strawberry.field(
        description="Until when it signs too, after a rotation; null for the newest."
    )


@strawberry.type(description="How sending to an endpoint goes.")
class WebhookHealth:
    failing_since: datetime | None = strawberry.field(description="Since when nothing has arrived; null if it does.")
    paused_until: datetime | None = strawberry.field(
        description="It has failed and is left alone until then; null if it is not. Then one event is tried first."
    )
    last_delivered_at: datetime | None = strawberry.field(description="When something last arrived; null if never.")
    last_error: str | None = strawberry.field(
        description="Why the last try failed; null once one has arrived. At most 300 characters."
    )
    pending_count: int = strawberry.field(description=f"How many events wait; counted up to {MOST_COUNTED:,}.")


@strawberry.type(
    description=(
        "An address that is told what happens, by signed POST requests (Standard Webhooks, "
        "https://www.standardwebhooks.com). docs/webhooks.md says what they hold."
    )
)
class WebhookEndpoint(Node):
    row: strawberry.Private[models.WebhookEndpoint]
    name: str = strawberry.field(description="What it is for, at most 80 characters.")
    url: str = strawberry.field(description="Where it is, at most 2,000 characters.")
    event_types: list[str] = strawberry.field(
        description="Which types of events it wants, as `webhookEventTypes` names them; empty for all. Sorted."
    )
    ordering: WebhookOrdering = strawberry.field(description="In which order.")  # type: ignore[valid-type]
    is_enabled: bool = strawberry.field(description="Whether anything is sent.")
    disabled_at: datetime | None = strawberry.field(description="When it was switched off; null while it is on.")
    disabled_reason: WebhookDisableReason | None = strawberry.field(  # type: ignore[valid-type]
        description="Why it is off; null while it is on."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    revision: int = strawberry.field(description="Grows by 1 with every change.")

    @classmethod
    def of(cls, row: models.WebhookEndpoint) -> "WebhookEndpoint":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            name=row.name,
            url=row.url,
            event_types=row.event_types,
            ordering=row.ordering,
            is_enabled=row.enabled,
            disabled_at=row.disabled_at,
            disabled_reason=row.disabled_reason,
            created_at=row.created_at,
            updated_at=row.updated_at,
            revision=row.revision,
        )

    @strawberry.field(description="Ids of the queues whose events it wants; empty for everything that happens.")
    def queue_ids(self) -> list[strawberry.ID]:
        """Opaque."""
        return [strawberry.ID(encode("Queue", self.tenant_key, UUID(each))) for each in self.row.queue_ids]

    @strawberry.field(description="How sending to it goes.")
    async def health(self, info: Info) -> WebhookHealth:
        """Loaded for all endpoints of the answer at once."""
        from app.webhooks.graphql.loaders import health_of

        return await info.context.loader(health_of, self.tenant_key).load(self.key)

    @strawberry.field(
        description=f"The secrets its messages are signed with at present, newest first; at most "
        f"{service.MAX_GOOD_SECRETS}, and one more while rotations meet."
    )
    async def secrets(self, info: Info) -> list[WebhookSecret]:
        """Loaded for all endpoints of the answer at once."""
        from app.webhooks.graphql.loaders import secrets_of

        return await info.context.loader(secrets_of, self.tenant_key).load(self.key)


@strawberry.type(description="What is sent, as the next try would send it.")
class WebhookRequest:
    webhook_id: strawberry.ID = strawberry.field(
        description="The header `webhook-id`: the same for all tries and replays, by which receivers tell doubles."
    )
    body: str = strawberry.field(description="The JSON text that is signed and sent.")


@strawberry.type(description="One try to deliver an event.")
class WebhookAttempt:
    number: int = strawberry.field(description="1 for the first; replays count on.")
    started_at: datetime = strawberry.field(description="When it was begun.")
    duration_ms: int = strawberry.field(description="How long it took, in milliseconds.")
    url: str = strawberry.field(description="Where it went.")
    status_code: int | None = strawberry.field(description="The HTTP status of the answer; null if there was none.")
    error: str | None = strawberry.field(description="Why it counts as failed; null if it was delivered.")
    answer: str | None = strawberry.field(
        description=(
            f"The beginning of the answer, at most {rules.SHOWN_OF_ANSWER:,} characters; e-mail addresses and what "
            "looks like a secret are masked. Null if there was none."
        )
    )

    @classmethod
    def of(cls, row: models.WebhookAttempt) -> "WebhookAttempt":
        """From its row."""
        return cls(
            number=row.number,
            started_at=row.started_at,
            duration_ms=row.duration_ms,
            url=row.url,
            status_code=row.status_code,
            error=row.error,
            answer=row.answer,
        )


@strawberry.type(description="An event that is owed to an endpoint, and what became of it. Kept for 30 days.")
class WebhookDelivery(Node):
    row: strawberry.Private[models.WebhookDelivery]
    event_type: str = strawberry.field(description="What happened, e.g. `SESSION_CALLED`.")
    object_type: str = strawberry.field(description="What it happened to, e.g. `Queue`.")
    object_id: strawberry.ID = strawberry.field(description="Its id.")
    event_revision: int = strawberry.field(description="That object's revision after the event.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    status: WebhookDeliveryStatus = strawberry.field(description="What became of it.")  # type: ignore[valid-type]
    attempt_count: int = strawberry.field(description="How often it was tried, replays included.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When it is tried next, at the earliest; null once it was delivered or has failed."
    )
    created_at: datetime = strawberry.field(description="When it became owed.")
    settled_at: datetime | None = strawberry.field(description="When it was delivered or has failed; null until then.")
    error: str | None = strawberry.field(description="Why the last try failed; null once it was delivered.")

    @classmethod
    def of(cls, row: models.WebhookDelivery) -> "WebhookDelivery":
        """From its row."""
        kind = payload.kind_of(row.aggregate_type)
        is_pending = row.status is models.DeliveryStatus.PENDING
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            event_type=row.event_type,
            object_type=kind,
            object_id=strawberry.ID(encode(kind, row.tenant_id, row.aggregate_id)),
            event_revision=row.revision,
            occurred_at=row.occurred_at,
            status=row.status,
            attempt_count=row.attempts,
            next_attempt_at=row.due_at if is_pending else None,
            created_at=row.created_at,
            settled_at=row.settled_at,
            error=row.error,
        )

    @strawberry.field(description="The endpoint.")
    async def endpoint(self, info: Info) -> WebhookEndpoint:
        """Loaded for all deliveries of the answer at once."""
        from app.webhooks.graphql.loaders import endpoints_by_id

        found = await info.context.loader(endpoints_by_id, self.tenant_key).load(self.row.endpoint_id)
        assert found is not None  # its deliveries go with it
        return found

    @strawberry.field(description="What is sent; null once the event is no longer in the log.")
    async def request(self, info: Info) -> WebhookRequest | None:
        """Made from the event, which the log keeps."""
        from app.webhooks.graphql.loaders import bodies_of

        body = await info.context.loader(bodies_of, self.tenant_key).load(self.row)
        return (
            None if body is None else WebhookRequest(webhook_id=strawberry.ID(payload.message_id(self.key)), body=body)
        )

    @strawberry.field(description=f"The tries, newest first; the newest {MOST_ATTEMPTS}.")
    async def attempts(self, info: Info) -> list[WebhookAttempt]:
        """Loaded for all deliveries of the answer at once."""
        from app.webhooks.graphql.loaders import attempts_of

        return await info.context.loader(attempts_of, self.tenant_key).load(self.key)


@strawberry.type(description="A type of event that can be sent.")
class WebhookEventTypeInfo:
    type: str = strawberry.field(description="Its name, e.g. `SESSION_CALLED`.")
    description: str | None = strawberry.field(
        description="What there is to know besides its name; null if the name says it all."
    )


@strawberry.type(description="An endpoint and its cursor.")
class WebhookEndpointEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: WebhookEndpoint = strawberry.field(description="The endpoint.")


@strawberry.type(description="A page of endpoints, in order of creation.")
class WebhookEndpointConnection:
    edges: list[WebhookEndpointEdge] = strawberry.field(description="The endpoints.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="A delivery and its cursor.")
class WebhookDeliveryEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: WebhookDelivery = strawberry.field(description="The delivery.")


@strawberry.type(description="A page of the delivery log, newest first.")
class WebhookDeliveryConnection:
    edges: list[WebhookDeliveryEdge] = strawberry.field(description="The deliveries.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
