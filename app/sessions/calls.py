"""What happens at a counter: call next, call one, recall, start, complete, no-show, return to the queue.

A session is called at most once at a time, whatever runs at once: the line is held from choosing to committing, and a
counter holds one session because the database says so (`sessions_counter_busy_key`).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.actor import NOWHERE, Actor, ActorKind, Origin
from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import CodedError, InvalidInput, UserFacingError
from app.core.idempotency import FirstResults, ensure_key, first_result, remember
from app.counters import repository as counter_rows
from app.counters import service as counters
from app.counters.models import Counter
from app.queues.line import LockedLine, lock
from app.queues.rules import ensure_callable, ensure_under_max_concurrent, moving_mean
from app.sessions import events, repository, rules
from app.sessions.errors import CounterBusy, NobodyWaiting, SessionOnHold
from app.sessions.metered.absence import put_back
from app.sessions.metered.settle import settle
from app.sessions.models import Session, SessionStatus
from app.sessions.service import begin_stay, clear_call, end_of_claim, hold, leave, note, place_last


class ReturnPlace(StrEnum):
    """Where a returned session goes: to the place it had, or behind everybody."""

    ORIGINAL = "ORIGINAL"
    LAST = "LAST"


@dataclass(frozen=True, slots=True)
class CallNext:
    """Which counter calls, and who works there."""

    counter_id: UUID
    actor: Actor
    request_id: str | None = None
    idempotency_key: str | None = None
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Called:
    """Who was called, and the revision of the queue that is; None where a repeated key has called nobody anew."""

    session: Session
    revision: int | None


async def call_next(tx: WriteTx, queue_id: UUID, counter_id: UUID, idempotency_key: str | None = None) -> Session:
    """Call whoever the discipline puts first.

    Raises `NobodyWaiting`, `QueuePaused`, `QueueNotServing`, `CounterBusy`, `CounterNotServingQueue`, `ShiftRequired`,
    `MaxConcurrentReached`, `IdempotencyConflict`, `NotFound`.
    """
    wanted = CallNext(counter_id, tx.actor, tx.request_id, idempotency_key, tx.origin)
    (answer,) = await call_next_all(tx, queue_id, [wanted])
    if not isinstance(answer, Called):
        raise answer
    return answer.session


async def call_next_all(
    tx: WriteTx, queue_id: UUID, wanted: Sequence[CallNext]
) -> list[Called | UserFacingError | CodedError]:
    """Let several counters call from one queue, in this order: each calls whom it would have called alone.

    Raises `NotFound` if there is no such queue; `CounterBusy`, of one alone, if another queue called to the counter.
    """
    line = await lock(tx, queue_id)
    refusals = [_unusable(one) for one in wanted]
    usable = [one for one, refusal in zip(wanted, refusals, strict=True) if refusal is None]
    counter_ids = [one.counter_id for one in usable]
    hall = _Hall(
        line=line,
        first_results=await FirstResults.of(tx, _NEXT, [(one.actor, one.idempotency_key) for one in usable]),
        counters=await counters.may_call(tx, counter_ids, queue_id),
        held=await repository.held_by_counters(tx, counter_ids),
        in_line=deque(await repository.next_in_line(tx, queue_id, len(usable))),
        called={},
    )
    answers: list[Called | UUID | UserFacingError | CodedError] = []
    for one, refusal in zip(wanted, refusals, strict=True):
        tx.act_for(one.actor, one.request_id, one.origin)
        try:
            answers.append(refusal or hall.call(tx, one))
        except (UserFacingError, CodedError) as refused:
            answers.append(refused)
    if len(wanted) == 1 and isinstance(counter := hall.counters.get(wanted[0].counter_id), Counter):
        await _flush_call(tx, counter)
    await hall.first_results.write(tx)
    if hall.called:
        await settle(tx, hall.line)
    return [Called(await repository.get(tx, one), None) if isinstance(one, UUID) else one for one in answers]


_NEXT = "queueCallNext"


def _unusable(wanted: CallNext) -> InvalidInput | None:
    try:
        ensure_key(wanted.idempotency_key)
    except InvalidInput as refusal:
        return refusal
    return None


@dataclass(slots=True)
class _Hall:
    """What calls are decided on, as it was under the lock, and what they have changed since."""

    line: LockedLine
    first_results: FirstResults
    # The counters, by id, or why they may not call.
    counters: Mapping[UUID, Counter | UserFacingError | CodedError]
    held: dict[UUID, Session]
    in_line: deque[Session]
    called: dict[UUID, Called]

    def call(self, tx: WriteTx, wanted: CallNext) -> Called | UUID:
        """Call whoever is next; the session's id where the key was used before. Raises as `call_next`."""
        key, given = wanted.idempotency_key, (self.line.queue.id, wanted.counter_id)
        if (first := self.first_results.get(wanted.actor, key, *given)) is not None:
            return self.called.get(first, first)
        ensure_callable(self.line.queue.status, self.line.queue.mode)
        counter = self.counters[wanted.counter_id]
        if not isinstance(counter, Counter):
            raise counter
        if (held := self.held.get(counter.id)) is not None:
            raise CounterBusy(counter.name, held.ticket_number, held.id)
        row = self.line.row
        ensure_under_max_concurrent(self.line.settings.max_concurrent_users, row.called_count + row.serving_count)
        if not self.in_line:
            raise NobodyWaiting
        session = self.held[counter.id] = self.in_line.popleft()
        self.line = self.line.later(tx)
        self.first_results.remember(wanted.actor, key, session.id, *given)
        _put_at_counter(tx, self.line, session, counter)
        called = self.called[session.id] = Called(session, row.revision)
        return called


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
    _put_at_counter(tx, line, session, counter, out_of_turn=next_one is None or next_one.id != session.id)
    await _flush_call(tx, counter)
    await settle(tx, line)
    return session


