"""What a visitor who was released does: enter, renew, leave; what staff does: revoke; what a site asks: verify.

Each verb holds the line and decides on what it then reads. Whoever shows a token of ours is the visitor it names: it
was given to nobody else. Signatures are checked before, by `tokens.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.admission import repository, rules
from app.admission.errors import AdmissionAddressMismatch, AdmissionOver, AdmissionUsed, QueueNotMetered
from app.admission.events import ADMISSION_USE, AdmissionTokenUsed
from app.admission.models import AdmissionEnd
from app.core.actor import Actor, ActorKind
from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.events import record
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.queues import repository as queues
from app.queues.line import LockedLine, lock
from app.queues.models import Queue, QueueMode
from app.sessions import calls, events
from app.sessions import repository as session_rows
from app.sessions import service as sessions
from app.sessions.errors import SessionMoved
from app.sessions.metered.settle import settle
from app.sessions.models import Session, SessionStatus
from app.sessions.rules import Move, ensure_may


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever shows an admission token, or the session token (`claims` is null then)."""

    tenant_id: UUID
    session_id: UUID
    claims: rules.Claims | None = None
    # Of the address the site says its visitor has; null if it says none.
    address_hash: str | None = None

    @property
    def actor(self) -> Actor:
        """The visitor."""
        return Actor(ActorKind.VISITOR, self.tenant_id, self.session_id)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session as the block leaves it, and the revision of its queue that this is."""

    session: Session
    revision: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that stands for a place now, and whether it was used up."""

    session: Session
    revision: int
    is_used: bool


async def enter(tx: WriteTx, bearer: Bearer, idempotency_key: str | None = None) -> Admitted:
    """Begin the stay of somebody who was released. For who is inside already nothing happens.

    A token lets one in once: raises `AdmissionUsed` for the one the visitor came in with, unless the idempotency key is
    that of the first time. Also `AdmissionOver`, `AdmissionAddressMismatch`, `QueueNotMetered`, `IllegalTransition`,
    `IdempotencyConflict`, `InvalidInput`, `SessionMoved`, `NotFound`.
    """
    number = None if bearer.claims is None else bearer.claims.number
    first = await first_result(tx, "admissionEnter", idempotency_key, bearer.session_id, number)
    line, session = await _hold(tx, bearer.session_id, rules.ENTER, bearer)
    _ensure_address(line.queue, session, bearer, is_needed=True)
    if session.status is SessionStatus.SERVING:
        if first is None and rules.is_used(session, bearer.claims):
            assert session.started_at is not None  # a SERVING session has been started
            raise AdmissionUsed(session.started_at)
        return Admitted(session, line.row.revision)
    sessions.begin_stay(line, session)
    remember(tx, "admissionEnter", idempotency_key, session.id, bearer.session_id, number)
    sessions.note(tx, line, session, events.SessionEntered)
    return await _settled(tx, line, session)


async def renew(tx: WriteTx, bearer: Bearer) -> Admitted:
    """Begin the stay anew. Nothing happens if that was done only just. Raises as `enter`.

    Not with the token the visitor came in with, which may stand in a link: its answer would let in a second person.
    """
    line, session = await _hold(tx, bearer.session_id, rules.RENEW, bearer)
    if rules.is_used(session, bearer.claims):
        raise AdmissionOver(AdmissionEnd.REPLACED, session.status, session.started_at)
    _ensure_address(line.queue, session, bearer, is_needed=False)
    if not rules.is_fresh(session, line.now, line.settings.stay_seconds):
        session.admission_number += 1
        session.renewed_at = line.now
        session.expires_at = sessions.end_of_stay(line)
        sessions.note(tx, line, session, events.SessionRenewed)
    return await _settled(tx, line, session)


async def leave(tx: WriteTx, bearer: Bearer) -> Admitted:
    """Give the place back: whoever is inside has been served, whoever was released has cancelled.

    Nothing happens to somebody who has left before. Raises as `enter`.
    """
    line, session = await _look(tx, bearer.session_id)
    _ensure_metered(line)
    if session.status is SessionStatus.COMPLETED:
        return Admitted(session, line.row.revision)
    _ensure_may(line, session, rules.LEAVE, bearer)
    verb = calls.complete if session.status is SessionStatus.SERVING else sessions.cancel
    session = await verb(tx, session.id)
    return Admitted(session, line.row.revision)


