"""Reads behind the Queue type, batched per operation."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.db.pages import PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.events import EventRow
from app.core.graphql.pages import connection
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import models, repository
from app.queues.events import QUEUE
from app.queues.graphql import events, types


def queues_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, "types.Queue | None"]:
    """Queues with their counts."""

    async def load(ids: list[UUID]) -> Sequence["types.Queue | None"]:
        async with context.read(tenant_id) as tx:
            found = await repository.with_lines(tx, ids)
        return [types.Queue.of(*found[id]) if id in found else None for id in ids]

    # Never cached: a queue read after a mutation in the same operation has to be the new one.
    return DataLoader(load, cache=False)


def categories_of_queues(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[models.QueueCategory]]:
    """Categories by queue."""

    async def load(queue_ids: list[UUID]) -> list[list[models.QueueCategory]]:
        async with context.read(tenant_id) as tx:
            rows = await repository.categories_of(tx, queue_ids)
        grouped = defaultdict(list)
        for row in rows:
            grouped[row.queue_id].append(row)
        return [grouped[queue_id] for queue_id in queue_ids]

    return DataLoader(load, cache=False)


def categories_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.QueueCategory | None]:
    """Categories by id."""

    async def load(ids: list[UUID]) -> list[models.QueueCategory | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.categories_by_id(tx, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)


async def load_queue(context: Context, ref: Ref) -> "types.Queue":
    """A queue as it is now. `NotFound` if there is none; an archived one is shown to staff only."""
    queue = await context.loader(queues_by_id, ref.tenant_id).load(ref.id)
    if queue is None or (
        queue.archived_at is not None and not context.actor.may_in(ref.tenant_id, Permission.QUEUE_READ)
    ):
        raise NotFound("Queue")
    return queue


async def event_page(
    context: Context, tenant_id: UUID, queue_id: UUID, request: PageRequest
) -> events.QueueEventConnection:
    """A page of a queue's log."""
    context.actor.require_in(tenant_id, Permission.EVENT_READ)
    async with context.read(tenant_id) as tx:
        statement = select(EventRow).where(
            EventRow.tenant_id == tenant_id, EventRow.aggregate_type == QUEUE, col(EventRow.aggregate_id) == queue_id
        )
        page = await fetch_page(tx, statement, [EventRow.revision], request)  # type: ignore[list-item]
    return connection(events.QueueEventConnection, events.QueueEventEdge, page, events.QueueEvent.of)
