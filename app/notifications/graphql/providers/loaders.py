"""Reads behind the providers of messages, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.notifications.graphql.providers.types import MessageProvider
from app.notifications.providers import models, repository
from app.notifications.providers.rules import Health


def message_providers_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.MessageProvider]:
    """Providers by id; for what points to one."""

    async def load(ids: list[UUID]) -> Sequence[models.MessageProvider | NotFound]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [found.get(id) or NotFound("MessageProvider") for id in ids]

    return DataLoader(load, cache=False)


def health_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, Health]:
    """How providers are doing."""

    async def load(ids: list[UUID]) -> Sequence[Health]:
        async with context.read(tenant_id) as tx:
            found = await repository.health_of(tx, ids)
        return [found[id] for id in ids]

    return DataLoader(load, cache=False)


async def message_provider_node(context: Context, ref: Ref) -> MessageProvider:
    """A provider by node id."""
    context.actor.require_in(ref.tenant_id, Permission.MESSAGE_PROVIDER_READ)
    return MessageProvider.of(await context.loader(message_providers_by_id, ref.tenant_id).load(ref.id))
