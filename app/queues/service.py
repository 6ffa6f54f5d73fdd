"""What can be done with a queue: create, update, open, pause, resume, close, archive; and its categories."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.core.db import ReadTx, WriteTx
from app.core.db.engine import constraint_name
from app.core.errors import InvalidInput, NotFound
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.queues import draws, events, repository, rules
from app.queues.categories import CategoryConfig, ensure_told_apart
from app.queues.categories import ensure_valid as ensure_category_valid
from app.queues.config import QueueConfig, ensure_valid
from app.queues.errors import CategoryNameTaken, QueueNotEmpty, QueueSlugTaken
from app.queues.events import LineEvent, LineState
from app.queues.line import LockedLine, lock, locked, write_down
from app.queues.models import (
    Queue,
    QueueCategory,
    QueueLine,
    QueueStatus,
)
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

# They are shown all at once, to anybody.
MAX_CATEGORIES = 100


async def create(tx: WriteTx, config: QueueConfig, idempotency_key: str | None = None) -> Queue:
    """Create a queue, open. Raises `InvalidInput`, `QueueSlugTaken`, `LimitReached`, `IdempotencyConflict`."""
    ensure_valid(config)
    if (first := await first_result(tx, "queueCreate", idempotency_key, config)) is not None:
        return await repository.get(tx, first)
    limits = await tenants.hold_limits(tx)
    if await repository.count_live(tx) >= limits.queues:
        raise LimitReached("queues", limits.queues)
    now = tx.now()
    queue = Queue(
        tenant_id=tx.tenant,
        id=new_id(),
        **{item.name: getattr(config, item.name) for item in fields(config)},
        created_at=now,
        created_by=tx.actor.label,
        updated_at=now,
        updated_by=tx.actor.label,
    )
    row = QueueLine(tenant_id=tx.tenant, id=queue.id)
    tx.add(queue)
    await _flush(tx, config.slug)
    tx.add(row)
    remember(tx, "queueCreate", idempotency_key, queue.id, config)
    write_down(tx, locked(queue, row, now), events.QueueCreated)
    return queue


async def update(tx: WriteTx, queue_id: UUID, changes: dict[str, Any]) -> Queue:
    """Change some of the configuration; effective at once, for those who wait too.

    Credits count for those who join or change their priority from now on. The discipline changes only while nobody
    is in the queue: an order people have seen is not turned round under them.
    Raises `InvalidInput`, `QueueSlugTaken`, `QueueNotEmpty`, `NotFound`.
    """
    line = await lock(tx, queue_id)
    queue = line.queue
    current = {item.name: getattr(queue, item.name) for item in fields(QueueConfig)}
    wanted = QueueConfig(**(current | changes))
    ensure_valid(wanted)
    changed = {name: value for name, value in changes.items() if current[name] != value}
    if not changed:
        return queue
    if "ticket_prefix" in changed:
        ensure_told_apart(wanted.ticket_prefix, await repository.categories_of(tx, [queue_id]))
    if "discipline" in changed and (inside := _people_in(line)) > 0:
        raise QueueNotEmpty(inside)
    for name, value in changed.items():
        setattr(queue, name, value)
    queue.updated_at, queue.updated_by = line.now, tx.actor.label
    await _flush(tx, wanted.slug)
    write_down(tx, line, lambda state: events.QueueUpdated(state, changed))
    if "time_zone" in changed and queue.weekly_hours is not None:
        # Its hours are at other times now: the clockwork looks at once.
        line.row.schedule_due_at = line.row.due_at = min(line.row.schedule_due_at or line.now, line.now)
    return queue


async def open_queue(tx: WriteTx, queue_id: UUID) -> Queue:
    """Let people join and be called. Nothing happens if it is open already."""
    return await _move(tx, queue_id, rules.OPEN, events.QueueOpened)


async def pause(tx: WriteTx, queue_id: UUID) -> Queue:
    """Stop calling for a while; people may still join."""
    return await _move(tx, queue_id, rules.PAUSE, events.QueuePaused)


async def resume(tx: WriteTx, queue_id: UUID) -> Queue:
    """Go on after a pause."""
    return await _move(tx, queue_id, rules.RESUME, events.QueueResumed)


async def close(tx: WriteTx, queue_id: UUID) -> Queue:
    """Let nobody join any more; who waits is still called."""
    return await _move(tx, queue_id, rules.CLOSE, events.QueueClosed)


async def start_maintenance(tx: WriteTx, queue_id: UUID) -> Queue:
    """Let nobody join and nobody be called; the line stays as it is."""
    return await _move(tx, queue_id, rules.MAINTAIN, events.QueueMaintenanceStarted)


async def archive(tx: WriteTx, queue_id: UUID) -> Queue:
    """Put an empty queue away for good; its history stays. Raises `QueueNotEmpty`."""
    return await _move(tx, queue_id, rules.ARCHIVE, events.QueueArchived)


async def create_category(tx: WriteTx, queue_id: UUID, config: CategoryConfig) -> QueueCategory:
    """Add a category to a queue. Raises `InvalidInput`, `CategoryNameTaken`, `NotFound`."""
    ensure_category_valid(config)
    line = await lock(tx, queue_id)
    others = await repository.categories_of(tx, [queue_id])
    if len(others) >= MAX_CATEGORIES:
        raise InvalidInput("queueId", f"A queue has at most {MAX_CATEGORIES} categories; rename one that is not used.")
    ensure_told_apart(line.queue.ticket_prefix, [*others, config])
    values = asdict(config) | {"name": config.name.strip()}
    category = QueueCategory(tenant_id=tx.tenant, queue_id=queue_id, **values, created_at=tx.now())
    tx.add(category)
    await _flush_category(tx, config.name)
    _note_category(tx, line, category)
    return category


async def update_category(tx: WriteTx, category_id: UUID, changes: dict[str, Any]) -> QueueCategory:
    """Change a category for those who join from now on, or stop offering it. Raises as `create_category`.

    A number range that is given anew begins with the next service day; one that is taken away goes on with the queue's.
    """
    category = await repository.get_category(tx, category_id)
    line = await lock(tx, category.queue_id)
    # Joins count its tickets: what was read before the lock does not count.
    await tx.refresh(category)
    wanted = CategoryConfig(**{item.name: getattr(category, item.name) for item in fields(CategoryConfig)} | changes)
    ensure_category_valid(wanted)
    others = [one for one in await repository.categories_of(tx, [category.queue_id]) if one.id != category_id]
    ensure_told_apart(line.queue.ticket_prefix, [*others, wanted])
    for name, value in (asdict(wanted) | {"name": wanted.name.strip()}).items():
        setattr(category, name, value)
    await _flush_category(tx, category.name)
    _note_category(tx, line, category)
    return category


async def get(tx: ReadTx, queue_id: UUID) -> Queue:
    """A queue of the tenant. `NotFound` otherwise."""
    return await repository.get(tx, queue_id)


async def revisions(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The revision of each queue. `NotFound` if one is not the tenant's."""
    found = await repository.with_lines(tx, queue_ids)
    if len(found) != len(set(queue_ids)):
        raise NotFound("Queue")
    return {id: line.revision for id, (_, line) in found.items()}


