"""What can be done at a counter: set it up, start a shift, pause, resume, end it.

A shift changes how many counters are open, and with that everybody's estimated wait: so it is an event of each queue
the counter serves as well. Locks are taken counter first, then lines, then the shift.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.actor import ActorKind
from app.core.db import WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import CodedError, Forbidden, InvalidInput, NotFound, UserFacingError
from app.core.events import Event, record
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.core.texts import ensure_text
from app.counters import events, repository
from app.counters.errors import CounterNameTaken, CounterNotServingQueue, NoRunningShift, ShiftConflict, ShiftRequired
from app.counters.models import Counter, Shift
from app.queues import rules
from app.queues.events import QueueStaffingChanged
from app.queues.line import LockedLine, lock_all, write_down
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

MAX_QUEUES = 100


async def create(tx: WriteTx, name: str, queue_ids: Sequence[UUID], idempotency_key: str | None = None) -> Counter:
    """Create a counter that serves these queues.

    Raises `InvalidInput`, `CounterNameTaken`, `LimitReached`, `NotFound`.
    """
    _validate(name, queue_ids)
    if (first := await first_result(tx, "counterCreate", idempotency_key, name, queue_ids)) is not None:
        return await repository.get(tx, first)
    now, who = tx.now(), tx.actor.label
    counter = Counter(
        tenant_id=tx.tenant,
        id=new_id(),
        name=name.strip(),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    lines = await lock_all(tx, queue_ids)
    await _ensure_room(tx)
    tx.add(counter)
    await _flush(tx, name)
    remember(tx, "counterCreate", idempotency_key, counter.id, name, queue_ids)
    await repository.assign(tx, counter.id, list(lines))
    record(tx, events.COUNTER, counter.id, counter.revision, events.CounterCreated(counter.name, list(lines)), now)
    await _restaff(tx, lines)
    return counter


async def update(tx: WriteTx, counter_id: UUID, changes: dict[str, Any], queue_ids: Sequence[UUID] | None) -> Counter:
    """Rename a counter, (de)activate it, or change which queues it serves; raises what creating one does."""
    counter = await repository.lock(tx, counter_id)
    before = (await repository.queue_ids_of(tx, [counter_id]))[counter_id]
    after = before if queue_ids is None else list(dict.fromkeys(queue_ids))
    _validate(changes.get("name", counter.name), after)
    # Before anything is changed: a new name locks out whoever refers to the counter, and callers hold their line then.
    lines = await lock_all(tx, [*before, *after])
    if changes.get("is_active") and not counter.is_active:
        await _ensure_room(tx)
    for name, value in changes.items():
        setattr(counter, name, value)
    counter.name = counter.name.strip()
    counter.updated_at, counter.updated_by = tx.now(), tx.actor.label
    await _flush(tx, counter.name)
    await repository.assign(tx, counter_id, after)
    _note(tx, counter, events.CounterUpdated(counter.name, counter.is_active, after))
    await _restaff(tx, lines)
    return counter


async def _ensure_room(tx: WriteTx) -> None:
    limits = await tenants.hold_limits(tx)
    if await repository.count_active(tx) >= limits.counters:
        raise LimitReached("counters", limits.counters)


async def start_shift(tx: WriteTx, counter_id: UUID) -> Shift:
    """Begin to work at a counter, as the acting user. Raises `ShiftConflict`, `CounterNotServingQueue`, `NotFound`."""
    counter, lines = await _hold(tx, counter_id)
    if not counter.is_active:
        raise CounterNotServingQueue(counter.name, is_active=False)
    if tx.actor.kind is not ActorKind.USER or tx.actor.id is None:
        raise Forbidden("A shift is worked by a member of staff; sign in as one.")
    shift = Shift(tenant_id=tx.tenant, id=new_id(), counter_id=counter_id, user_id=tx.actor.id, started_at=tx.now())
    tx.add(shift)
    # Named before it is tried: after a failed flush no row can be read any more.
    whose = {"shifts_counter_running_key": f"Counter `{counter.name}`", "shifts_user_running_key": "You"}
    try:
        await tx.flush()
    except IntegrityError as error:
        if (name := constraint_name(error)) in whose:
            raise ShiftConflict(whose[name]) from None
        raise
    _note(tx, counter, events.ShiftStarted(shift.id, shift.user_id))
    await _restaff(tx, lines)
    return shift


async def pause_shift(tx: WriteTx, counter_id: UUID) -> Shift:
    """Take a break. Nothing happens if it is paused already. Raises `NoRunningShift`."""

    def pause(shift: Shift) -> Event | None:
        if shift.paused_at is not None:
            return None
        shift.paused_at = tx.now()
        return events.ShiftPaused(shift.id)

    return await _change_shift(tx, counter_id, pause)


async def resume_shift(tx: WriteTx, counter_id: UUID) -> Shift:
    """Come back from a break. Nothing happens if it is not paused. Raises `NoRunningShift`."""

    def resume(shift: Shift) -> Event | None:
        if shift.paused_at is None:
            return None
        _count_break(tx, shift)
        return events.ShiftResumed(shift.id)

    return await _change_shift(tx, counter_id, resume)


async def end_shift(tx: WriteTx, counter_id: UUID, notes: str | None) -> Shift:
    """Stop working at a counter; whoever is still served there can be completed all the same."""
    ensure_text("notes", notes or "", 0, 2000)

    def end(shift: Shift) -> Event:
        _count_break(tx, shift)
        shift.ended_at, shift.notes = tx.now(), notes
        return events.ShiftEnded(shift.id, shift.served_count)

    return await _change_shift(tx, counter_id, end)


async def restaff(tx: WriteTx) -> None:
    """Count again how many counters are open, in every queue that has one: the tenant's rule for it has changed."""
    await _restaff(tx, await lock_all(tx, await repository.served_queue_ids(tx)))


