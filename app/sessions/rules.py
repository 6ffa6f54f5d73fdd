"""Which moves a session may make, as a table. Reads and writes nothing."""

from dataclasses import dataclass

from app.sessions.errors import IllegalTransition
from app.sessions.statuses import SessionStatus

W, C, S = SessionStatus.WAITING, SessionStatus.CALLED, SessionStatus.SERVING


@dataclass(frozen=True, slots=True)
class Move:
    """A verb, as it stands in messages, and where it starts."""

    word: str
    sources: frozenset[SessionStatus]


CALL = Move("called", frozenset({W}))
RECALL = Move("recalled", frozenset({C}))
START = Move("started", frozenset({C}))
COMPLETE = Move("completed", frozenset({S}))
MARK_NO_SHOW = Move("marked as a no-show", frozenset({C}))
CANCEL = Move("cancelled", frozenset({W, C}))
RETURN_TO_QUEUE = Move("returned to the queue", frozenset({C, S}))
STEP_BACK = Move("moved back", frozenset({W}))
HOLD = Move("put on hold", frozenset({W}))
UNHOLD = Move("taken off hold", frozenset({W}))
TRANSFER = Move("transferred", frozenset({W, C, S}))
SET_PRIORITY = Move("given another priority", frozenset({W}))
USE_CODE = Move("moved by a code", frozenset({W}))
ADD_NOTE = Move("noted", frozenset(SessionStatus))


def ensure_may(move: Move, status: SessionStatus) -> None:
    """`IllegalTransition` unless a session of this status may make the move."""
    if status not in move.sources:
        raise IllegalTransition(move.word, status, move.sources)
