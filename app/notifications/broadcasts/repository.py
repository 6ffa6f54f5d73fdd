"""Every statement about broadcasts, and about who waits when one begins."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.notifications.broadcasts.models import Broadcast, BroadcastStatus
from app.sessions.models import Session, SessionStatus


async def get(tx: ReadTx, broadcast_id: UUID) -> Broadcast:
    """A broadcast of the tenant. `NotFound` otherwise."""
    found = await tx.get(Broadcast, (tx.tenant, broadcast_id), populate_existing=True)
    if found is None:
        raise NotFound("NotificationBroadcast")
    return found


async def lock(tx: WriteTx, broadcast_id: UUID) -> Broadcast:
    """The same, held until the transaction ends."""
    found = await tx.exec(
        select(Broadcast)
        .where(Broadcast.tenant_id == tx.tenant, Broadcast.id == broadcast_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("NotificationBroadcast")
    return row


async def is_cancelled(tx: ReadTx, broadcast_id: UUID) -> bool:
    """Whether its messages are not to be sent any more."""
    found = await tx.exec(
        select(Broadcast.status).where(Broadcast.tenant_id == tx.tenant, Broadcast.id == broadcast_id)
    )
    return found.one_or_none() is BroadcastStatus.CANCELLED


async def page(tx: ReadTx, request: PageRequest, queue_id: UUID | None) -> Page[Broadcast]:
    """The tenant's broadcasts, or one queue's, newest first."""
    statement = select(Broadcast).where(Broadcast.tenant_id == tx.tenant)
    if queue_id is not None:
        statement = statement.where(Broadcast.queue_id == queue_id)
    keys = [Broadcast.created_at, Broadcast.id]
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def waiting_ids(tx: ReadTx, queue_id: UUID) -> list[UUID]:
    """Who waits in a queue, from the front. Only the ids: there may be a hundred thousand."""
    found = await tx.rows(
        "select id from sessions where tenant_id = $1 and queue_id = $2 and status = 'WAITING'"
        " order by rank_class, rank_time, rank_sequence",
        tx.tenant,
        queue_id,
    )
    return [row[0] for row in found]


async def still_waiting(tx: ReadTx, queue_id: UUID, ids: Sequence[UUID]) -> Sequence[Session]:
    """Those of them who wait there now."""
    found = await tx.exec(
        select(Session).where(
            Session.tenant_id == tx.tenant,
            Session.queue_id == queue_id,
            Session.status == SessionStatus.WAITING,
            col(Session.id).in_(ids),
        )
    )
    return found.all()


async def note_people(tx: WriteTx, broadcast_id: UUID, people: int, portions: int, now: datetime) -> None:
    """Write down how many there are; without anybody it is done."""
    await tx.rows(
        "update broadcasts set people = $3, portions = $4, revision = revision + 1,"
        " status = case when $4 = 0 then 'DONE' else status end,"
        " ended_at = case when $4 = 0 then $5::timestamptz end where tenant_id = $1 and id = $2",
        tx.tenant,
        broadcast_id,
        people,
        portions,
        now,
    )


async def note_portion(
    tx: WriteTx, broadcast_id: UUID, *, told: int, gone: int, unreachable: int, now: datetime
) -> None:
    """Count one more portion; with the last one the broadcast is done, unless it was cancelled meanwhile."""
    await tx.rows(
        "update broadcasts set told = told + $3, gone = gone + $4, unreachable = unreachable + $5,"
        " portions_done = portions_done + 1, revision = revision + 1,"
        " status = case when status = 'RUNNING' and portions_done + 1 = portions then 'DONE' else status end,"
        " ended_at = case when status = 'RUNNING' and portions_done + 1 = portions then $6 else ended_at end"
        " where tenant_id = $1 and id = $2",
        tx.tenant,
        broadcast_id,
        told,
        gone,
        unreachable,
        now,
    )
