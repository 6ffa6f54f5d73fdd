"""What can be done with a session while it waits: cancel, step back, hold, transfer, change priority, add a note.

Joining stands in `joins.py`, what happens at a counter in `calls.py`. Every verb holds the line first and decides on
what it then reads.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from app.access.codes import CodeSigner
from app.access.errors import AccessCodeRefused, CodeRefusal
from app.access.models import AccessCodeKind
from app.access.passes import usable_code, use
from app.core.actor import ActorKind
from app.core.db import WriteTx
from app.core.errors import InvalidInput
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.counters import repository as counters
from app.queues import draws
from app.queues import repository as queues
from app.queues.config import MAX_PRIORITY
from app.queues.disciplines import WHOLE, Rank, is_bypassed
from app.queues.errors import QueueNotOpen, QueueNotServing
from app.queues.events import LineState
from app.queues.line import LockedLine, lock, lock_all, write_down
from app.queues.models import QueueMode, QueueStatus
from app.queues.rules import JOINABLE, ensure_room
from app.schedules import service as schedules
from app.sessions import events, repository, rules
from app.sessions.errors import AlreadyWaiting, SessionMoved, SessionOnHold
from app.sessions.joins import JoinRequest, join
from app.sessions.metered.absence import put_back
from app.sessions.metered.settle import settle
from app.sessions.models import Session, SessionNote, SessionStatus

MAX_STEP_BACK = 100
MAX_NOTES = 100

__all__ = ["JoinRequest", "join"]


async def cancel(tx: WriteTx, session_id: UUID, reason: str | None = None) -> Session:
    """Give up the place. Raises `IllegalTransition`, `InvalidInput`, `NotFound`."""
    ensure_text("reason", reason or "", 0, 500)
    line, session = await hold(tx, session_id, rules.CANCEL)
    leave(line, session)
    session.status = SessionStatus.CANCELLED
    session.cancelled_at = session.ended_at = line.now
    session.cancelled_by = {ActorKind.VISITOR: "VISITOR", ActorKind.USER: "STAFF"}.get(tx.actor.kind, "SYSTEM")
    session.cancel_reason = reason
    note(tx, line, session, events.SessionCancelled)
    await settle(tx, line)
    return session


async def step_back(tx: WriteTx, session_id: UUID, places: int) -> Session:
    """Ask for more time: let the next `places` people go first. Nothing happens if nobody is behind."""
    if not 1 <= places <= MAX_STEP_BACK:
        raise InvalidInput("places", f"`places` is from 1 to {MAX_STEP_BACK}.")
    line, session = await hold(tx, session_id, rules.STEP_BACK)
    _ensure_in_line(session)
    if line.queue.status is QueueStatus.PREQUEUE:
        # There is nobody to let go first: nobody has a place that may be known.
        raise QueueNotServing(QueueStatus.PREQUEUE)
    behind = await repository.rank_places_behind(tx, session, places)
    if behind is not None:
        _take(session, line.rank_behind(behind, await repository.next_sequence(tx, line.queue.id, behind)))
        note(tx, line, session, events.SessionSteppedBack)
        await settle(tx, line)
    return session


async def put_on_hold(tx: WriteTx, session_id: UUID) -> Session:
    """Take somebody out of the line for a while: not called, place kept. Raises `SessionOnHold`."""
    line, session = await hold(tx, session_id, rules.HOLD)
    _ensure_in_line(session)
    session.held_at = line.now
    line.row.waiting_count -= 1
    line.row.held_count += 1
    note(tx, line, session, events.SessionHeld)
    await settle(tx, line)
    return session


async def unhold(tx: WriteTx, session_id: UUID) -> Session:
    """Put somebody back into the line, at the place they had. Raises `SessionOnHold`."""
    line, session = await hold(tx, session_id, rules.UNHOLD)
    if session.held_at is None:
        raise SessionOnHold(is_held=False)
    session.held_at = session.payment_due_at = None
    line.row.held_count -= 1
    line.row.waiting_count += 1
    note(tx, line, session, events.SessionUnheld)
    await put_back(tx, line, session.id)
    await settle(tx, line)
    return session


async def set_priority(tx: WriteTx, session_id: UUID, priority: int) -> Session:
    """Raise or lower somebody who waits; the join time is kept. Nothing happens if it is the priority already.

    The new place is that of somebody who joined then with this priority: a step back is forgotten. Who is bypassed
    stays so.
    """
    if not 0 <= priority <= MAX_PRIORITY:
        raise InvalidInput("priority", f"A priority is from 0 to {MAX_PRIORITY}.")
    line, session = await hold(tx, session_id, rules.SET_PRIORITY)
    if session.priority != priority:
        await _place_anew(tx, line, session, priority, is_bypassed=is_bypassed(session.rank_class))
        note(tx, line, session, events.SessionPriorityChanged)
        await settle(tx, line)
    return session


async def use_code(tx: WriteTx, session_id: UUID, signer: CodeSigner, text: str) -> Session:
    """Move somebody who waits to what a code is worth; the join time is kept. The code is used once more.

    Raises `IllegalTransition`, `AccessCodeRefused` (a code that would move nobody is refused, not used), `NotFound`.
    """
    line, session = await hold(tx, session_id, rules.USE_CODE)
    code = await usable_code(tx, line, signer, text)
    was_bypassed = is_bypassed(session.rank_class)
    priority = max(session.priority, code.priority or 0)
    bypasses = was_bypassed or code.kind is AccessCodeKind.BYPASS
    if (priority, bypasses) == (session.priority, was_bypassed):
        raise AccessCodeRefused(CodeRefusal.NO_EFFECT)
    use(code)
    session.access_code_id = code.id
    await _place_anew(tx, line, session, priority, is_bypassed=bypasses)
    note(tx, line, session, events.SessionPriorityChanged)
    await settle(tx, line)
    return session


async def transfer(tx: WriteTx, session_id: UUID, to_queue_id: UUID) -> Session:
    """Move somebody to another queue of the tenant: waiting there, with the join time and the ticket number kept.

    Raises `IllegalTransition`, `QueueNotOpen`, `QueueFull`, `AlreadyWaiting`, `InvalidInput`, `SessionMoved`,
    `NotFound`.
    """
    await tx.flush()
    session = await repository.get(tx, session_id)
    lines = await lock_all(tx, [session.queue_id, to_queue_id])
    session = await repository.get(tx, session_id)
    from_queue_id = session.queue_id
    if from_queue_id not in lines:
        raise SessionMoved
    if from_queue_id == to_queue_id:
        raise InvalidInput("toQueueId", "The session is in this queue already.")
    source, target = lines[from_queue_id], await schedules.apply_due(tx, lines[to_queue_id])
    rules.ensure_may(rules.TRANSFER, session.status)
    if target.queue.status not in JOINABLE:
        opening = await schedules.next_opening_of(tx, target)
        raise QueueNotOpen(target.queue.status, opening, target.settings.refusal_message)
    if session.user_identifier is not None:
        await _ensure_no_place(tx, to_queue_id, session.user_identifier)
    ensure_room(target.settings.capacity, target.row.waiting_count + target.row.held_count)
    left = events.state_of(session)
    leave(source, session)
    write_down(tx, source, lambda state: events.SessionTransferredOut(state, left, to_queue_id))
    session.queue_id, session.category_id, session.lottery_id = to_queue_id, None, None
    clear_call(session)
    _take(session, target.rank(session.priority, session.joined_at))
    target.row.waiting_count += 1
    arrived = events.state_of(session)
    write_down(tx, target, lambda state: events.SessionTransferredIn(state, arrived, from_queue_id))
    await put_back(tx, target, session.id)
    await settle(tx, source)
    await settle(tx, target)
    return session


async def add_note(tx: WriteTx, session_id: UUID, text: str) -> Session:
    """Write something down for other staff."""
    ensure_text("text", text, 1, 2000)
    line, session = await hold(tx, session_id, rules.ADD_NOTE)
    if len(await repository.notes_of(tx, [session_id])) >= MAX_NOTES:
        raise InvalidInput("sessionId", f"A session has at most {MAX_NOTES} notes.")
    tx.add(
        SessionNote(
            tenant_id=tx.tenant,
            id=new_id(),
            session_id=session_id,
            author=tx.actor.label,
            text=text.strip(),
            created_at=line.now,
        )
    )
    # The log shows the session whole: at a counter, with the counter's name.
    counter = None if session.counter_id is None else await counters.get(tx, session.counter_id)
    note(tx, line, session, events.SessionNoteAdded, counter.name if counter else None)
    return session


async def hold(tx: WriteTx, session_id: UUID, move: rules.Move) -> tuple[LockedLine, Session]:
    """A session and its line, held, if it may make the move. Raises `IllegalTransition`, `SessionMoved`, `NotFound`."""
    # What an earlier verb of this block has changed must not be lost to the fresh read.
    await tx.flush()
    session = await repository.get(tx, session_id)
    line = await lock(tx, session.queue_id)
    # Read again under the lock: it may have been called, or transferred to a line we do not hold.
    session = await repository.get(tx, session_id)
    if session.queue_id != line.queue.id:
        raise SessionMoved
    rules.ensure_may(move, session.status)
    return line, session


def leave(line: LockedLine, session: Session) -> None:
    """Take a session out of the count it stands in; what its status allowed is over."""
    session.expires_at = session.payment_due_at = None
    match session.status:
        case SessionStatus.WAITING if session.held_at is not None:
            line.row.held_count -= 1
            session.held_at = None
        case SessionStatus.WAITING:
            line.row.waiting_count -= 1
        case SessionStatus.CALLED:
            line.row.called_count -= 1
        case SessionStatus.SERVING:
            line.row.serving_count -= 1
        case _:
            raise AssertionError(f"an ended session is in no count: {session.status}")


def clear_call(session: Session) -> None:
    """Make a called or served session a waiting one again."""
    session.status = SessionStatus.WAITING
    session.called_at = session.started_at = session.counter_id = session.served_by = None
    session.entry_number = session.renewed_at = None


def begin_stay(line: LockedLine, session: Session) -> None:
    """Let somebody in who was called. In a METERED queue the stay has an end, and tokens of its own."""
    leave(line, session)
    session.status = SessionStatus.SERVING
    session.started_at = line.now
    line.row.serving_count += 1
    if line.queue.mode is QueueMode.METERED:
        session.admission_number += 1
        session.entry_number = session.admission_number
        session.expires_at = end_of_stay(line)


def end_of_claim(line: LockedLine) -> datetime | None:
    """Until when somebody who is called now may show up; None for ever."""
    seconds = line.settings.claim_seconds
    return None if seconds is None else line.now + timedelta(seconds=seconds)


def end_of_stay(line: LockedLine) -> datetime | None:
    """When a stay is over that begins, or is renewed, now; None for never."""
    seconds = line.settings.stay_seconds
    return None if seconds is None else line.now + timedelta(seconds=seconds)


def place_last(line: LockedLine, session: Session, last: Rank | None) -> None:
    """Put a session behind the last one in line."""
    if last is not None:
        _take(session, line.rank_behind(last, None))


def note(
    tx: WriteTx,
    line: LockedLine,
    session: Session,
    event: Callable[[LineState, events.SessionState], events.SessionEvent],
    counter_name: str | None = None,
) -> None:
    """Record what happened to a session in its queue's log."""
    write_down(tx, line, lambda state: event(state, events.state_of(session, counter_name)))


