"""Results of the mutations of lists and codes, and what joins are refused by them."""

from typing import Annotated

import strawberry

from app.access import errors
from app.access.graphql.enums import AccessCodeRefusal
from app.access.graphql.types import AccessCode
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type


@error_type(errors.AccessCodeRefused, "The access code is not good for this; nothing has happened.")
class AccessCodeRefusedError(UserError):
    reason: AccessCodeRefusal = strawberry.field(description="Why.")  # type: ignore[valid-type]


@error_type(errors.InvitationRequired, "Only invited visitors may join: the queue is `invitedOnly`.")
class InvitationRequiredError(UserError):
    refusal_message: str | None = strawberry.field(
        description="What the tenant says to those who may not join, for the visitor's eyes; null if it says nothing."
    )


@error_type(errors.AddressLimitReached, "As many people as may be have a place from this network address.")
class AddressLimitReachedError(UserError):
    maximum: int = strawberry.field(description="The queue's `maxPlacesPerAddress`.")


@strawberry.type(description="The people are on the list.")
class AccessEntryAddSuccess:
    added_count: int = strawberry.field(description="How many were not on it yet.")


@strawberry.type(description="The people are not on the list.")
class AccessEntryRemoveSuccess:
    removed_count: int = strawberry.field(description="How many were on it.")


@strawberry.type(description="The codes are good.")
class AccessCodeCreateSuccess:
    codes: list[AccessCode] = strawberry.field(description="The new codes, at most 1,000.")


@strawberry.type(description="The codes are good for nothing any more.")
class AccessCodeRevokeSuccess:
    codes: list[AccessCode] = strawberry.field(description="The codes as they are now, at most 500.")


AccessEntryAddResult = Annotated[
    AccessEntryAddSuccess | InvalidInputError,
    strawberry.union("AccessEntryAddResult", description="What `accessEntryAdd` answers."),
]
AccessEntryRemoveResult = Annotated[
    AccessEntryRemoveSuccess | InvalidInputError,
    strawberry.union("AccessEntryRemoveResult", description="What `accessEntryRemove` answers."),
]
AccessCodeCreateResult = Annotated[
    AccessCodeCreateSuccess | InvalidInputError | IdempotencyConflictError,
    strawberry.union("AccessCodeCreateResult", description="What `accessCodeCreate` answers."),
]
AccessCodeRevokeResult = Annotated[
    AccessCodeRevokeSuccess | InvalidInputError,
    strawberry.union("AccessCodeRevokeResult", description="What `accessCodeRevoke` answers."),
]