async def revoke(tx: WriteTx, session_id: UUID, reason: str | None = None) -> Admitted:
    """Send somebody away who was released or is inside; the place is free at once.

    Raises `IllegalTransition`, `QueueNotMetered`, `InvalidInput`, `SessionMoved`, `NotFound`.
    """
    ensure_text("reason", reason or "", 0, 500)
    line, session = await _hold(tx, session_id, rules.REVOKE, None)
    sessions.leave(line, session)
    session.status = SessionStatus.CANCELLED
    session.cancelled_at = session.ended_at = line.now
    session.cancelled_by, session.cancel_reason = "STAFF", reason
    sessions.note(tx, line, session, events.SessionRevoked)
    return await _settled(tx, line, session)


async def verify(tx: ReadTx, bearer: Bearer, now: datetime) -> Verified:
    """Whether a token stands for a place now.

    Raises `AdmissionUsed` for the one the visitor came in with; also `AdmissionOver`, `AdmissionAddressMismatch`,
    `NotFound`.
    """
    assert bearer.claims is not None  # a token is what is verified
    found = (await session_rows.with_revisions(tx, [bearer.session_id])).get(bearer.session_id)
    if found is None:
        raise NotFound("Session")
    session, revision = found
    rules.ensure_stands(session, now, bearer.claims)
    if rules.is_used(session, bearer.claims):
        assert session.started_at is not None  # a SERVING session has been started
        raise AdmissionUsed(session.started_at)
    _ensure_address(await queues.get(tx, session.queue_id), session, bearer, is_needed=True)
    used_at = await repository.used_at(tx, session.id, bearer.claims.number)
    return Verified(session, revision, used_at is not None)


async def use(tx: WriteTx, bearer: Bearer) -> Verified:
    """`verify`, and use the token up: of all who try, one. To the others it is `AdmissionUsed`."""
    assert bearer.claims is not None  # a token is what is verified
    found = await verify(tx, bearer, tx.now())
    if not await repository.use(tx, found.session.id, bearer.claims.number):
        used_at = await repository.used_at(tx, found.session.id, bearer.claims.number)
        assert used_at is not None  # it has just been in the way
        raise AdmissionUsed(used_at)
    record(tx, ADMISSION_USE, new_id(), 1, AdmissionTokenUsed(found.session.id, bearer.claims.number), tx.now())
    return Verified(found.session, found.revision, True)


async def _settled(tx: WriteTx, line: LockedLine, session: Session) -> Admitted:
    """The end of a verb: a place that is free is the next one's with this commit."""
    revision = line.row.revision
    await settle(tx, line)
    return Admitted(session, revision)


async def _hold(tx: WriteTx, session_id: UUID, move: Move, bearer: Bearer | None) -> tuple[LockedLine, Session]:
    line, session = await _look(tx, session_id)
    _ensure_may(line, session, move, bearer)
    return line, session


async def _look(tx: WriteTx, session_id: UUID) -> tuple[LockedLine, Session]:
    """A session and its line, held, whatever it may do."""
    # What an earlier verb of this block has changed must not be lost to the fresh read.
    await tx.flush()
    session = await session_rows.get(tx, session_id)
    line = await lock(tx, session.queue_id)
    # Read again under the lock: its time may be over, or it is in another line, which we do not hold.
    session = await session_rows.get(tx, session_id)
    if session.queue_id != line.queue.id:
        raise SessionMoved
    return line, session


def _ensure_may(line: LockedLine, session: Session, move: Move, bearer: Bearer | None) -> None:
    _ensure_metered(line)
    if bearer is not None:
        rules.ensure_stands(session, line.now, bearer.claims)
    ensure_may(move, session.status)


def _ensure_metered(line: LockedLine) -> None:
    if line.queue.mode is not QueueMode.METERED:
        raise QueueNotMetered


def _ensure_address(queue: Queue, session: Session, bearer: Bearer, *, is_needed: bool) -> None:
    """`AdmissionAddressMismatch` if the token is bound to another address than the visitor has."""
    # Whoever shows the session token is the visitor, wherever they are now.
    if bearer.claims is None or not queue.bind_address or session.address_hash is None:
        return
    is_told = bearer.address_hash is not None
    if (is_told or is_needed) and bearer.address_hash != session.address_hash:
        raise AdmissionAddressMismatch(is_told=is_told)