async def _place_anew(tx: WriteTx, line: LockedLine, session: Session, priority: int, *, is_bypassed: bool) -> None:
    """The place of somebody who joined when this one did, with this priority; drawn lots are kept."""
    category = None if session.category_id is None else await queues.get_category(tx, session.category_id)
    lot = None if session.lottery_id is None else await draws.lot_of_session(tx, session.lottery_id, session.id)
    session.priority = priority
    rank = line.rank(
        priority,
        session.joined_at if lot is None or is_bypassed else lot.time,
        multiplier_hundredths=WHOLE if category is None else category.multiplier_hundredths,
        is_bypassed=is_bypassed,
    )
    _take(session, rank if lot is None or is_bypassed else rank._replace(sequence=lot.number))


def _take(session: Session, rank: Rank) -> None:
    session.rank_class, session.rank_time, session.rank_sequence = rank


def _ensure_in_line(session: Session) -> None:
    if session.held_at is not None:
        raise SessionOnHold(is_held=True)


async def _ensure_no_place(tx: WriteTx, queue_id: UUID, user_identifier: str) -> None:
    # Exact, because every join of this queue holds its line; `sessions_person_key` stands behind it.
    if (found := await repository.active_of_person(tx, queue_id, user_identifier)) is not None:
        raise AlreadyWaiting(tx.tenant, found.id)
