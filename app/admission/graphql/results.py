"""Results of the admission mutations: a success with the admission as it is then, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.admission import errors
from app.admission.graphql.enums import AdmissionEnd
from app.admission.graphql.types import Admission
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.sessions.graphql.enums import SessionStatus
from app.sessions.graphql.results import IllegalTransitionError


@error_type(errors.AdmissionInvalid, "This is no admission token of this installation.")
class AdmissionInvalidError(UserError):
    pass


@error_type(errors.AdmissionOver, "The token was good once.")
class AdmissionOverError(UserError):
    end: AdmissionEnd = strawberry.field(description="What happened.")  # type: ignore[valid-type]
    session_status: SessionStatus = strawberry.field(description="How the session stands.")  # type: ignore[valid-type]
    ended_at: datetime | None = strawberry.field(description="When that was; null if it is not known.")


@error_type(errors.AdmissionUsed, "The token was for one use, and has been used.")
class AdmissionUsedError(UserError):
    used_at: datetime = strawberry.field(description="When.")


@error_type(errors.AdmissionAddressMismatch, "The token is bound to another network address.")
class AdmissionAddressMismatchError(UserError):
    pass


@error_type(errors.QueueNotMetered, "The session is in a queue whose visitors are called by staff.")
class QueueNotMeteredError(UserError):
    pass


@strawberry.type(description="The visitor is inside.")
class AdmissionEnterSuccess:
    admission: Admission = strawberry.field(description="With a fresh token, for the stay: keep it in the cookie.")


@strawberry.type(description="The stay goes on.")
class AdmissionRenewSuccess:
    admission: Admission = strawberry.field(description="With the token to keep from now on.")


@strawberry.type(description="The place is the next one's.")
class AdmissionLeaveSuccess:
    admission: Admission = strawberry.field(description="As it ended.")


@strawberry.type(description="The token is good now.")
class AdmissionVerifySuccess:
    admission: Admission = strawberry.field(description="As it stands now.")
    is_consumed: bool = strawberry.field(description="Whether the token has been consumed, by this call or before.")


@strawberry.type(description="The visitor was sent away.")
class AdmissionRevokeSuccess:
    admission: Admission = strawberry.field(description="As it ended.")


AdmissionEnterResult = Annotated[
    AdmissionEnterSuccess
    | AdmissionInvalidError
    | AdmissionOverError
    | AdmissionUsedError
    | AdmissionAddressMismatchError
    | QueueNotMeteredError
    | IllegalTransitionError
    | IdempotencyConflictError
    | InvalidInputError,
    strawberry.union("AdmissionEnterResult", description="What `admissionEnter` answers."),
]
AdmissionRenewResult = Annotated[
    AdmissionRenewSuccess
    | AdmissionInvalidError
    | AdmissionOverError
    | AdmissionAddressMismatchError
    | QueueNotMeteredError
    | IllegalTransitionError
    | InvalidInputError,
    strawberry.union("AdmissionRenewResult", description="What `admissionRenew` answers."),
]
AdmissionLeaveResult = Annotated[
    AdmissionLeaveSuccess | AdmissionInvalidError | AdmissionOverError | QueueNotMeteredError | IllegalTransitionError,
    strawberry.union("AdmissionLeaveResult", description="What `admissionLeave` answers."),
]
AdmissionVerifyResult = Annotated[
    AdmissionVerifySuccess
    | AdmissionInvalidError
    | AdmissionOverError
    | AdmissionUsedError
    | AdmissionAddressMismatchError
    | InvalidInputError,
    strawberry.union("AdmissionVerifyResult", description="What `admissionVerify` answers."),
]
AdmissionRevokeResult = Annotated[
    AdmissionRevokeSuccess | QueueNotMeteredError | IllegalTransitionError | InvalidInputError,
    strawberry.union("AdmissionRevokeResult", description="What `admissionRevoke` answers."),
]
