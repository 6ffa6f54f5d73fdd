"""Results of the session mutations: a success with the session as it is now, or a refusal one can act on."""

from typing import Annotated

import strawberry
from strawberry.types import Info

from app.access.graphql.results import AccessCodeRefusedError, AddressLimitReachedError, InvitationRequiredError
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.core.ids import Ref
from app.counters.graphql.results import CounterNotServingQueueError, ShiftRequiredError
from app.queues.graphql.results import (
    MaxConcurrentReachedError,
    QueueFullError,
    QueueNotOpenError,
    QueueNotServingError,
    QueuePausedError,
)
from app.sessions import errors
from app.sessions.graphql.enums import SessionStatus
from app.sessions.graphql.loaders import load_session
from app.sessions.graphql.types import Session
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.AlreadyWaiting, "This person has a place in the queue already.")
class AlreadyWaitingError(UserError):
    session: Session = strawberry.field(description="That place; personal fields are null unless you may see them.")

    @staticmethod
    async def convert(error: errors.AlreadyWaiting, info: Info) -> "AlreadyWaitingError":
        """With the session loaded."""
        session = await load_session(info.context, Ref(error.tenant_id, error.session_id))
        return AlreadyWaitingError(message=error.message, session=session)


@error_type(errors.PriorityNotAllowed, "Visitors may not ask for this priority in this queue.")
class PriorityNotAllowedError(UserError):
    maximum: int = strawberry.field(description="The highest they may ask for.")


@error_type(errors.NobodyWaiting, "There is nobody to call.")
class NobodyWaitingError(UserError):
    pass


@error_type(errors.CounterBusy, "The counter still holds a called or served session.")
class CounterBusyError(UserError):
    current_session: Session | None = strawberry.field(
        description="What the counter holds; null if it was called at this very moment."
    )

    @staticmethod
    async def convert(error: errors.CounterBusy, info: Info) -> "CounterBusyError":
        """With the session loaded."""
        held = None
        if error.session_id is not None:
            held = await load_session(info.context, Ref(info.context.tenant_id, error.session_id))
        return CounterBusyError(message=error.message, current_session=held)


@error_type(errors.IllegalTransition, "The session's status does not allow this.")
class IllegalTransitionError(UserError):
    session_status: SessionStatus = strawberry.field(description="The session's status.")  # type: ignore[valid-type]
    allowed: list[SessionStatus] = strawberry.field(description="The statuses it would have to have.")  # type: ignore[valid-type]


@error_type(errors.SessionOnHold, "The session is on hold, or would have to be.")
class SessionOnHoldError(UserError):
    pass


@strawberry.type(description="The visitor is in line.")
class QueueJoinSuccess:
    session: Session = strawberry.field(description="The place.")
    session_token: str = strawberry.field(
        description="The visitor's key to this session, on any device: `Authorization: Bearer …`. Keep it secret."
    )


@strawberry.type(description="Somebody was called.")
class QueueCallNextSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The session was called.")
class SessionCallSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The session was called again.")
class SessionRecallSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="Service has started.")
class SessionStartSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="Service is over.")
class SessionCompleteSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The visitor did not come.")
class SessionMarkNoShowSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The place was given up.")
class SessionCancelSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The visitor is in line again.")
class SessionReturnToQueueSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="Others go first.")
class SessionStepBackSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The visitor waits outside the line.")
class SessionHoldSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The visitor is in line again.")
class SessionUnholdSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The visitor is in the other queue.")
class SessionTransferSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The priority was changed.")
class SessionSetPrioritySuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The code was used, and the visitor moved.")
class SessionUseAccessCodeSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


@strawberry.type(description="The note was kept.")
class SessionAddNoteSuccess:
    session: Session = strawberry.field(description="The session as it is now.")


