"""Every statement about notifications and their templates. Those about who is told are in `telling/`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.notifications.models import (
    Notification,
    NotificationChannel,
    NotificationKind,
    NotificationStatus,
    NotificationTemplate,
)
from app.notifications.telling.models import MessageRule

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


async def kind_of_rule(tx: ReadTx, rule_id: UUID) -> NotificationKind:
    """What kind of messages a rule is for. `NotFound` if the tenant has no such rule."""
    found = await tx.exec(select(MessageRule.kind).where(MessageRule.tenant_id == tx.tenant, MessageRule.id == rule_id))
    kind = found.one_or_none()
    if kind is None:
        raise NotFound("MessageRule")
    return NotificationKind(kind)


async def template(
    tx: ReadTx, kind: NotificationKind, channel: NotificationChannel, locale: str, rule_id: UUID | None = None
) -> NotificationTemplate | None:
    """The tenant's own text for one kind, channel and language: for all such messages, or for one rule's."""
    return (await tx.exec(_template(tx, kind, channel, locale, rule_id))).one_or_none()


async def lock_template(
    tx: WriteTx, kind: NotificationKind, channel: NotificationChannel, locale: str, rule_id: UUID | None = None
) -> NotificationTemplate | None:
    """The same, held until the transaction ends."""
    statement = _template(tx, kind, channel, locale, rule_id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    return found.one_or_none()


def _template(
    tx: ReadTx, kind: NotificationKind, channel: NotificationChannel, locale: str, rule_id: UUID | None
) -> SelectOfScalar[NotificationTemplate]:
    return select(NotificationTemplate).where(
        NotificationTemplate.tenant_id == tx.tenant,
        NotificationTemplate.kind == kind,
        NotificationTemplate.channel == channel,
        NotificationTemplate.locale == locale,
        col(NotificationTemplate.rule_id).is_not_distinct_from(rule_id),
    )
