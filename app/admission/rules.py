"""Whether a token still stands for its place, from plain values. Reads nothing; signatures are `tokens.py`'s business.

A token names its session, its queue and the serial number the session had when it was issued. The number grows with
each release, entry and renewal, so that a token of an earlier release never stands for a later one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.admission.errors import AdmissionInvalid, AdmissionOver
from app.admission.models import AdmissionEnd, AdmissionState
from app.identity.keyring import LONGEST_ADMISSION
from app.sessions.models import Joined, Session, SessionStatus
from app.sessions.rules import Move

_C, _S = SessionStatus.CALLED, SessionStatus.SERVING
ENTER = Move("entered", frozenset({_C, _S}))
RENEW = Move("renewed", frozenset({_S}))
LEAVE = Move("left", frozenset({_C, _S}))
REVOKE = Move("revoked", frozenset({_C, _S}))

_STATES = {
    SessionStatus.WAITING: AdmissionState.WAITING,
    SessionStatus.CALLED: AdmissionState.RELEASED,
    SessionStatus.SERVING: AdmissionState.INSIDE,
}
_END_OF_TIME = {_C: AdmissionEnd.CLAIM_OVER, _S: AdmissionEnd.STAY_OVER}
# A renewal this soon after the last one changes nothing: several tabs renew at once, and each would be an event.
_FRESH = timedelta(seconds=60)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Claims:
    """What an admission token says. Times are whole seconds."""

    tenant_id: UUID
    queue_id: UUID
    session_id: UUID
    number: int
    state: AdmissionState
    issued_at: datetime
    expires_at: datetime
    address_hash: str | None = None


def state_of(status: SessionStatus) -> AdmissionState:
    """An admission's state."""
    return _STATES.get(status, AdmissionState.ENDED)


def end_of(session: Session | Joined) -> AdmissionEnd | None:
    """How an admission ended; None while it has not."""
    match session.status:
        case SessionStatus.COMPLETED:
            return AdmissionEnd.LEFT
        case SessionStatus.NO_SHOW:
            return AdmissionEnd.CLAIM_OVER
        case SessionStatus.EXPIRED:
            return AdmissionEnd.GRACE_OVER if session.started_at is None else AdmissionEnd.STAY_OVER
        case SessionStatus.CANCELLED:
            return AdmissionEnd.REVOKED if session.cancelled_by == "STAFF" else AdmissionEnd.CANCELLED
    return None


def claims_of(session: Session | Joined, address_hash: str | None) -> Claims | None:
    """What the token of a session says now: of one row always the same. None where it has no token."""
    issued_at = session.called_at
    if session.status is SessionStatus.SERVING:
        issued_at = session.renewed_at or session.started_at
    state = state_of(session.status)
    if (
        state not in (AdmissionState.RELEASED, AdmissionState.INSIDE)
        or issued_at is None
        or not session.admission_number
    ):
        return None
    longest = issued_at + LONGEST_ADMISSION
    expires_at = longest if session.expires_at is None else min(session.expires_at, longest)
    return Claims(
        tenant_id=session.tenant_id,
        queue_id=session.queue_id,
        session_id=session.id,
        number=session.admission_number,
        state=state,
        issued_at=issued_at.replace(microsecond=0),
        # Never after the place itself: whoever asks us at the last moment is told the same as who does not.
        expires_at=expires_at.replace(microsecond=0),
        address_hash=address_hash,
    )


def ensure_stands(session: Session, now: datetime, claims: Claims | None) -> None:
    """`AdmissionOver` unless the session, and the token if it is one that asks, is good now.

    Any token of this stay is: several tabs renew at once, and answers get lost. One of a place the visitor had before
    is not, and none at all once the place is gone.
    """
    if claims is not None:
        if claims.number > session.admission_number:
            raise AdmissionInvalid
        if claims.queue_id != session.queue_id or session.status is SessionStatus.WAITING:
            raise AdmissionOver(AdmissionEnd.RETURNED, session.status, None)
    if (end := end_of(session)) is not None:
        raise AdmissionOver(end, session.status, session.ended_at)
    if session.status is SessionStatus.WAITING:
        return
    if claims is not None and claims.number < _first_number(session):
        raise AdmissionOver(AdmissionEnd.RETURNED, session.status, None)
    place_ends_at = session.expires_at
    if place_ends_at is not None and place_ends_at <= now:
        # Nobody has written it down yet, but nobody will be let in any more.
        raise AdmissionOver(_END_OF_TIME[session.status], session.status, place_ends_at)
    if claims is None or claims.expires_at > now:
        return
    if claims.number < session.admission_number:
        raise AdmissionOver(AdmissionEnd.REPLACED, session.status, claims.expires_at)
    if place_ends_at is not None and place_ends_at - claims.expires_at < _SECOND:
        # The token says whole seconds: what is left of the place is less than one.
        raise AdmissionOver(_END_OF_TIME[session.status], session.status, place_ends_at)
    raise AdmissionOver(AdmissionEnd.EXPIRED, session.status, claims.expires_at)


def is_used(session: Session, claims: Claims | None) -> bool:
    """Whether this is the token the visitor came in with: it lets nobody in a second time."""
    return (
        claims is not None
        and session.status is SessionStatus.SERVING
        and session.entry_number is not None
        and claims.number < session.entry_number
    )


def is_fresh(session: Session, now: datetime, stay_seconds: int | None) -> bool:
    """Whether the stay was renewed, or entered, only just: within a tenth of it, and at most a minute."""
    issued_at = session.renewed_at or session.started_at
    just = _FRESH if stay_seconds is None else min(_FRESH, timedelta(seconds=stay_seconds) / 10)
    return issued_at is not None and now - issued_at < just


def _first_number(session: Session) -> int:
    """The number of the release the present place began with."""
    if session.status is SessionStatus.SERVING and session.entry_number is not None:
        return session.entry_number - 1
    return session.admission_number
