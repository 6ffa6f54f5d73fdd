"""Results of the webhook mutations: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.step_up import StepUpRequiredError
from app.tenants.graphql.results import LimitReachedError
from app.webhooks import errors
from app.webhooks.graphql.types import WebhookDelivery, WebhookEndpoint

_SECRET = (
    "The secret to verify messages with, `whsec_…`. Shown here and never again, not even for the same request. If the "
    "answer was lost, rotate it."
)


@error_type(errors.UnknownEventTypes, "The filter names types of events there are not.")
class UnknownEventTypesError(UserError):
    event_types: list[str] = strawberry.field(description="Those there are not, at most 20 of them.")


@error_type(errors.EndpointDisabled, "Nothing is sent to an endpoint that is switched off.")
class WebhookEndpointDisabledError(UserError):
    pass


@error_type(errors.TooManySecretsOfEndpoint, "Too many secrets of the endpoint sign at once; each rotation adds one.")
class TooManyWebhookSecretsError(UserError):
    maximum: int = strawberry.field(description="How many may.")


@error_type(errors.TooManyToReplay, "The range holds more events than may be sent again at once.")
class TooManyToReplayError(UserError):
    maximum: int = strawberry.field(description="How many may be.")


@strawberry.type(description="The endpoint was created.")
class WebhookEndpointCreateSuccess:
    endpoint: WebhookEndpoint = strawberry.field(description="The new endpoint.")
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type(description="The endpoint was changed.")
class WebhookEndpointUpdateSuccess:
    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint as it is now.")


@strawberry.type(description="The endpoint has another secret.")
class WebhookSecretRotateSuccess:
    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint as it is now.")
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type(description="The endpoint is told nothing any more; its log is gone.")
class WebhookEndpointDeleteSuccess:
    endpoint_id: strawberry.ID = strawberry.field(description="Its id, which leads nowhere any more.")


@strawberry.type(description="A test is on its way, past any pause.")
class WebhookEndpointPingSuccess:
    delivery: WebhookDelivery = strawberry.field(
        description="What becomes of it: read it again a second later by `node`."
    )


@strawberry.type(description="The event is sent again.")
class WebhookDeliveryReplaySuccess:
    delivery: WebhookDelivery = strawberry.field(description="The delivery as it is now: pending.")


@strawberry.type(description="The events are sent again.")
class WebhookRangeReplaySuccess:
    endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")
    event_count: int = strawberry.field(description="How many events there are.")


WebhookEndpointCreateResult = Annotated[
    WebhookEndpointCreateSuccess | InvalidInputError | UnknownEventTypesError | LimitReachedError | StepUpRequiredError,
    strawberry.union("WebhookEndpointCreateResult", description="What `webhookEndpointCreate` answers."),
]
WebhookEndpointUpdateResult = Annotated[
    WebhookEndpointUpdateSuccess | InvalidInputError | UnknownEventTypesError | StepUpRequiredError,
    strawberry.union("WebhookEndpointUpdateResult", description="What `webhookEndpointUpdate` answers."),
]
WebhookSecretRotateResult = Annotated[
    WebhookSecretRotateSuccess | InvalidInputError | TooManyWebhookSecretsError | StepUpRequiredError,
    strawberry.union("WebhookSecretRotateResult", description="What `webhookSecretRotate` answers."),
]
WebhookEndpointDeleteResult = Annotated[
    WebhookEndpointDeleteSuccess | InvalidInputError,
    strawberry.union("WebhookEndpointDeleteResult", description="What `webhookEndpointDelete` answers."),
]
WebhookEndpointPingResult = Annotated[
    WebhookEndpointPingSuccess | WebhookEndpointDisabledError,
    strawberry.union("WebhookEndpointPingResult", description="What `webhookEndpointPing` answers."),
]
WebhookDeliveryReplayResult = Annotated[
    WebhookDeliveryReplaySuccess | WebhookEndpointDisabledError,
    strawberry.union("WebhookDeliveryReplayResult", description="What `webhookDeliveryReplay` answers."),
]
WebhookRangeReplayResult = Annotated[
    WebhookRangeReplaySuccess | InvalidInputError | WebhookEndpointDisabledError | TooManyToReplayError,
    strawberry.union("WebhookRangeReplayResult", description="What `webhookRangeReplay` answers."),
]
