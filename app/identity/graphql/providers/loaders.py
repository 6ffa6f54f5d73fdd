"""Reads behind providers and whom they know, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity.graphql.providers.types import IdentityProvider, UserIdentity
from app.identity.permissions import Permission
from app.identity.providers import models, repository


def providers_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.IdentityProvider]:
    """Providers by id; for what points to one."""

    async def load(ids: list[UUID]) -> Sequence[models.IdentityProvider | NotFound]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [found.get(id) or NotFound("IdentityProvider") for id in ids]

    return DataLoader(load, cache=False)


def identities_of_users(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[UserIdentity]]:
    """By whom users are known."""

    async def load(ids: list[UUID]) -> Sequence[list[UserIdentity]]:
        async with context.read(tenant_id) as tx:
            found = await repository.identities_of(tx, ids)
        return [[UserIdentity.of(row) for row in found[id]] for id in ids]

    return DataLoader(load, cache=False)


async def provider_node(context: Context, ref: Ref) -> IdentityProvider:
    """A provider by node id."""
    context.actor.require_in(ref.tenant_id, Permission.PROVIDER_READ)
    return IdentityProvider.of(await context.loader(providers_by_id, ref.tenant_id).load(ref.id))


async def identity_node(context: Context, ref: Ref) -> UserIdentity:
    """An identity by node id: one's own, or with `user:read`."""
    actor = context.actor
    if actor.tenant_id != ref.tenant_id:
        # Nobody else's business; and whoever may see none need not learn that there is one.
        actor.require_in(ref.tenant_id, Permission.USER_READ)
    async with context.read(ref.tenant_id) as tx:
        row = await repository.identity(tx, ref.id)
    if row is None or row.user_id != actor.id:
        actor.require_in(ref.tenant_id, Permission.USER_READ)
    if row is None:
        raise NotFound("UserIdentity")
    return UserIdentity.of(row)