async def public_revisions(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, int]:
    """`revisions`, for what is shown to anybody: archived queues are not found."""
    found = await repository.with_lines(tx, queue_ids)
    if len(found) != len(set(queue_ids)) or any(queue.archived_at is not None for queue, _ in found.values()):
        raise NotFound("Queue")
    return {id: line.revision for id, (_, line) in found.items()}


async def _move(
    tx: WriteTx, queue_id: UUID, transition: rules.Transition, event: Callable[[LineState], LineEvent]
) -> Queue:
    line = await lock(tx, queue_id)
    before = line.queue.status
    status = rules.next_status(transition, before)
    if status is None:
        return line.queue
    if status is QueueStatus.ARCHIVED:
        if (left := _people_in(line)) > 0:
            raise QueueNotEmpty(left)
        line.queue.archived_at = line.now
    line.queue.status = status
    line.queue.updated_at, line.queue.updated_by = line.now, tx.actor.label
    write_down(tx, line, event)
    if before is QueueStatus.PREQUEUE:
        line = await draws.open_running(tx, line)
    return line.queue


def _note_category(tx: WriteTx, line: LockedLine, category: QueueCategory) -> None:
    now = {item.name: getattr(category, item.name) for item in fields(CategoryConfig)}
    write_down(tx, line, lambda state: events.QueueUpdated(state, {"category": now}))


def _people_in(line: LockedLine) -> int:
    row = line.row
    return row.waiting_count + row.held_count + row.called_count + row.serving_count


async def _flush(tx: WriteTx, slug: str) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "queues_slug_key":
            raise QueueSlugTaken(slug) from None
        raise


async def _flush_category(tx: WriteTx, name: str) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if constraint_name(error) == "queue_categories_name_key":
            raise CategoryNameTaken(name) from None
        raise
