"""Every statement about messages in the app, as their recipients see them: what is sent, and nothing else."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.personal.sealed import sealed
from app.notifications.models import Notification, NotificationChannel


async def find(tx: ReadTx, recipient: str, id: UUID) -> Notification | None:
    """A message of this recipient's."""
    return (await tx.exec(_sent_to(tx, recipient).where(Notification.id == id))).one_or_none()


async def unread(tx: ReadTx, recipient: str, *, limit: int) -> list[Notification]:
    """The newest of those that were not read, oldest first."""
    statement = _sent_to(tx, recipient).where(col(Notification.read_at).is_(None))
    newest = await tx.exec(
        statement.order_by(col(Notification.sent_at).desc(), col(Notification.id).desc()).limit(limit)
    )
    return list(reversed(newest.all()))


async def sent_since(tx: ReadTx, recipient: str, after: tuple[datetime, UUID], *, limit: int) -> Sequence[Notification]:
    """Those sent after a time (of the same time: with a greater id), read or not, oldest first."""
    order = tuple_(col(Notification.sent_at), col(Notification.id))
    statement = _sent_to(tx, recipient).where(order > tuple_(*after))
    return (await tx.exec(statement.order_by(col(Notification.sent_at), col(Notification.id)).limit(limit))).all()


async def page(tx: ReadTx, recipient: str, request: PageRequest) -> Page[Notification]:
    """All there are, newest first."""
    keys = [Notification.sent_at, Notification.id]
    return await fetch_page(tx, _sent_to(tx, recipient), keys, request, newest_first=True)  # type: ignore[arg-type]


async def lock(tx: WriteTx, recipient: str, ids: Sequence[UUID]) -> Sequence[Notification]:
    """Messages of this recipient's, held until the transaction ends."""
    statement = _sent_to(tx, recipient).where(col(Notification.id).in_(ids)).order_by(col(Notification.id))
    return (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).all()


def _sent_to(tx: ReadTx, recipient: str) -> SelectOfScalar[Notification]:
    return select(Notification).where(
        Notification.tenant_id == tx.tenant,
        Notification.channel == NotificationChannel.IN_APP,
        sealed(Notification.recipient).matches(tx.tenant, recipient),
        col(Notification.sent_at).is_not(None),
    )
