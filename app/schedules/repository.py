"""Every statement about scheduled events."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.schedules.models import ScheduledEvent

_begins_at = func.coalesce(col(ScheduledEvent.prequeue_starts_at), col(ScheduledEvent.starts_at))


async def get(tx: ReadTx, event_id: UUID) -> ScheduledEvent:
    """An event of the tenant. `NotFound` otherwise."""
    found = await tx.get(ScheduledEvent, (tx.tenant, event_id), populate_existing=True)
    if found is None:
        raise NotFound("ScheduledEvent")
    return found


async def by_id(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, ScheduledEvent]:
    """Events by id."""
    found = await tx.exec(
        select(ScheduledEvent).where(ScheduledEvent.tenant_id == tx.tenant, col(ScheduledEvent.id).in_(ids))
    )
    return {event.id: event for event in found}


async def ahead(tx: ReadTx, queue_ids: Sequence[UUID], until: datetime) -> Sequence[ScheduledEvent]:
    """Events that have not ended and begin before a time, pre-queues included, by start."""
    found = await tx.exec(
        select(ScheduledEvent)
        .where(
            ScheduledEvent.tenant_id == tx.tenant,
            col(ScheduledEvent.queue_id).in_(queue_ids),
            col(ScheduledEvent.ended_at).is_(None),
            _begins_at < until,
        )
        .order_by(col(ScheduledEvent.starts_at), col(ScheduledEvent.id))
    )
    return found.all()


async def first_begin(tx: ReadTx, queue_id: UUID) -> datetime | None:
    """When the first event that has not ended begins, or has begun."""
    found = await tx.exec(
        select(func.min(_begins_at)).where(
            ScheduledEvent.tenant_id == tx.tenant,
            ScheduledEvent.queue_id == queue_id,
            col(ScheduledEvent.ended_at).is_(None),
        )
    )
    return found.one()


async def within(tx: ReadTx, queue_id: UUID, begins_at: datetime, ends_at: datetime) -> Sequence[ScheduledEvent]:
    """Events that have not ended and take some of this time, pre-queues included."""
    found = await tx.exec(
        select(ScheduledEvent).where(
            ScheduledEvent.tenant_id == tx.tenant,
            ScheduledEvent.queue_id == queue_id,
            col(ScheduledEvent.ended_at).is_(None),
            col(ScheduledEvent.ends_at) > begins_at,
            _begins_at < ends_at,
        )
    )
    return found.all()


async def page(tx: ReadTx, queue_id: UUID, request: PageRequest, *, include_ended: bool) -> Page[ScheduledEvent]:
    """Events of a queue, by start."""
    statement = select(ScheduledEvent).where(ScheduledEvent.tenant_id == tx.tenant, ScheduledEvent.queue_id == queue_id)
    if not include_ended:
        statement = statement.where(col(ScheduledEvent.ended_at).is_(None))
    return await fetch_page(tx, statement, [ScheduledEvent.starts_at, ScheduledEvent.id], request)  # type: ignore[list-item]
