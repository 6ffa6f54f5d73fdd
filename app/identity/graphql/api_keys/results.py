"""Results of the API key mutations: a success, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.api_keys import errors
from app.identity.graphql.api_keys.types import ApiKey
from app.identity.graphql.step_up import StepUpRequiredError
from app.tenants.graphql.results import LimitReachedError

_SECRET = (
    "The key's text, to be sent as `Authorization: Bearer …`. Shown here and never again, not even for the same "
    "request: we keep its hash. If the answer was lost, rotate the key or revoke it and create another."
)


@error_type(errors.ScopeNotGrantable, "The key would be, or is, allowed more than one may do oneself.")
class ScopeNotGrantableError(UserError):
    scopes: list[str] = strawberry.field(description="What one may not do oneself.")


@error_type(
    errors.OutlivesOwnKey,
    "A key would be good for longer than the one, or the secret of it, that the request has shown.",
)
class OutlivesOwnKeyError(UserError):
    expires_at: datetime = strawberry.field(description="When what was shown ends: the latest there can be.")


@error_type(errors.ApiKeyEnded, "The key was revoked or has expired, which is for good.")
class ApiKeyEndedError(UserError):
    pass


@error_type(errors.TooManySecrets, "Too many secrets of the key are good at once; each rotation adds one.")
class TooManySecretsError(UserError):
    maximum: int = strawberry.field(description="How many may be.")


@strawberry.type(description="The key was created.")
class ApiKeyCreateSuccess:
    api_key: ApiKey = strawberry.field(description="The new key.")
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type(description="The key was changed.")
class ApiKeyUpdateSuccess:
    api_key: ApiKey = strawberry.field(description="The key as it is now.")


@strawberry.type(description="The key has another secret.")
class ApiKeyRotateSuccess:
    api_key: ApiKey = strawberry.field(description="The key as it is now.")
    secret: str = strawberry.field(description=_SECRET)


@strawberry.type(description="The key opens nothing any more.")
class ApiKeyRevokeSuccess:
    api_key: ApiKey = strawberry.field(description="The key as it is now.")


ApiKeyCreateResult = Annotated[
    ApiKeyCreateSuccess
    | InvalidInputError
    | ScopeNotGrantableError
    | OutlivesOwnKeyError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("ApiKeyCreateResult", description="What `apiKeyCreate` answers."),
]
ApiKeyUpdateResult = Annotated[
    ApiKeyUpdateSuccess
    | InvalidInputError
    | ScopeNotGrantableError
    | OutlivesOwnKeyError
    | ApiKeyEndedError
    | StepUpRequiredError,
    strawberry.union("ApiKeyUpdateResult", description="What `apiKeyUpdate` answers."),
]
ApiKeyRotateResult = Annotated[
    ApiKeyRotateSuccess
    | InvalidInputError
    | ScopeNotGrantableError
    | OutlivesOwnKeyError
    | TooManySecretsError
    | ApiKeyEndedError
    | StepUpRequiredError,
    strawberry.union("ApiKeyRotateResult", description="What `apiKeyRotate` answers."),
]
ApiKeyRevokeResult = Annotated[
    ApiKeyRevokeSuccess | InvalidInputError,
    strawberry.union("ApiKeyRevokeResult", description="What `apiKeyRevoke` answers."),
]
