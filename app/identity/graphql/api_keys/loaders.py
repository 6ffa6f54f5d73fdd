"""Reads behind API keys, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity.api_keys import repository, service
from app.identity.graphql.api_keys.types import ApiKey, ApiKeySecret
from app.identity.permissions import Permission

# All that can be good at once, and one more: the last that has ended.
_SHOWN = service.MAX_GOOD_SECRETS + 1


def keys_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, ApiKey | None]:
    """API keys by id."""

    async def load(ids: list[UUID]) -> Sequence[ApiKey | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [ApiKey.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


def secrets_of_keys(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[ApiKeySecret]]:
    """The newest secrets of API keys."""

    async def load(ids: list[UUID]) -> Sequence[list[ApiKeySecret]]:
        async with context.read(tenant_id) as tx:
            found = await repository.secrets_of(tx, ids, newest=_SHOWN)
        return [[ApiKeySecret.of(row) for row in found[id]] for id in ids]

    return DataLoader(load, cache=False)


async def api_key_node(context: Context, ref: Ref) -> ApiKey:
    """An API key by node id: itself, or with `api-key:read`."""
    if context.actor.id != ref.id:
        context.actor.require_in(ref.tenant_id, Permission.API_KEY_READ)
    key = await context.loader(keys_by_id, ref.tenant_id).load(ref.id)
    if key is None:
        raise NotFound("ApiKey")
    return key
