"""Every statement about counters and shifts."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, delete, func, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.counters.models import Counter, CounterQueue, Shift


async def get(tx: ReadTx, counter_id: UUID) -> Counter:
    """A counter of the tenant. `NotFound` otherwise."""
    found = await tx.get(Counter, (tx.tenant, counter_id))
    if found is None:
        raise NotFound("Counter")
    return found


async def lock(tx: WriteTx, counter_id: UUID) -> Counter:
    """A counter, held until the transaction ends. Taken before lines, never after. `NotFound` otherwise."""
    # What an earlier verb of this block has changed must not be lost to the fresh read.
    await tx.flush()
    found = await tx.exec(
        select(Counter)
        .where(Counter.tenant_id == tx.tenant, Counter.id == counter_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    counter = found.one_or_none()
    if counter is None:
        raise NotFound("Counter")
    return counter


async def by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, Counter]:
    """Counters by id."""
    found = await tx.exec(select(Counter).where(Counter.tenant_id == tx.tenant, col(Counter.id).in_(ids)))
    return {counter.id: counter for counter in found}


async def by_name(tx: ReadTx, name: str) -> Counter | None:
    """A counter by its name."""
    return (await tx.exec(select(Counter).where(Counter.tenant_id == tx.tenant, Counter.name == name))).one_or_none()


async def count_active(tx: ReadTx) -> int:
    """Counters that are active, as the tenant's limit counts them."""
    found = await tx.exec(
        select(func.count()).select_from(Counter).where(Counter.tenant_id == tx.tenant, col(Counter.is_active))
    )
    return found.one()


async def page(tx: ReadTx, request: PageRequest) -> Page[Counter]:
    """The tenant's counters in order of creation."""
    statement = select(Counter).where(Counter.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [Counter.created_at, Counter.id], request)  # type: ignore[list-item]


async def queue_ids_of(tx: ReadTx, counter_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The queues each counter serves."""
    found = await tx.exec(
        select(CounterQueue.counter_id, CounterQueue.queue_id)
        .where(CounterQueue.tenant_id == tx.tenant, col(CounterQueue.counter_id).in_(counter_ids))
        .order_by(col(CounterQueue.queue_id))
    )
    grouped: dict[UUID, list[UUID]] = {counter_id: [] for counter_id in counter_ids}
    for counter_id, queue_id in found:
        grouped[counter_id].append(queue_id)
    return grouped


async def serving(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, list[Counter]]:
    """The active counters of each queue, by name."""
    found = await tx.exec(
        select(CounterQueue.queue_id, Counter)
        .join(
            Counter,
            (col(Counter.tenant_id) == CounterQueue.tenant_id) & (col(Counter.id) == CounterQueue.counter_id),
        )
        .where(CounterQueue.tenant_id == tx.tenant, col(CounterQueue.queue_id).in_(queue_ids), col(Counter.is_active))
        .order_by(Counter.name)
    )
    grouped: dict[UUID, list[Counter]] = {queue_id: [] for queue_id in queue_ids}
    for queue_id, counter in found:
        grouped[queue_id].append(counter)
    return grouped


async def serves(tx: ReadTx, counter_id: UUID, queue_id: UUID) -> bool:
    """Whether a counter serves a queue."""
    found = await tx.exec(
        select(CounterQueue.id).where(
            CounterQueue.tenant_id == tx.tenant,
            CounterQueue.counter_id == counter_id,
            CounterQueue.queue_id == queue_id,
        )
    )
    return found.first() is not None


async def assign(tx: WriteTx, counter_id: UUID, queue_ids: Sequence[UUID]) -> None:
    """Make a counter serve exactly these queues."""
    await tx.exec(
        delete(CounterQueue).where(
            col(CounterQueue.tenant_id) == tx.tenant,
            col(CounterQueue.counter_id) == counter_id,
            col(CounterQueue.queue_id).not_in(queue_ids),
        )
    )
    kept = (await queue_ids_of(tx, [counter_id]))[counter_id]
    tx.add_all(
        CounterQueue(tenant_id=tx.tenant, counter_id=counter_id, queue_id=queue_id)
        for queue_id in queue_ids
        if queue_id not in kept
    )
    await tx.flush()


async def served_queue_ids(tx: ReadTx) -> Sequence[UUID]:
    """Queues that some counter serves."""
    found = await tx.exec(select(CounterQueue.queue_id).where(CounterQueue.tenant_id == tx.tenant).distinct())
    return found.all()


async def staffing(tx: ReadTx, queue_id: UUID) -> tuple[int, int, int]:
    """Of the queue's active counters: how many there are, how many have a running shift, how many one not paused."""
    found = await tx.exec(
        select(
            func.count(), func.count(col(Shift.id)), func.count(col(Shift.id)).filter(col(Shift.paused_at).is_(None))
        )
        .select_from(CounterQueue)
        .join(
            Counter,
            (col(Counter.tenant_id) == CounterQueue.tenant_id)
            & (col(Counter.id) == CounterQueue.counter_id)
            & col(Counter.is_active),
        )
        .join(
            Shift,
            (col(Shift.tenant_id) == CounterQueue.tenant_id)
            & (col(Shift.counter_id) == CounterQueue.counter_id)
            & col(Shift.ended_at).is_(None),
            isouter=True,
        )
        .where(CounterQueue.tenant_id == tx.tenant, CounterQueue.queue_id == queue_id)
    )
    active, on_shift, working = found.one()
    return active, on_shift, working


async def running_shift(tx: ReadTx, counter_id: UUID) -> Shift | None:
    """The shift that is being worked at a counter, paused or not."""
    found = await tx.exec(
        select(Shift).where(Shift.tenant_id == tx.tenant, Shift.counter_id == counter_id, col(Shift.ended_at).is_(None))
    )
    return found.one_or_none()


async def lock_running_shift(tx: WriteTx, counter_id: UUID) -> Shift | None:
    """The running shift of a counter, held until the transaction ends. Taken after lines."""
    await tx.flush()
    found = await tx.exec(
        select(Shift)
        .where(Shift.tenant_id == tx.tenant, Shift.counter_id == counter_id, col(Shift.ended_at).is_(None))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def running_shifts(tx: ReadTx, counter_ids: Sequence[UUID]) -> dict[UUID, Shift]:
    """Running shifts by counter."""
    found = await tx.exec(
        select(Shift).where(
            Shift.tenant_id == tx.tenant, col(Shift.counter_id).in_(counter_ids), col(Shift.ended_at).is_(None)
        )
    )
    return {shift.counter_id: shift for shift in found}


async def get_shift(tx: ReadTx, shift_id: UUID) -> Shift | None:
    """A shift of the tenant."""
    return await tx.get(Shift, (tx.tenant, shift_id))
