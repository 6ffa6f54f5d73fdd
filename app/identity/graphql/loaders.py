"""Reads behind users, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.actor import ActorKind
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity import repository
from app.identity.graphql.api_keys.loaders import keys_by_id
from app.identity.graphql.api_keys.types import ApiKey
from app.identity.graphql.types import User, Visitor
from app.identity.permissions import Permission


def users_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, User | None]:
    """Users by id. The type itself hides what the asker may not see."""

    async def load(ids: list[UUID]) -> Sequence[User | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.by_ids(tx, ids)
        return [User.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


async def load_viewer(context: Context) -> User | Visitor | ApiKey | None:
    """Who is asking; None for strangers."""
    actor = context.actor
    if actor.tenant_id is None or actor.id is None:
        return None
    if actor.kind is ActorKind.VISITOR:
        return Visitor(ref=Ref(actor.tenant_id, actor.id))
    if actor.kind is ActorKind.API_KEY:
        return await context.loader(keys_by_id, actor.tenant_id).load(actor.id)
    return await context.loader(users_by_id, actor.tenant_id).load(actor.id)


async def user_node(context: Context, ref: Ref) -> User:
    """A user by node id: oneself, or with `user:read`."""
    if context.actor.id != ref.id:
        context.actor.require_in(ref.tenant_id, Permission.USER_READ)
    user = await context.loader(users_by_id, ref.tenant_id).load(ref.id)
    if user is None:
        raise NotFound("User")
    return user
