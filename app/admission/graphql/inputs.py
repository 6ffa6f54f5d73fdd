"""Inputs of the admission mutations."""

import strawberry

from app.queues.graphql.inputs import KEY

_TOKEN = "The admission token. Without it the caller's own session is meant: send the session token."
_ADDRESS = (
    "The network address the site sees its visitor under (IPv4 or IPv6). Needed if the queue has `bindAddress`, and "
    "else not looked at."
)


@strawberry.input(description="Let a released visitor into the protected site.")
class AdmissionEnterInput:
    token: str | None = strawberry.field(default=None, description=_TOKEN)
    address: str | None = strawberry.field(default=None, description=_ADDRESS)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Begin a stay anew.")
class AdmissionRenewInput:
    token: str | None = strawberry.field(default=None, description=_TOKEN)
    address: str | None = strawberry.field(
        default=None, description="The visitor's network address; compared if the queue has `bindAddress`."
    )


@strawberry.input(description="Give a place at the protected site back.")
class AdmissionLeaveInput:
    token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Ask whether an admission token is good now.")
class AdmissionVerifyInput:
    token: str = strawberry.field(description="The admission token.")
    address: str | None = strawberry.field(default=None, description=_ADDRESS)
    consume: bool = strawberry.field(
        default=False, description="Use the token up: it can be consumed once, by its id (`jti`). Default false."
    )


@strawberry.input(description="Send somebody away who was released or is inside.")
class AdmissionRevokeInput:
    session_id: strawberry.ID = strawberry.field(description="The session.")
    reason: str | None = strawberry.field(default=None, description="Why, for the log; at most 500 characters.")
