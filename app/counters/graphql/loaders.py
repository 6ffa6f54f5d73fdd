"""Reads behind counters and shifts, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.counters import models, repository
from app.counters.graphql import types
from app.identity.permissions import Permission
from app.queues.graphql.loaders import queues_by_id
from app.queues.graphql.types import Queue


def counters_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, "types.Counter | None"]:
    """Counters by id."""

    async def load(ids: list[UUID]) -> Sequence["types.Counter | None"]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_id(tx, ids)
        return [types.Counter.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def counters_by_queue(context: Context, tenant_id: UUID) -> DataLoader[UUID, "list[types.Counter]"]:
    """Active counters by queue."""

    async def load(queue_ids: list[UUID]) -> Sequence["list[types.Counter]"]:
        async with context.read(tenant_id) as tx:
            found = await repository.serving(tx, queue_ids)
        return [[types.Counter.of(row) for row in found[id]] for id in queue_ids]

    return DataLoader(load, cache=False)


def queue_ids_by_counter(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[UUID]]:
    """Ids of the queues of each counter."""

    async def load(ids: list[UUID]) -> list[list[UUID]]:
        async with context.read(tenant_id) as tx:
            found = await repository.queue_ids_of(tx, ids)
        return [found[id] for id in ids]

    return DataLoader(load, cache=False)


def running_shifts(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.Shift | None]:
    """Running shifts by counter."""

    async def load(ids: list[UUID]) -> list[models.Shift | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.running_shifts(tx, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)


async def load_counter(context: Context, tenant_id: UUID, counter_id: UUID) -> "types.Counter":
    """A counter. `NotFound` if there is none."""
    counter = await context.loader(counters_by_id, tenant_id).load(counter_id)
    if counter is None:
        raise NotFound("Counter")
    return counter


async def counters_of_queue(context: Context, tenant_id: UUID, queue_id: UUID) -> "list[types.Counter]":
    """The active counters of a queue, for its staff."""
    context.actor.require_in(tenant_id, Permission.COUNTER_READ)
    return await context.loader(counters_by_queue, tenant_id).load(queue_id)


async def queues_of_counter(context: Context, tenant_id: UUID, counter_id: UUID) -> list[Queue]:
    """The queues a counter serves."""
    ids = await context.loader(queue_ids_by_counter, tenant_id).load(counter_id)
    found = await context.loader(queues_by_id, tenant_id).load_many(ids)
    shows_archived = context.actor.may_in(tenant_id, Permission.QUEUE_READ)
    return [queue for queue in found if queue is not None and (queue.archived_at is None or shows_archived)]


async def counter_node(context: Context, ref: Ref) -> "types.Counter":
    """A counter by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.COUNTER_READ)
    return await load_counter(context, ref.tenant_id, ref.id)


async def shift_node(context: Context, ref: Ref) -> "types.Shift | None":
    """A shift by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.COUNTER_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await repository.get_shift(tx, ref.id)
    return None if row is None else types.Shift.of(row)
