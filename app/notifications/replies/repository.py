"""Every statement about replies, and about whose places they are about."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from app.core.db import ReadTx, WriteTx
from app.core.personal.sealed import sealed
from app.notifications.replies.models import NotificationReply, ReplyOutcome
from app.notifications.replies.rules import spellings
from app.sessions.models import Session, SessionStatus

_ACTIVE = (SessionStatus.WAITING, SessionStatus.CALLED)
_ENDED = (SessionStatus.COMPLETED, SessionStatus.CANCELLED, SessionStatus.NO_SHOW, SessionStatus.EXPIRED)
_MOST_PLACES = 100


async def add(tx: WriteTx, row: NotificationReply) -> bool:
    """Write a reply down; False if it is there already. Whoever writes the same waits until we know."""
    added = await tx.rows(
        "insert into notification_replies (tenant_id, id, provider_id, message_id, channel, sender_sealed,"
        " sender_index, text_sealed, outcome, received_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " on conflict (tenant_id, provider_id, message_id) do nothing returning 1",
        row.tenant_id,
        row.id,
        row.provider_id,
        row.message_id,
        row.channel.value,
        row.sender_sealed,  # type: ignore[attr-defined]
        row.sender_index,  # type: ignore[attr-defined]
        row.text_sealed,  # type: ignore[attr-defined]
        row.outcome.value,
        row.received_at,
    )
    return bool(added)


async def set_outcome(tx: WriteTx, id: UUID, outcome: ReplyOutcome) -> None:
    """Write down what became of a reply."""
    statement = "update notification_replies set outcome = $3 where tenant_id = $1 and id = $2"
    await tx.rows(statement, tx.tenant, id, outcome.value)


async def hold(tx: WriteTx, id: UUID) -> NotificationReply | None:
    """A reply, held until the block ends; None if it was erased."""
    statement = select(NotificationReply).where(NotificationReply.tenant_id == tx.tenant, NotificationReply.id == id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    return found.one_or_none()


async def hold_sender(tx: WriteTx, sender: str) -> None:
    """Until the block ends nobody else answers this sender: two replies at a time would both see no place."""
    index = sealed(NotificationReply.sender).index(tx.tenant, sender)
    await tx.rows("select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))", index)


async def outcomes_since(tx: ReadTx, sender: str, since: datetime) -> list[ReplyOutcome]:
    """What became of a sender's replies of late."""
    found = await tx.exec(
        select(NotificationReply.outcome).where(
            NotificationReply.tenant_id == tx.tenant,
            sealed(NotificationReply.sender).matches(tx.tenant, sender),
            NotificationReply.received_at >= since,
        )
    )
    return [ReplyOutcome(each) for each in found]


async def places_of(tx: ReadTx, number: str) -> Sequence[Session]:
    """The places in line that were taken with this telephone number, the oldest first."""
    found = await tx.exec(
        select(Session)
        .where(Session.tenant_id == tx.tenant, _left_with(tx, number), col(Session.status).in_(_ACTIVE))
        .order_by(col(Session.joined_at), col(Session.id))
        .limit(_MOST_PLACES)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def ended_places_of(tx: ReadTx, number: str, since: datetime) -> Sequence[Session]:
    """Those that ended of late, the last first."""
    found = await tx.exec(
        select(Session)
        .where(
            Session.tenant_id == tx.tenant,
            _left_with(tx, number),
            col(Session.status).in_(_ENDED),
            col(Session.ended_at) >= since,
        )
        .order_by(col(Session.ended_at).desc(), col(Session.id))
        .limit(_MOST_PLACES)
    )
    return found.all()


def _left_with(tx: ReadTx, number: str) -> ColumnElement[bool]:
    phone = sealed(Session.phone)
    return or_(*(phone.matches(tx.tenant, spelling) for spelling in spellings(number)))
