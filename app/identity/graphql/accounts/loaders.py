"""Reads behind sign-ins and invitations, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.errors import NotFound
from app.core.ids import Ref
from app.identity import repository as users
from app.identity.accounts import repository
from app.identity.accounts.errors import RegistrationClosed
from app.identity.graphql.accounts.types import Invitation, Login
from app.identity.permissions import Permission
from app.tenants.graphql.loaders import addressed


def invitations_by_id(context: Context, tenant_id: UUID) -> DataLoader[UUID, Invitation | None]:
    """Invitations by id."""

    async def load(ids: list[UUID]) -> Sequence[Invitation | None]:
        async with context.read(tenant_id) as tx:
            found = await repository.invitations_by_ids(tx, ids)
        return [Invitation.of(found[id]) if id in found else None for id in ids]

    return DataLoader(load, cache=False)


async def invitation_node(context: Context, ref: Ref) -> Invitation:
    """An invitation by node id, with `user:read`."""
    context.actor.require_in(ref.tenant_id, Permission.USER_READ)
    found = await context.loader(invitations_by_id, ref.tenant_id).load(ref.id)
    if found is None:
        raise NotFound("Invitation")
    return found


async def login_node(context: Context, ref: Ref) -> Login:
    """One of one's own sign-ins by node id; nobody else's."""
    actor = context.actor
    if actor.tenant_id != ref.tenant_id or actor.login_id is None:
        raise NotFound("Login")
    async with context.read(ref.tenant_id) as tx:
        found = await users.login(tx, ref.id)
    if found is None or found.user_id != actor.id:
        raise NotFound("Login")
    return Login.of(found, context)


async def open_tenant(context: Context, slug: str | None) -> UUID:
    """The tenant strangers mean, by slug or by the host they ask. `NotFound` if there is none, `TenantClosed`."""
    tenant = await addressed(context, slug)
    if tenant is None:
        raise NotFound("Tenant")
    await context.enter(tenant.id)
    return tenant.id


async def tenant_to_register_with(context: Context, slug: str | None) -> UUID:
    """The same; where there is none nobody can register, as with one that lets nobody: `RegistrationClosed`."""
    try:
        return await open_tenant(context, slug)
    except NotFound:
        raise RegistrationClosed from None
