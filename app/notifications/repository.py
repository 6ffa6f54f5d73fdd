"""Every statement about notifications, their templates, and the piece of the event log they are decided on."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, cast
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.events.models import EventRow
from app.notifications.models import (
    Notification,
    NotificationChannel,
    NotificationKind,
    NotificationStatus,
    NotificationTemplate,
)
from app.notifications.rules import MOVES, LineMove, Move
from app.queues.disciplines import Rank
from app.queues.events import QUEUE

_AT_ONCE = 200
"""Rows in one statement: PostgreSQL takes 32,767 values."""

_PENDING = col(Notification.status) == NotificationStatus.PENDING


async def find(tx: ReadTx, notification_id: UUID) -> Notification | None:
    """A notification of the tenant, if there is one."""
    return await tx.get(Notification, (tx.tenant, notification_id), populate_existing=True)


async def insert_owed(tx: WriteTx, notifications: Sequence[Notification]) -> set[UUID]:
    """Write notifications that are not there already; the ids of those that were new. The constraints decide."""
    new: set[UUID] = set()
    for start in range(0, len(notifications), _AT_ONCE):
        values = [row.model_dump() for row in notifications[start : start + _AT_ONCE]]
        found = await tx.exec(
            insert(Notification).values(values).on_conflict_do_nothing().returning(col(Notification.id))
        )
        new.update(found.scalars())
    return new


async def told_of_people_ahead(tx: ReadTx, queue_id: UUID, session_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these sessions have been told in this queue."""
    found = await tx.exec(
        select(Notification.session_id).where(
            Notification.tenant_id == tx.tenant,
            col(Notification.session_id).in_(session_ids),
            Notification.queue_id == queue_id,
            Notification.kind == NotificationKind.PEOPLE_AHEAD,
        )
    )
    return {session_id for session_id in found if session_id is not None}


async def start_hand_over(tx: WriteTx, notification_id: UUID, now: datetime) -> bool:
    """Note that from now on nobody may try again; False if somebody has noted it already."""
    changed = await tx.exec(
        update(Notification)
        .where(
            col(Notification.tenant_id) == tx.tenant,
            col(Notification.id) == notification_id,
            _PENDING,
            col(Notification.handed_over_at).is_(None),
        )
        .values(handed_over_at=now, attempts=Notification.attempts + 1, error=None)
    )
    return changed.rowcount == 1


async def settle(
    tx: WriteTx,
    notification_id: UUID,
    handed_over_at: datetime | None,
    status: NotificationStatus,
    *,
    error: str | None,
    sent_at: datetime | None,
    provider_message_id: str | None,
    counts_as_try: bool,
) -> None:
    """Write down how a try ended. It has to be the try that was handed over at this time, or not at all."""
    mine = (
        _PENDING & col(Notification.handed_over_at).is_(None)
        if handed_over_at is None
        else col(Notification.handed_over_at) == handed_over_at
    )
    await tx.exec(
        update(Notification)
        .where(col(Notification.tenant_id) == tx.tenant, col(Notification.id) == notification_id, mine)
        .values(
            status=status,
            error=None if error is None else error[:1000],
            sent_at=sent_at,
            provider_message_id=provider_message_id,
            attempts=Notification.attempts + (1 if counts_as_try else 0),
            handed_over_at=None if status is NotificationStatus.PENDING else handed_over_at,
        )
    )


async def page(tx: ReadTx, request: PageRequest, *, session_id: UUID | None) -> Page[Notification]:
    """The tenant's notifications, or one session's, in order of creation."""
    statement = select(Notification).where(Notification.tenant_id == tx.tenant)
    if session_id is not None:
        statement = statement.where(Notification.session_id == session_id)
    return await fetch_page(tx, statement, [Notification.created_at, Notification.id], request)  # type: ignore[list-item]


async def templates(tx: ReadTx) -> Sequence[NotificationTemplate]:
    """The tenant's own texts."""
    found = await tx.exec(
        select(NotificationTemplate)
        .where(NotificationTemplate.tenant_id == tx.tenant)
        .order_by(NotificationTemplate.kind, NotificationTemplate.channel, NotificationTemplate.locale)
    )
    return found.all()


async def template(
    tx: ReadTx, kind: NotificationKind, channel: NotificationChannel, locale: str
) -> NotificationTemplate | None:
    """The tenant's own text for one kind, channel and language."""
    found = await tx.exec(
        select(NotificationTemplate).where(
            NotificationTemplate.tenant_id == tx.tenant,
            NotificationTemplate.kind == kind,
            NotificationTemplate.channel == channel,
            NotificationTemplate.locale == locale,
        )
    )
    return found.one_or_none()


async def lock_template(
    tx: WriteTx, kind: NotificationKind, channel: NotificationChannel, locale: str
) -> NotificationTemplate | None:
    """The same, held until the transaction ends."""
    found = await tx.exec(
        select(NotificationTemplate)
        .where(
            NotificationTemplate.tenant_id == tx.tenant,
            NotificationTemplate.kind == kind,
            NotificationTemplate.channel == channel,
            NotificationTemplate.locale == locale,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


_ENDS = ("SESSION_CANCELLED", "SESSION_EXPIRED", "SESSION_TRANSFERRED_OUT")


async def line_moves(tx: ReadTx, queue_id: UUID, *, after: int, people: Sequence[UUID]) -> list[LineMove]:
    """What moved the line after a revision: who left or changed places, and when they and these people entered."""
    left = await _moves(tx, queue_id, after, [name for name, move in MOVES.items() if move is not Move.ENTERED])
    concerned = {str(move.session_id) for move in left} | {str(person) for person in people}
    entered = await _moves(
        tx, queue_id, after, [name for name, move in MOVES.items() if move is Move.ENTERED], list(concerned)
    )
    return left + entered


async def _moves(
    tx: ReadTx, queue_id: UUID, after: int, types: Sequence[str], session_ids: Sequence[str] | None = None
) -> list[LineMove]:
    session = col(EventRow.data)["session"]
    statement = select(  # type: ignore[call-overload]
        EventRow.revision,
        EventRow.type,
        session["id"].astext,
        session["rank_class"].as_integer(),
        session["rank_time"].astext,
        # Not as_integer(), which reads 32 bits: a queue whose 33 millionth visitor has joined is beyond them.
        cast(session["rank_sequence"].astext, BigInteger),
    ).where(
        EventRow.tenant_id == tx.tenant,
        EventRow.aggregate_type == QUEUE,
        EventRow.aggregate_id == queue_id,
        EventRow.revision > after,
        col(EventRow.type).in_(types),
        # Who was called, or let in, left the line then: not when they gave up or their time was over.
        col(EventRow.type).not_in(_ENDS) | session["called_at"].astext.is_(None),
    )
    if session_ids is not None:
        statement = statement.where(session["id"].astext.in_(session_ids))
    return [
        LineMove(revision, MOVES[type_], UUID(id_), Rank(rank_class, datetime.fromisoformat(rank_time), sequence))
        for revision, type_, id_, rank_class, rank_time, sequence in await tx.exec(statement)
    ]