QueueJoinResult = Annotated[
    QueueJoinSuccess
    | InvalidInputError
    | QueueNotOpenError
    | QueueFullError
    | AlreadyWaitingError
    | PriorityNotAllowedError
    | AccessCodeRefusedError
    | InvitationRequiredError
    | AddressLimitReachedError
    | LimitReachedError
    | IdempotencyConflictError,
    strawberry.union("QueueJoinResult", description="What `queueJoin` answers."),
]
QueueCallNextResult = Annotated[
    QueueCallNextSuccess
    | NobodyWaitingError
    | CounterBusyError
    | QueuePausedError
    | QueueNotServingError
    | CounterNotServingQueueError
    | ShiftRequiredError
    | MaxConcurrentReachedError
    | IdempotencyConflictError,
    strawberry.union("QueueCallNextResult", description="What `queueCallNext` answers."),
]
SessionCallResult = Annotated[
    SessionCallSuccess
    | IllegalTransitionError
    | SessionOnHoldError
    | CounterBusyError
    | QueuePausedError
    | QueueNotServingError
    | CounterNotServingQueueError
    | ShiftRequiredError
    | MaxConcurrentReachedError
    | IdempotencyConflictError,
    strawberry.union("SessionCallResult", description="What `sessionCall` answers."),
]
SessionRecallResult = Annotated[
    SessionRecallSuccess | IllegalTransitionError,
    strawberry.union("SessionRecallResult", description="What `sessionRecall` answers."),
]
SessionStartResult = Annotated[
    SessionStartSuccess | IllegalTransitionError,
    strawberry.union("SessionStartResult", description="What `sessionStart` answers."),
]
SessionCompleteResult = Annotated[
    SessionCompleteSuccess | IllegalTransitionError,
    strawberry.union("SessionCompleteResult", description="What `sessionComplete` answers."),
]
SessionMarkNoShowResult = Annotated[
    SessionMarkNoShowSuccess | IllegalTransitionError,
    strawberry.union("SessionMarkNoShowResult", description="What `sessionMarkNoShow` answers."),
]
SessionCancelResult = Annotated[
    SessionCancelSuccess | IllegalTransitionError | InvalidInputError,
    strawberry.union("SessionCancelResult", description="What `sessionCancel` answers."),
]
SessionReturnToQueueResult = Annotated[
    SessionReturnToQueueSuccess | IllegalTransitionError,
    strawberry.union("SessionReturnToQueueResult", description="What `sessionReturnToQueue` answers."),
]
SessionStepBackResult = Annotated[
    SessionStepBackSuccess | IllegalTransitionError | SessionOnHoldError | QueueNotServingError | InvalidInputError,
    strawberry.union("SessionStepBackResult", description="What `sessionStepBack` answers."),
]
SessionHoldResult = Annotated[
    SessionHoldSuccess | IllegalTransitionError | SessionOnHoldError,
    strawberry.union("SessionHoldResult", description="What `sessionHold` answers."),
]
SessionUnholdResult = Annotated[
    SessionUnholdSuccess | IllegalTransitionError | SessionOnHoldError,
    strawberry.union("SessionUnholdResult", description="What `sessionUnhold` answers."),
]
SessionTransferResult = Annotated[
    SessionTransferSuccess
    | IllegalTransitionError
    | QueueNotOpenError
    | QueueFullError
    | AlreadyWaitingError
    | InvalidInputError,
    strawberry.union("SessionTransferResult", description="What `sessionTransfer` answers."),
]
SessionSetPriorityResult = Annotated[
    SessionSetPrioritySuccess | IllegalTransitionError | InvalidInputError,
    strawberry.union("SessionSetPriorityResult", description="What `sessionSetPriority` answers."),
]
SessionUseAccessCodeResult = Annotated[
    SessionUseAccessCodeSuccess | IllegalTransitionError | AccessCodeRefusedError,
    strawberry.union("SessionUseAccessCodeResult", description="What `sessionUseAccessCode` answers."),
]
SessionAddNoteResult = Annotated[
    SessionAddNoteSuccess | InvalidInputError,
    strawberry.union("SessionAddNoteResult", description="What `sessionAddNote` answers."),
]
