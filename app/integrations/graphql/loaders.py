"""Reads behind integrations, fees and payments, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.integrations import models, repository
from app.integrations.graphql.types import Integration, Payment, QueueFee, SessionCustomer


def health_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.IntegrationHealth | None]:
    """How integrations do."""

    async def load(ids: list[UUID]) -> Sequence[models.IntegrationHealth | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.health_of(tx, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)


def fees_by_queue(context: Context, tenant_id: UUID) -> DataLoader[UUID, QueueFee | None]:
    """What joining queues costs."""

    async def load(ids: list[UUID]) -> Sequence[QueueFee | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.fees_of(tx, ids)
        return [QueueFee.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def payments_by_session(context: Context, tenant_id: UUID) -> DataLoader[UUID, Payment | None]:
    """Fees of sessions."""

    async def load(ids: list[UUID]) -> Sequence[Payment | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.payments_of(tx, ids)
            return [Payment.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def customers_by_session(context: Context, tenant_id: UUID) -> DataLoader[UUID, SessionCustomer | None]:
    """Who visitors are at the CRM."""

    async def load(ids: list[UUID]) -> Sequence[SessionCustomer | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.customers_of(tx, ids)
            return [SessionCustomer.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


async def integration_node(context: Context, ref: Ref) -> Integration:
    """An integration by node id."""
    context.actor.require_in(ref.tenant_id, Permission.INTEGRATION_READ)
    async with context.read(ref.tenant_id) as tx:
        return Integration.of(await repository.get(tx, ref.id))
