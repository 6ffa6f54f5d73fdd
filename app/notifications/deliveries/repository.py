"""Every statement about messages on their way: tries, reports, pages and how long they took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select, update

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.notifications.models import (
    EarlyReport,
    Notification,
    NotificationChannel,
    NotificationKind,
    NotificationStatus,
)

_PENDING = col(Notification.status) == NotificationStatus.PENDING


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages are looked for: those for which all that is given is true; `until` is not among them."""

    statuses: Sequence[NotificationStatus] | None = None
    channels: Sequence[NotificationChannel] | None = None
    kinds: Sequence[NotificationKind] | None = None
    queue_id: UUID | None = None
    session_id: UUID | None = None
    broadcast_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """How long messages of one channel took with one provider, in seconds; None where none got so far."""

    channel: NotificationChannel
    provider_id: UUID | None
    provider: str | None
    sent: int
    delivered: int
    to_sent_p50: float | None
    to_sent_p95: float | None
    to_delivered_p50: float | None
    to_delivered_p95: float | None


async def get(tx: ReadTx, notification_id: UUID) -> Notification:
    """A message of the tenant. `NotFound` otherwise."""
    found = await tx.get(Notification, (tx.tenant, notification_id), populate_existing=True)
    if found is None:
        raise NotFound("Notification")
    return found


