"""Reads behind custom roles, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity.graphql.roles.types import CustomRole
from app.identity.permissions import Permission
from app.identity.roles import models, repository


def roles_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, models.CustomRole | None]:
    """Custom roles by id, as rows: whoever asks decides what may be shown of them."""

    async def load(ids: list[UUID]) -> Sequence[models.CustomRole | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, cache=False)


def users_of_roles(context: Context, tenant_id: UUID) -> DataLoader[UUID, int]:
    """How many users have each role."""

    async def load(ids: list[UUID]) -> Sequence[int]:
        async with context.read(tenant_id) as tx:
            counted = await repository.user_counts(tx, ids)
        return [counted[id] for id in ids]

    return DataLoader(load, cache=False)


def may_see_roles(context: Context, tenant_id: UUID) -> bool:
    """Whether the roles of a tenant are open to the caller."""
    return context.actor.may_in(tenant_id, Permission.ROLE_READ)


async def custom_role_node(context: Context, ref: Ref) -> CustomRole:
    """A custom role by node id, with `role:read`."""
    context.actor.require_in(ref.tenant_id, Permission.ROLE_READ)
    row = await context.loader(roles_by_id, ref.tenant_id).load(ref.id)
    if row is None:
        raise NotFound("CustomRole")
    return CustomRole.of(row)
