"""Every statement about the providers of messages and how they are doing."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.notifications.models import NotificationChannel
from app.notifications.providers.models import MessageProvider, MessageProviderHealth
from app.notifications.providers.rules import Health

_ADD_HEALTH = """
    insert into message_provider_health (tenant_id, id, failures) values ($1, $2, 0) on conflict do nothing
"""
_HOLD_HEALTH = """
    select failures, paused_until, turn_at, last_error, last_error_at from message_provider_health
    where tenant_id = $1 and id = $2 for no key update
"""
_PUT_HEALTH = """
    update message_provider_health
    set failures = $3, paused_until = $4, turn_at = $5, last_error = $6, last_error_at = $7
    where tenant_id = $1 and id = $2
"""
_FORGET_HEALTH = "delete from message_provider_health where tenant_id = $1 and id = $2"


async def listed(tx: ReadTx) -> Sequence[MessageProvider]:
    """The tenant's providers, in the order in which they are tried."""
    found = await tx.exec(
        select(MessageProvider)
        .where(MessageProvider.tenant_id == tx.tenant)
        .order_by(col(MessageProvider.try_order), col(MessageProvider.created_at), col(MessageProvider.id))
    )
    return found.all()


async def enabled_for(tx: ReadTx, channel: NotificationChannel) -> Sequence[MessageProvider]:
    """Those that are switched on and carry a channel, in the order in which they are tried."""
    return [each for each in await listed(tx) if each.enabled and channel in each.channels]


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, MessageProvider]:
    """Providers of the tenant by id."""
    found = await tx.exec(
        select(MessageProvider).where(MessageProvider.tenant_id == tx.tenant, col(MessageProvider.id).in_(ids))
    )
    return {provider.id: provider for provider in found}


async def find(tx: ReadTx, provider_id: UUID) -> MessageProvider | None:
    """A provider of the tenant, if there is one."""
    return await tx.get(MessageProvider, (tx.tenant, provider_id))


async def lock(tx: WriteTx, provider_id: UUID) -> MessageProvider:
    """A provider, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(MessageProvider)
        .where(MessageProvider.tenant_id == tx.tenant, MessageProvider.id == provider_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    provider = found.one_or_none()
    if provider is None:
        raise NotFound("MessageProvider")
    return provider


async def count(tx: ReadTx) -> int:
    """How many providers the tenant has."""
    found = await tx.exec(
        select(func.count()).select_from(MessageProvider).where(MessageProvider.tenant_id == tx.tenant)
    )
    return found.one()


async def delete(tx: WriteTx, provider: MessageProvider) -> None:
    """Remove a provider and what is known of how it was doing."""
    await tx.delete(provider)
    await tx.flush()
    await forget_health(tx, provider.id)


async def health_of(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, Health]:
    """How providers are doing, by id."""
    found = await tx.exec(
        select(MessageProviderHealth).where(
            MessageProviderHealth.tenant_id == tx.tenant, col(MessageProviderHealth.id).in_(ids)
        )
    )
    known = {
        row.id: Health(row.failures, row.paused_until, row.turn_at, row.last_error, row.last_error_at) for row in found
    }
    return {id: known.get(id, Health()) for id in ids}


async def hold_health(tx: WriteTx, id: UUID) -> Health:
    """How a provider is doing, held until the block ends; whoever asks meanwhile waits."""
    rows = await tx.rows(_HOLD_HEALTH, tx.tenant, id)
    if not rows:
        await tx.rows(_ADD_HEALTH, tx.tenant, id)
        rows = await tx.rows(_HOLD_HEALTH, tx.tenant, id)
    return Health(*rows[0]) if rows else Health()


async def put_health(tx: WriteTx, id: UUID, health: Health) -> None:
    """Write down how a provider is doing that is held."""
    await tx.rows(
        _PUT_HEALTH,
        tx.tenant,
        id,
        health.failures,
        health.paused_until,
        health.turn_at,
        health.last_error,
        health.last_error_at,
    )


async def forget_health(tx: WriteTx, id: UUID) -> None:
    """As if it had never failed: it was changed, or deleted."""
    await tx.rows(_FORGET_HEALTH, tx.tenant, id)
