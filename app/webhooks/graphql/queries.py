"""Reading webhook endpoints and what they were sent."""

from typing import Annotated

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.instants import instant
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.webhooks import repository
from app.webhooks.catalogue import event_classes, meaning
from app.webhooks.graphql.inputs import WebhookDeliveryFilter
from app.webhooks.graphql.loaders import webhook_delivery_node, webhook_endpoint_node
from app.webhooks.graphql.types import (
    WebhookDelivery,
    WebhookDeliveryConnection,
    WebhookDeliveryEdge,
    WebhookEndpoint,
    WebhookEndpointConnection,
    WebhookEndpointEdge,
    WebhookEventTypeInfo,
)

Filter = Annotated[WebhookDeliveryFilter | None, strawberry.argument(description="Which; all by default.")]


@strawberry.type
class WebhookQuery:
    @strawberry.field(
        description="The business's webhook endpoints in order of creation, at most 20.",
        extensions=[Requires(Permission.WEBHOOK_READ)],
    )
    async def webhook_endpoints(self, info: Info, first: First, after: After = None) -> WebhookEndpointConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(WebhookEndpointConnection, WebhookEndpointEdge, page, WebhookEndpoint.of)

    @strawberry.field(
        description="What endpoints were and will be sent, newest first. Kept for 30 days.",
        extensions=[Requires(Permission.WEBHOOK_READ)],
    )
    async def webhook_deliveries(
        self, info: Info, first: First, after: After = None, filter: Filter = None
    ) -> WebhookDeliveryConnection:
        wanted = repository.Wanted()
        if filter is not None:
            endpoint = filter.endpoint_id
            endpoint_id = None if endpoint is None else info.context.ref("WebhookEndpoint", endpoint).id
            wanted = repository.Wanted(
                endpoint_id,
                filter.status,
                filter.event_type,
                instant("filter.since", filter.since),
                instant("filter.until", filter.until),
            )
        async with info.context.read() as tx:
            page = await repository.deliveries(tx, wanted, PageRequest(first, after))
        return connection(WebhookDeliveryConnection, WebhookDeliveryEdge, page, WebhookDelivery.of)

    @strawberry.field(
        description="Every type of event an endpoint can be told, sorted by name.",
        extensions=[Requires(Permission.WEBHOOK_READ)],
    )
    async def webhook_event_types(self, info: Info) -> list[WebhookEventTypeInfo]:
        return [
            WebhookEventTypeInfo(type=name, description=meaning(event) or None)
            for name, event in event_classes().items()
        ]


NODES = {"WebhookEndpoint": webhook_endpoint_node, "WebhookDelivery": webhook_delivery_node}
