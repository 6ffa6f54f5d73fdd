"""Every statement about notifications and their templates. Those about who is told are in `telling/`."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.core.db import ReadTx, WriteTx
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
