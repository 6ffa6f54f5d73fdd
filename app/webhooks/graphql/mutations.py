"""The mutations of webhooks: each opens a block and calls one verb."""

import strawberry
from strawberry import UNSET

from app.context import Context, Info
from app.core.graphql.instants import instant
from app.core.graphql.permissions import Requires
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.webhooks import service
from app.webhooks.graphql import inputs, results
from app.webhooks.graphql.types import WebhookDelivery, WebhookEndpoint
from app.webhooks.service import EndpointChanges, NewEndpoint

_GIVEN = {
    "name": "name",
    "url": "url",
    "event_types": "event_types",
    "queue_ids": "queue_ids",
    "ordering": "ordering",
    "is_enabled": "enabled",
}


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(
        description="Tell an address what happens from now on. Its secret is shown once, in this answer.",
        extensions=[StepUp(), Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_endpoint_create(
        self, info: Info, input: inputs.WebhookEndpointCreateInput
    ) -> results.WebhookEndpointCreateResult:
        queue_ids = [info.context.ref("Queue", each).id for each in input.queue_ids]
        new = NewEndpoint(input.name, input.url, input.event_types, queue_ids, input.ordering)
        async with info.context.write() as tx:
            issued = await service.create(tx, new)
        return results.WebhookEndpointCreateSuccess(endpoint=WebhookEndpoint.of(issued.endpoint), secret=issued.secret)

    @strawberry.mutation(
        description="Change a webhook endpoint, from the next try on; switch it off and on.",
        extensions=[StepUp("url"), Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_endpoint_update(
        self, info: Info, input: inputs.WebhookEndpointUpdateInput
    ) -> results.WebhookEndpointUpdateResult:
        ref = info.context.ref("WebhookEndpoint", input.endpoint_id)
        changes = _changes(info.context, input)
        async with info.context.write() as tx:
            endpoint = await service.update(tx, ref.id, changes)
        return results.WebhookEndpointUpdateSuccess(endpoint=WebhookEndpoint.of(endpoint))

    @strawberry.mutation(
        description=(
            "Give a webhook endpoint another secret, shown once, in this answer. Messages are signed with those before "
            "it too, for the overlap, so that receivers can be changed one after the other."
        ),
        extensions=[StepUp(), Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_secret_rotate(
        self, info: Info, input: inputs.WebhookSecretRotateInput
    ) -> results.WebhookSecretRotateResult:
        ref = info.context.ref("WebhookEndpoint", input.endpoint_id)
        async with info.context.write() as tx:
            issued = await service.rotate(tx, ref.id, input.overlap)
        return results.WebhookSecretRotateSuccess(endpoint=WebhookEndpoint.of(issued.endpoint), secret=issued.secret)

    @strawberry.mutation(
        description="Tell a webhook endpoint nothing any more, and delete its log.",
        extensions=[Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_endpoint_delete(
        self, info: Info, input: inputs.WebhookEndpointDeleteInput
    ) -> results.WebhookEndpointDeleteResult:
        ref = info.context.ref("WebhookEndpoint", input.endpoint_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.WebhookEndpointDeleteSuccess(endpoint_id=input.endpoint_id)

    @strawberry.mutation(
        description="Send a webhook endpoint a test of type `WEBHOOK_PINGED`, whatever its filters are.",
        extensions=[Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_endpoint_ping(
        self, info: Info, input: inputs.WebhookEndpointPingInput
    ) -> results.WebhookEndpointPingResult:
        ref = info.context.ref("WebhookEndpoint", input.endpoint_id)
        async with info.context.write() as tx:
            delivery = await service.ping(tx, ref.id)
        return results.WebhookEndpointPingSuccess(delivery=WebhookDelivery.of(delivery))

    @strawberry.mutation(
        description="Send an event to its endpoint again, now, with the same `webhook-id` and all its tries anew.",
        extensions=[Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_delivery_replay(
        self, info: Info, input: inputs.WebhookDeliveryReplayInput
    ) -> results.WebhookDeliveryReplayResult:
        ref = info.context.ref("WebhookDelivery", input.delivery_id)
        async with info.context.write() as tx:
            delivery = await service.replay(tx, ref.id)
        return results.WebhookDeliveryReplaySuccess(delivery=WebhookDelivery.of(delivery))

    @strawberry.mutation(
        description=(
            "Send an endpoint what happened in a range of time: what has failed, and what it was never sent; at most "
            f"{service.MAX_REPLAYED:,} events at once."
        ),
        extensions=[Requires(Permission.WEBHOOK_WRITE)],
    )
    async def webhook_range_replay(
        self, info: Info, input: inputs.WebhookRangeReplayInput
    ) -> results.WebhookRangeReplayResult:
        ref = info.context.ref("WebhookEndpoint", input.endpoint_id)
        async with info.context.write() as tx:
            endpoint, count = await service.replay_range(
                tx,
                ref.id,
                instant("input.since", input.since),
                instant("input.until", input.until),
                all_of_them=input.all_events,
            )
        return results.WebhookRangeReplaySuccess(endpoint=WebhookEndpoint.of(endpoint), event_count=count)


def _changes(context: Context, input: inputs.WebhookEndpointUpdateInput) -> EndpointChanges:
    """What was given. Null stands for "as it is": there is always a value."""
    changes: EndpointChanges = {}
    for given, name in _GIVEN.items():
        value = getattr(input, given)
        if value is not UNSET and value is not None:
            changes[name] = value  # type: ignore[literal-required]
    if "queue_ids" in changes:
        changes["queue_ids"] = [context.ref("Queue", each).id for each in input.queue_ids or ()]
    return changes
