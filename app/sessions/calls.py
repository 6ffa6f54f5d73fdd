"""What happens at a counter: call next, call one, recall, start, complete, no-show, return to the queue.

A session is called at most once at a time, whatever runs at once: the line is held from choosing to committing, and a
counter holds one session because the database says so (`sessions_counter_busy_key`).
"""

from enum import StrEnum
from functools import partial
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.actor import ActorKind
from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.idempotency import first_result, remember
from app.counters import repository as counter_rows
from app.counters import service as counters
from app.counters.models import Counter
from app.queues.line import LockedLine, lock
from app.queues.rules import ensure_callable, ensure_under_max_concurrent, moving_mean
from app.sessions import events, repository, rules
from app.sessions.errors import CounterBusy, NobodyWaiting, SessionOnHold
from app.sessions.models import Session, SessionStatus
from app.sessions.service import clear_call, hold, leave, note, place_last


class ReturnPlace(StrEnum):
    """Where a returned session goes: to the place it had, or behind everybody."""

    ORIGINAL = "ORIGINAL"
    LAST = "LAST"


async def call_next(tx: WriteTx, queue_id: UUID, counter_id: UUID, idempotency_key: str | None = None) -> Session:
    """Call whoever the discipline puts first.

    Raises `NobodyWaiting`, `QueuePaused`, `QueueNotServing`, `CounterBusy`, `CounterNotServingQueue`, `ShiftRequired`,
    `MaxConcurrentReached`, `IdempotencyConflict`, `NotFound`.
    """
    scope = "queueCallNext"
    if (first := await first_result(tx, scope, idempotency_key, queue_id, counter_id)) is not None:
        return await repository.get(tx, first)
    line = await lock(tx, queue_id)
    counter = await _ready_counter(tx, line, counter_id)
    session = await repository.first_in_line(tx, queue_id)
    if session is None:
        raise NobodyWaiting
    remember(tx, scope, idempotency_key, session.id, queue_id, counter_id)
    return await _call(tx, line, session, counter)


async def call(tx: WriteTx, session_id: UUID, counter_id: UUID, idempotency_key: str | None = None) -> Session:
    """Call a given session, whoever is first. Raises as `call_next`, and `IllegalTransition`, `SessionOnHold`."""
    scope = "sessionCall"
    if (first := await first_result(tx, scope, idempotency_key, session_id, counter_id)) is not None:
        return await repository.get(tx, first)
    line, session = await hold(tx, session_id, rules.CALL)
    if session.held_at is not None:
        raise SessionOnHold(is_held=True)
    counter = await _ready_counter(tx, line, counter_id)
    remember(tx, scope, idempotency_key, session.id, session_id, counter_id)
    next_one = await repository.first_in_line(tx, line.queue.id)
    return await _call(tx, line, session, counter, out_of_turn=next_one is None or next_one.id != session.id)


async def recall(tx: WriteTx, session_id: UUID) -> Session:
    """Call again somebody who has not come. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.RECALL)
    counter = await _counter_of(tx, session)
    session.call_count += 1
    session.called_at = line.now
    _show_call(line, session, counter)
    note(tx, line, session, events.SessionRecalled, counter)
    return session


async def start(tx: WriteTx, session_id: UUID) -> Session:
    """The visitor is at the counter. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.START)
    leave(line, session)
    session.status = SessionStatus.SERVING
    session.started_at = line.now
    session.served_by = tx.actor.id if tx.actor.kind is ActorKind.USER else session.served_by
    line.row.serving_count += 1
    note(tx, line, session, events.SessionStarted, await _counter_of(tx, session))
    return session


async def complete(tx: WriteTx, session_id: UUID) -> Session:
    """The visitor has been served. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.COMPLETE)
    leave(line, session)
    session.status = SessionStatus.COMPLETED
    session.completed_at = session.ended_at = line.now
    assert session.started_at is not None  # a SERVING session has been started
    service_seconds = (line.now - session.started_at).total_seconds()
    line.row.service_seconds_mean = moving_mean(line.row.service_seconds_mean, line.row.service_count, service_seconds)
    line.row.service_count += 1
    if session.counter_id is not None:
        await counters.count_served(tx, session.counter_id, service_seconds)
    note(tx, line, session, events.SessionCompleted, await _counter_of(tx, session))
    return session


async def mark_no_show(tx: WriteTx, session_id: UUID) -> Session:
    """The visitor did not come. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.MARK_NO_SHOW)
    leave(line, session)
    session.status = SessionStatus.NO_SHOW
    session.ended_at = line.now
    note(tx, line, session, events.SessionMarkedNoShow, await _counter_of(tx, session))
    return session


async def return_to_queue(tx: WriteTx, session_id: UUID, place: ReturnPlace) -> Session:
    """Put a called or served visitor back into the line. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.RETURN_TO_QUEUE)
    leave(line, session)
    clear_call(session)
    if place is ReturnPlace.LAST:
        place_last(line, session, await repository.last_rank(tx, line.queue.id))
    line.row.waiting_count += 1
    note(tx, line, session, events.SessionReturned)
    return session


async def _ready_counter(tx: WriteTx, line: LockedLine, counter_id: UUID) -> Counter:
    ensure_callable(line.queue.status)
    counter = await counters.ensure_may_call(tx, counter_id, line.queue.id)
    if (held := await repository.held_by_counter(tx, counter_id)) is not None:
        raise CounterBusy(counter.name, held.ticket_number, held.id)
    ensure_under_max_concurrent(line.queue.max_concurrent, line.row.called_count + line.row.serving_count)
    return counter


async def _call(
    tx: WriteTx, line: LockedLine, session: Session, counter: Counter, *, out_of_turn: bool = False
) -> Session:
    leave(line, session)
    session.status = SessionStatus.CALLED
    session.called_at = line.now
    session.counter_id = counter.id
    session.served_by = tx.actor.id if tx.actor.kind is ActorKind.USER else None
    session.call_count += 1
    line.row.called_count += 1
    name = counter.name
    _show_call(line, session, name)
    note(tx, line, session, partial(events.SessionCalled, out_of_turn=out_of_turn), name)
    try:
        await tx.flush()
    except IntegrityError as error:
        # Two queues called to one counter at once: each held its own line, the counter's index decided.
        if constraint_name(error) == "sessions_counter_busy_key":
            raise CounterBusy(name, "another session", None) from None
        raise
    return session


def _show_call(line: LockedLine, session: Session, counter: str | None) -> None:
    line.row.last_called_ticket = session.ticket_number
    line.row.last_called_counter = counter
    line.row.last_called_at = line.now


async def _counter_of(tx: WriteTx, session: Session) -> str | None:
    return None if session.counter_id is None else (await counter_rows.get(tx, session.counter_id)).name