async def lock(tx: WriteTx, notification_id: UUID) -> Notification:
    """The same, held until the transaction ends."""
    found = await tx.exec(
        select(Notification)
        .where(Notification.tenant_id == tx.tenant, Notification.id == notification_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("Notification")
    return row


async def start_hand_over(
    tx: WriteTx, row: Notification, now: datetime, provider_id: UUID | None, provider: str
) -> int | None:
    """Note that the message is being handed to a provider; the try's number, None if somebody else was faster.

    `row` is the message as the caller has read it: whoever hands it over again has to know that it is in doubt.
    """
    unchanged = (
        col(Notification.handed_over_at).is_(None)
        if row.handed_over_at is None
        else col(Notification.handed_over_at) == row.handed_over_at
    )
    found = await tx.exec(
        update(Notification)
        .where(
            col(Notification.tenant_id) == tx.tenant,
            col(Notification.id) == row.id,
            col(Notification.attempts) == row.attempts,
            _PENDING,
            unchanged,
        )
        .values(handed_over_at=now, attempts=Notification.attempts + 1, provider_id=provider_id, provider=provider)
        .returning(col(Notification.attempts))
    )
    number: int | None = found.scalar_one_or_none()
    return number


async def put_off(tx: WriteTx, row: Notification, *, error: str | None, in_doubt_since: datetime | None) -> bool:
    """Write down why it is not sent yet, and who may have it, if nobody has tried since; whether it was so."""
    changed = await tx.exec(
        update(Notification)
        .where(_is(tx, row.id), _PENDING, col(Notification.attempts) == row.attempts)
        .values(error=error, handed_over_at=in_doubt_since, provider_id=row.provider_id, provider=row.provider)
    )
    return changed.rowcount == 1


async def end(tx: WriteTx, notification_id: UUID, attempts: int, status: NotificationStatus, error: str) -> bool:
    """FAILED or SUPPRESSED, if nobody has tried since; whether it was so."""
    changed = await tx.exec(
        update(Notification)
        .where(_is(tx, notification_id), _PENDING, col(Notification.attempts) == attempts)
        .values(status=status, error=error)
    )
    return changed.rowcount == 1


async def take(tx: WriteTx, notification_id: UUID, now: datetime, provider_message_id: str | None) -> bool:
    """SENT: a provider has taken it. Whichever try that was, and whatever others have written meanwhile."""
    changed = await tx.exec(
        update(Notification)
        .where(
            _is(tx, notification_id),
            col(Notification.status).in_((NotificationStatus.PENDING, NotificationStatus.FAILED)),
        )
        .values(status=NotificationStatus.SENT, error=None, sent_at=now, provider_message_id=provider_message_id)
    )
    return changed.rowcount == 1


async def hold_reports(tx: WriteTx, provider_message_ids: Sequence[str]) -> None:
    """Wait for whoever writes about these messages of providers, and let others wait until the transaction ends."""
    await tx.rows(
        "select pg_advisory_xact_lock(hashtextextended($1 || number, 7)) from"
        " (select distinct unnest($2::text[]) as number order by 1) as held",
        str(tx.tenant),
        list(provider_message_ids),
    )


async def reported_on(
    tx: WriteTx, provider_id: UUID | None, provider_message_ids: Sequence[str]
) -> dict[str, Notification]:
    """The messages a provider calls so, held, by what it calls them."""
    found = await tx.exec(
        select(Notification)
        .where(
            Notification.tenant_id == tx.tenant,
            col(Notification.provider_id).is_not_distinct_from(provider_id),
            col(Notification.provider_message_id).in_(provider_message_ids),
        )
        .order_by(col(Notification.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {str(row.provider_message_id): row for row in found}


async def keep_early(tx: WriteTx, reports: Sequence[EarlyReport]) -> None:
    """Keep reports for whoever writes down that the messages were taken. Twice is once."""
    for each in reports:
        await tx.rows(
            "insert into early_reports (tenant_id, id, provider_id, provider_message_id, is_delivered, occurred_at,"
            " reason, is_gone, received_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
            tx.tenant,
            each.id,
            each.provider_id,
            each.provider_message_id,
            each.is_delivered,
            each.occurred_at,
            each.reason,
            each.is_gone,
            each.received_at,
        )


async def take_early(tx: WriteTx, provider_id: UUID | None, provider_message_id: str) -> Sequence[EarlyReport]:
    """What was reported before we knew; it is not kept any longer."""
    found = await tx.exec(
        select(EarlyReport)
        .where(
            EarlyReport.tenant_id == tx.tenant,
            col(EarlyReport.provider_id).is_not_distinct_from(provider_id),
            EarlyReport.provider_message_id == provider_message_id,
        )
        .order_by(col(EarlyReport.received_at), col(EarlyReport.id))
    )
    reports = found.all()
    for each in reports:
        await tx.delete(each)
    return reports


async def delete_early(tx: WriteTx, before: datetime) -> None:
    """Remove reports nobody has come for, of every tenant; needs a block of the platform."""
    await tx.rows("delete from early_reports where received_at < $1", before)


async def page(tx: ReadTx, request: PageRequest, wanted: Filter, *, newest_first: bool = False) -> Page[Notification]:
    """The tenant's messages that are looked for, in order of creation."""
    statement = select(Notification).where(Notification.tenant_id == tx.tenant)
    among = (
        (col(Notification.status), wanted.statuses),
        (col(Notification.channel), wanted.channels),
        (col(Notification.kind), wanted.kinds),
    )
    for column, values in among:
        if values is not None:
            statement = statement.where(column.in_(values))
    of = (
        (col(Notification.queue_id), wanted.queue_id),
        (col(Notification.session_id), wanted.session_id),
        (col(Notification.broadcast_id), wanted.broadcast_id),
    )
    for key, value in of:
        if value is not None:
            statement = statement.where(key == value)
    if wanted.since is not None:
        statement = statement.where(col(Notification.created_at) >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(col(Notification.created_at) < wanted.until)
    keys = [Notification.created_at, Notification.id]
    return await fetch_page(tx, statement, keys, request, newest_first=newest_first)  # type: ignore[arg-type]


async def counts(tx: ReadTx, broadcast_id: UUID) -> dict[NotificationStatus, int]:
    """How many messages of a broadcast are how far."""
    found = await tx.rows(
        "select status, count(*) from notifications where tenant_id = $1 and broadcast_id = $2 group by status",
        tx.tenant,
        broadcast_id,
    )
    return {NotificationStatus(status): number for status, number in found}


async def delays(tx: ReadTx, since: datetime, until: datetime) -> list[Delay]:
    """How long messages that became owed in a time took: from when they were due to being taken, and to arriving."""
    found = await tx.rows(
        """
        with taken as (
            select channel, provider_id, provider, delivered_at is not null as arrived,
                greatest(extract(epoch from sent_at - due_at), 0)::float as to_sent,
                greatest(extract(epoch from delivered_at - due_at), 0)::float as to_delivered
            from notifications
            where tenant_id = $1 and created_at >= $2 and created_at < $3 and sent_at is not null
        )
        select channel, provider_id, provider, count(*), count(*) filter (where arrived),
            percentile_cont(0.5) within group (order by to_sent),
            percentile_cont(0.95) within group (order by to_sent),
            percentile_cont(0.5) within group (order by to_delivered) filter (where arrived),
            percentile_cont(0.95) within group (order by to_delivered) filter (where arrived)
        from taken group by channel, provider_id, provider order by channel, provider, provider_id
        """,
        tx.tenant,
        since,
        until,
    )
    return [Delay(NotificationChannel(channel), *rest) for channel, *rest in found]


def _is(tx: ReadTx, notification_id: UUID) -> ColumnElement[bool]:
    return (col(Notification.tenant_id) == tx.tenant) & (col(Notification.id) == notification_id)
