"""Every statement about what people have chosen and about opt-outs."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlmodel import col, or_, select

from app.core.db import ReadTx, WriteTx
from app.core.ids import new_id
from app.core.personal.keys import keys_to_look_up
from app.notifications.models import NotificationChannel
from app.notifications.preferences.models import (
    NotificationDefaults,
    NotificationOptOut,
    NotificationPreferences,
    OptOutSource,
)
from app.notifications.preferences.rules import normal

Address = tuple[NotificationChannel, bytes]
"""A channel, and what an address there is recognised by."""


def index_of(tenant_id: UUID, channel: NotificationChannel, recipient: str) -> bytes:
    """What a recipient is recognised by; the same however it is written. Of a tenant whose block has begun."""
    place = f"{NotificationOptOut.__tablename__}.{channel}".encode()
    return keys_to_look_up(tenant_id).index(place, normal(channel, recipient).encode())


async def of_people(
    tx: ReadTx, session_ids: Collection[UUID], user_ids: Collection[UUID]
) -> Sequence[NotificationPreferences]:
    """What these visitors and users have chosen, as far as they have."""
    if not session_ids and not user_ids:
        return []
    found = await tx.exec(
        select(NotificationPreferences).where(
            NotificationPreferences.tenant_id == tx.tenant,
            or_(
                col(NotificationPreferences.session_id).in_(session_ids),
                col(NotificationPreferences.user_id).in_(user_ids),
            ),
        )
    )
    return found.all()


async def hold(tx: WriteTx, *, session_id: UUID | None, user_id: UUID | None) -> NotificationPreferences:
    """What somebody has chosen, held until the block ends; of revision 0 if it was nothing yet."""
    await tx.rows(
        "insert into notification_preferences"
        " (tenant_id, id, session_id, user_id, opted_out, revision, updated_at, updated_by)"
        " values ($1, $2, $3, $4, false, 0, $5, $6) on conflict do nothing",
        tx.tenant,
        new_id(),
        session_id,
        user_id,
        tx.now(),
        tx.actor.label,
    )
    of = NotificationPreferences.user_id == user_id
    if session_id is not None:
        of = NotificationPreferences.session_id == session_id
    statement = select(NotificationPreferences).where(NotificationPreferences.tenant_id == tx.tenant, of)
    return (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).one()


async def defaults(tx: ReadTx) -> NotificationDefaults | None:
    """What the tenant has set, if anything."""
    return await tx.get(NotificationDefaults, tx.tenant)


async def hold_defaults(tx: WriteTx) -> NotificationDefaults:
    """What the tenant has set, held until the block ends; of revision 0 if it was nothing yet."""
    await tx.rows(
        "insert into notification_defaults (tenant_id, more_time_places, revision, updated_at, updated_by)"
        " values ($1, 3, 0, $2, $3) on conflict do nothing",
        tx.tenant,
        tx.now(),
        tx.actor.label,
    )
    statement = select(NotificationDefaults).where(NotificationDefaults.tenant_id == tx.tenant)
    return (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).one()


async def opted_out(tx: ReadTx, addresses: Collection[Address]) -> set[Address]:
    """Which of these have opted out."""
    if not addresses:
        return set()
    found = await tx.rows(
        "select o.channel, o.recipient_index from notification_opt_outs o"
        " join unnest($2::text[], $3::bytea[]) as asked (channel, recipient_index)"
        " on o.channel = asked.channel and o.recipient_index = asked.recipient_index"
        " where o.tenant_id = $1 and o.opted_out",
        tx.tenant,
        [channel.value for channel, _ in addresses],
        [index for _, index in addresses],
    )
    return {(NotificationChannel(channel), bytes(index)) for channel, index in found}


async def opt_out_of(tx: ReadTx, address: Address) -> NotificationOptOut | None:
    """What is known of an address, if it ever opted out."""
    channel, index = address
    found = await tx.exec(
        select(NotificationOptOut).where(
            NotificationOptOut.tenant_id == tx.tenant,
            NotificationOptOut.channel == channel,
            NotificationOptOut.recipient_index == index,
        )
    )
    return found.one_or_none()


async def hold_opt_out(tx: WriteTx, address: Address, source: OptOutSource) -> NotificationOptOut:
    """An address's row, held until the block ends; of revision 0 if it is new."""
    channel, index = address
    await tx.rows(
        "insert into notification_opt_outs"
        " (tenant_id, id, channel, recipient_index, opted_out, source, revision, changed_at)"
        " values ($1, $2, $3, $4, false, $5, 0, $6) on conflict do nothing",
        tx.tenant,
        new_id(),
        channel.value,
        index,
        source.value,
        tx.now(),
    )
    statement = select(NotificationOptOut).where(
        NotificationOptOut.tenant_id == tx.tenant,
        NotificationOptOut.channel == channel,
        NotificationOptOut.recipient_index == index,
    )
    return (await tx.exec(statement.with_for_update().execution_options(populate_existing=True))).one()