async def ensure_may_call(tx: WriteTx, counter_id: UUID, queue_id: UUID) -> Counter:
    """The counter, if it may call from the queue. Raises `CounterNotServingQueue`, `ShiftRequired`, `NotFound`."""
    counter = await repository.get(tx, counter_id)
    if not counter.is_active or not await repository.serves(tx, counter_id, queue_id):
        raise CounterNotServingQueue(counter.name, counter.is_active)
    if (await tenants.settings_of(tx)).shift_required:
        shift = await repository.running_shift(tx, counter_id)
        if shift is None or shift.paused_at is not None:
            raise ShiftRequired(counter.name)
    return counter


async def may_call(
    tx: WriteTx, counter_ids: Sequence[UUID], queue_id: UUID
) -> dict[UUID, Counter | UserFacingError | CodedError]:
    """`ensure_may_call` for several: each counter, or what it would have raised."""
    found = await repository.by_id(tx, counter_ids)
    serving = await repository.queue_ids_of(tx, list(found))
    shift_required = (await tenants.settings_of(tx)).shift_required
    shifts = await repository.running_shifts(tx, counter_ids) if shift_required else {}
    answers: dict[UUID, Counter | UserFacingError | CodedError] = {id: NotFound("Counter") for id in counter_ids}
    for id, counter in found.items():
        answers[id] = counter
        if not counter.is_active or queue_id not in serving[id]:
            answers[id] = CounterNotServingQueue(counter.name, counter.is_active)
        elif shift_required and ((shift := shifts.get(id)) is None or shift.paused_at is not None):
            answers[id] = ShiftRequired(counter.name)
    return answers


async def count_served(tx: WriteTx, counter_id: UUID, service_seconds: float) -> None:
    """Put one more served session down to the shift that is worked at the counter, if any. The line is held already."""
    shift = await repository.lock_running_shift(tx, counter_id)
    if shift is not None:
        shift.served_count += 1
        shift.service_seconds_total += service_seconds


async def _change_shift(tx: WriteTx, counter_id: UUID, change: Callable[[Shift], Event | None]) -> Shift:
    counter, lines = await _hold(tx, counter_id)
    shift = await repository.lock_running_shift(tx, counter_id)
    if shift is None:
        raise NoRunningShift(counter.name)
    event = change(shift)
    if event is not None:
        await tx.flush()
        _note(tx, counter, event)
        await _restaff(tx, lines)
    return shift


async def _hold(tx: WriteTx, counter_id: UUID) -> tuple[Counter, dict[UUID, LockedLine]]:
    counter = await repository.lock(tx, counter_id)
    return counter, await lock_all(tx, (await repository.queue_ids_of(tx, [counter_id]))[counter_id])


async def _restaff(tx: WriteTx, lines: dict[UUID, LockedLine]) -> None:
    shift_required = (await tenants.settings_of(tx)).shift_required
    for queue_id, line in lines.items():
        count = rules.open_counters(*await repository.staffing(tx, queue_id), shift_required=shift_required)
        if count != line.row.open_counter_count:
            line.row.open_counter_count = count
            write_down(tx, line, QueueStaffingChanged)


def _note(tx: WriteTx, counter: Counter, event: Event) -> None:
    counter.revision += 1
    record(tx, events.COUNTER, counter.id, counter.revision, event, tx.now())


def _count_break(tx: WriteTx, shift: Shift) -> None:
    if shift.paused_at is not None:
        shift.break_seconds += (tx.now() - shift.paused_at).total_seconds()
        shift.paused_at = None


async def _flush(tx: WriteTx, name: str) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "counters_name_key":
            raise CounterNameTaken(name) from None
        raise


def _validate(name: str, queue_ids: Sequence[UUID]) -> None:
    ensure_text("name", name, 1, 80)
    if len(queue_ids) > MAX_QUEUES:
        raise InvalidInput("queueIds", f"A counter serves at most {MAX_QUEUES} queues.")