async def recall(tx: WriteTx, session_id: UUID) -> Session:
    """Call again somebody who has not come; the time to show up begins anew. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.RECALL)
    counter = await _counter_of(tx, session)
    session.call_count += 1
    session.called_at = line.now
    session.expires_at = end_of_claim(line)
    _show_call(line, session, counter)
    note(tx, line, session, events.SessionRecalled, counter)
    await settle(tx, line)
    return session


async def start(tx: WriteTx, session_id: UUID) -> Session:
    """The visitor is at the counter. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.START)
    begin_stay(line, session)
    session.served_by = tx.actor.id if tx.actor.kind is ActorKind.USER else session.served_by
    note(tx, line, session, events.SessionStarted, await _counter_of(tx, session))
    await settle(tx, line)
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
    await settle(tx, line)
    return session


async def mark_no_show(tx: WriteTx, session_id: UUID) -> Session:
    """The visitor did not come. Raises `IllegalTransition`, `NotFound`."""
    line, session = await hold(tx, session_id, rules.MARK_NO_SHOW)
    leave(line, session)
    session.status = SessionStatus.NO_SHOW
    session.ended_at = line.now
    note(tx, line, session, events.SessionMarkedNoShow, await _counter_of(tx, session))
    await settle(tx, line)
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
    await put_back(tx, line, session.id)
    await settle(tx, line)
    return session


async def _ready_counter(tx: WriteTx, line: LockedLine, counter_id: UUID) -> Counter:
    ensure_callable(line.queue.status, line.queue.mode)
    counter = await counters.ensure_may_call(tx, counter_id, line.queue.id)
    if (held := await repository.held_by_counter(tx, counter_id)) is not None:
        raise CounterBusy(counter.name, held.ticket_number, held.id)
    ensure_under_max_concurrent(line.settings.max_concurrent_users, line.row.called_count + line.row.serving_count)
    return counter


def _put_at_counter(
    tx: WriteTx, line: LockedLine, session: Session, counter: Counter, *, out_of_turn: bool = False
) -> None:
    leave(line, session)
    session.status = SessionStatus.CALLED
    session.called_at = line.now
    session.expires_at = end_of_claim(line)
    session.counter_id = counter.id
    session.served_by = tx.actor.id if tx.actor.kind is ActorKind.USER else None
    session.call_count += 1
    line.row.called_count += 1
    _show_call(line, session, counter.name)
    note(tx, line, session, partial(events.SessionCalled, out_of_turn=out_of_turn), counter.name)


async def _flush_call(tx: WriteTx, counter: Counter) -> None:
    # Read before it is tried: after a failed flush no row can be read any more.
    name = counter.name
    try:
        await tx.flush()
    except IntegrityError as error:
        # Two queues called to one counter at once: each held its own line, the counter's index decided.
        if constraint_name(error) == "sessions_counter_busy_key":
            raise CounterBusy(name, "another session", None) from None
        raise


def _show_call(line: LockedLine, session: Session, counter: str | None) -> None:
    line.row.last_called_ticket = session.ticket_number
    line.row.last_called_counter = counter
    line.row.last_called_at = line.now


async def _counter_of(tx: WriteTx, session: Session) -> str | None:
    return None if session.counter_id is None else (await counter_rows.get(tx, session.counter_id)).name
