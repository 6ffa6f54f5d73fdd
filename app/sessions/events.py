"""Facts about sessions, in their queue's log. Each carries the session's state after it: states, not deltas."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from app.queues.events import LineEvent, QueueEventType
from app.sessions.models import Joined, Session, SessionStatus


# Not frozen: a frozen one takes five times as long to make, and every join makes one.
@dataclass(slots=True)
class SessionState:
    """A session as the log shows it: no personal data."""

    id: UUID
    ticket_number: str
    status: SessionStatus
    priority: int
    party_size: int
    rank_class: int
    rank_time: datetime
    rank_sequence: int
    held_at: datetime | None
    joined_at: datetime
    called_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    ended_at: datetime | None
    call_count: int
    counter_id: UUID | None
    counter_name: str | None
    served_by: UUID | None
    expires_at: datetime | None = None
    admission_number: int = 0
    renewed_at: datetime | None = None
    category_id: UUID | None = None


def state_of(session: Session | Joined, counter_name: str | None = None) -> SessionState:
    """What the log says of a session."""
    return SessionState(
        id=session.id,
        ticket_number=session.ticket_number,
        status=session.status,
        priority=session.priority,
        party_size=session.party_size,
        rank_class=session.rank_class,
        rank_time=session.rank_time,
        rank_sequence=session.rank_sequence,
        held_at=session.held_at,
        joined_at=session.joined_at,
        called_at=session.called_at,
        started_at=session.started_at,
        completed_at=session.completed_at,
        cancelled_at=session.cancelled_at,
        cancelled_by=session.cancelled_by,
        ended_at=session.ended_at,
        call_count=session.call_count,
        counter_id=session.counter_id,
        counter_name=counter_name,
        served_by=session.served_by,
        expires_at=session.expires_at,
        admission_number=session.admission_number,
        renewed_at=session.renewed_at,
        category_id=session.category_id,
    )


@dataclass(frozen=True, slots=True)
class SessionEvent(LineEvent):
    """A change of one session, and with it of its queue's line."""

    session: SessionState


@dataclass(frozen=True, slots=True)
class SessionJoined(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_JOINED


@dataclass(frozen=True, slots=True)
class SessionCalled(SessionEvent):
    """`out_of_turn`: staff picked this one, although somebody else was first."""

    type: ClassVar[str] = QueueEventType.SESSION_CALLED
    out_of_turn: bool = False


@dataclass(frozen=True, slots=True)
class SessionReleased(SessionEvent):
    """The system's call in a METERED queue: to no counter, and until `expires_at`."""

    type: ClassVar[str] = QueueEventType.SESSION_RELEASED


@dataclass(frozen=True, slots=True)
class SessionRecalled(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_RECALLED


@dataclass(frozen=True, slots=True)
class SessionStarted(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_STARTED


@dataclass(frozen=True, slots=True)
class SessionEntered(SessionEvent):
    """Somebody who was released has come to the protected site: the claim window is over, the stay has begun."""

    type: ClassVar[str] = QueueEventType.SESSION_ENTERED


@dataclass(frozen=True, slots=True)
class SessionRenewed(SessionEvent):
    """Somebody's stay begins anew."""

    type: ClassVar[str] = QueueEventType.SESSION_RENEWED


@dataclass(frozen=True, slots=True)
class SessionRevoked(SessionEvent):
    """Staff has sent somebody away who was released or inside."""

    type: ClassVar[str] = QueueEventType.SESSION_REVOKED


@dataclass(frozen=True, slots=True)
class SessionCompleted(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_COMPLETED


@dataclass(frozen=True, slots=True)
class SessionMarkedNoShow(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_NO_SHOW


@dataclass(frozen=True, slots=True)
class SessionExpired(SessionEvent):
    """Time is over: the grace of who was waiting (never called), or the stay of who was inside."""

    type: ClassVar[str] = QueueEventType.SESSION_EXPIRED


@dataclass(frozen=True, slots=True)
class SessionCancelled(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_CANCELLED


@dataclass(frozen=True, slots=True)
class SessionReturned(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_RETURNED


@dataclass(frozen=True, slots=True)
class SessionSteppedBack(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_STEPPED_BACK


@dataclass(frozen=True, slots=True)
class SessionHeld(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_HELD


@dataclass(frozen=True, slots=True)
class SessionUnheld(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_UNHELD


@dataclass(frozen=True, slots=True)
class SessionTransferredOut(SessionEvent):
    """In the log of the queue that was left; `session` is the state it was left in."""

    type: ClassVar[str] = QueueEventType.SESSION_TRANSFERRED_OUT
    to_queue_id: UUID


@dataclass(frozen=True, slots=True)
class SessionTransferredIn(SessionEvent):
    """In the log of the queue that was entered."""

    type: ClassVar[str] = QueueEventType.SESSION_TRANSFERRED_IN
    from_queue_id: UUID


@dataclass(frozen=True, slots=True)
class SessionPriorityChanged(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_PRIORITY_CHANGED


@dataclass(frozen=True, slots=True)
class SessionNoteAdded(SessionEvent):
    type: ClassVar[str] = QueueEventType.SESSION_NOTE_ADDED


@dataclass(frozen=True, slots=True)
class SessionImported(LineEvent):
    """A session of the past was brought in. Not as `session`: it has never stood in this line, and moves nobody."""

    type: ClassVar[str] = QueueEventType.SESSION_IMPORTED
    visit: SessionState
