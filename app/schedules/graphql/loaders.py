"""Reads behind schedules, batched per operation."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.db.pages import PageRequest
from app.core.graphql.pages import connection
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import repository as queues
from app.queues import repository_lotteries as lotteries
from app.queues.models import Lottery
from app.schedules import models, repository
from app.schedules.boundaries import next_openings
from app.schedules.graphql import types
from app.schedules.hours import hours_of


def business_hours(context: Context, tenant_id: UUID) -> DataLoader[UUID, "types.BusinessHours | None"]:
    """Hours by queue."""

    async def load(queue_ids: list[UUID]) -> Sequence["types.BusinessHours | None"]:
        async with context.read(tenant_id) as tx:
            found = await queues.with_lines(tx, queue_ids)
        shown: list[types.BusinessHours | None] = []
        for id in queue_ids:
            queue, _ = found[id]
            stored = hours_of(queue.weekly_hours, queue.hours_exceptions, queue.time_zone)
            shown.append(None if stored is None else types.BusinessHours.of(stored))
        return shown

    return DataLoader(load, cache=False)


def openings(context: Context, tenant_id: UUID) -> DataLoader[UUID, datetime | None]:
    """When queues open next, by queue."""

    async def load(queue_ids: list[UUID]) -> Sequence[datetime | None]:
        async with context.read(tenant_id) as tx:
            found = await next_openings(tx, queue_ids, context.runtime.dbs.app.clock.now())
        return [found.get(id) for id in queue_ids]

    return DataLoader(load, cache=False)


def active_events(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.ScheduledEvent | None]:
    """The event in force, by queue."""

    async def load(queue_ids: list[UUID]) -> Sequence[models.ScheduledEvent | None]:
        async with context.read(tenant_id) as tx:
            found = await queues.with_lines(tx, queue_ids)
            ids = {id: queue.active_event_id for id, (queue, _) in found.items() if queue.active_event_id is not None}
            events = await repository.by_id(tx, list(ids.values())) if ids else {}
        return [events.get(ids[id]) if id in ids else None for id in queue_ids]

    return DataLoader(load, cache=False)


async def active_event(context: Context, tenant_id: UUID, queue_id: UUID) -> "types.ScheduledEvent | None":
    """The event in force in a queue, for its staff."""
    context.actor.require_in(tenant_id, Permission.QUEUE_READ)
    row = await context.loader(active_events, tenant_id).load(queue_id)
    return None if row is None else types.ScheduledEvent.of(row)


async def event_page(
    context: Context, tenant_id: UUID, queue_id: UUID, request: PageRequest, *, include_ended: bool
) -> "types.ScheduledEventConnection":
    """A page of a queue's events, for its staff."""
    context.actor.require_in(tenant_id, Permission.QUEUE_READ)
    async with context.read(tenant_id) as tx:
        page = await repository.page(tx, queue_id, request, include_ended=include_ended)
    return connection(types.ScheduledEventConnection, types.ScheduledEventEdge, page, types.ScheduledEvent.of)


async def participants(
    context: Context, lottery: Lottery, request: PageRequest
) -> "types.LotteryParticipantConnection":
    """A page of who took part in a lottery."""
    async with context.read(lottery.tenant_id) as tx:
        page = await lotteries.page(tx, lottery, request)
    return connection(
        types.LotteryParticipantConnection, types.LotteryParticipantEdge, page, types.LotteryParticipant.of
    )


async def event_node(context: Context, ref: Ref) -> "types.ScheduledEvent | None":
    """An event by node id, for staff."""
    context.actor.require_in(ref.tenant_id, Permission.QUEUE_READ)
    async with context.read(ref.tenant_id) as tx:
        row = (await repository.by_id(tx, [ref.id])).get(ref.id)
    return None if row is None else types.ScheduledEvent.of(row)
