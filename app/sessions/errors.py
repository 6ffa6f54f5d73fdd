"""What can be refused about a session."""

from uuid import UUID

from app.core.errors import UserFacingError
from app.sessions.statuses import SessionStatus


class SessionMoved(Exception):
    """Between looking and locking the session went to another queue. Not a refusal: the block is to be tried again.

    It cannot go on, because it holds the line the session has left: to ask for another line while holding one, other
    than in the agreed order, is how two transactions come to wait for each other.
    """


class AlreadyWaiting(UserFacingError):
    """This person has a place in the queue already."""

    def __init__(self, tenant_id: UUID, session_id: UUID) -> None:
        super().__init__("This person already has a place in the queue; show that one instead of joining again.")
        self.tenant_id = tenant_id
        self.session_id = session_id


class NobodyWaiting(UserFacingError):
    """There is nobody to call."""

    def __init__(self) -> None:
        super().__init__("Nobody is waiting in this queue; `queueChanged` tells when somebody is.")


class CounterBusy(UserFacingError):
    """The counter still holds a called or served session."""

    def __init__(self, counter_name: str, ticket_number: str, session_id: UUID | None) -> None:
        super().__init__(
            f"Counter `{counter_name}` still holds {ticket_number}: complete, mark as no-show or return it first."
        )
        self.session_id = session_id


class IllegalTransition(UserFacingError):
    """The session's status does not allow this."""

    def __init__(self, action: str, status: SessionStatus, allowed: frozenset[SessionStatus]) -> None:
        names = " or ".join(sorted(item.value for item in allowed))
        super().__init__(f"A session that is {status.value} cannot be {action}; it has to be {names}.")
        self.session_status = status
        self.allowed = sorted(allowed)


class SessionOnHold(UserFacingError):
    """The session is on hold, or is not although it would have to be."""

    def __init__(self, is_held: bool) -> None:
        super().__init__(
            "The session is on hold; put it back into the line with `sessionUnhold` first."
            if is_held
            else "The session is not on hold."
        )


class PriorityNotAllowed(UserFacingError):
    """Visitors may not ask for this priority in this queue."""

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"Visitors may ask for a priority of at most {maximum} in this queue; staff may give a higher one."
        )
        self.maximum = maximum
