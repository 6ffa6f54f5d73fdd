"""Every statement about providers, whom they know, and who has just come back from one."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, delete, func, select

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.personal.sealed import sealed
from app.identity.providers.models import IdentityProvider, ProviderProof, UserIdentity


async def listed(tx: ReadTx) -> Sequence[IdentityProvider]:
    """The tenant's providers, by name."""
    found = await tx.exec(
        select(IdentityProvider)
        .where(IdentityProvider.tenant_id == tx.tenant)
        .order_by(col(IdentityProvider.name), col(IdentityProvider.id))
    )
    return found.all()


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, IdentityProvider]:
    """Providers of the tenant by id."""
    found = await tx.exec(
        select(IdentityProvider).where(IdentityProvider.tenant_id == tx.tenant, col(IdentityProvider.id).in_(ids))
    )
    return {provider.id: provider for provider in found}


async def find(tx: ReadTx, provider_id: UUID) -> IdentityProvider | None:
    """A provider of the tenant, if there is one."""
    return await tx.get(IdentityProvider, (tx.tenant, provider_id))


async def by_slug(tx: ReadTx, slug: str) -> IdentityProvider | None:
    """A provider of the tenant by slug."""
    found = await tx.exec(
        select(IdentityProvider).where(IdentityProvider.tenant_id == tx.tenant, IdentityProvider.slug == slug)
    )
    return found.one_or_none()


async def lock(tx: WriteTx, provider_id: UUID) -> IdentityProvider:
    """A provider, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(IdentityProvider)
        .where(IdentityProvider.tenant_id == tx.tenant, IdentityProvider.id == provider_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    provider = found.one_or_none()
    if provider is None:
        raise NotFound("IdentityProvider")
    return provider


async def count(tx: ReadTx) -> int:
    """How many providers the tenant has."""
    found = await tx.exec(
        select(func.count()).select_from(IdentityProvider).where(IdentityProvider.tenant_id == tx.tenant)
    )
    return found.one()


async def delete_provider(tx: WriteTx, provider: IdentityProvider) -> None:
    """Remove a provider; whom it knows is no longer known by it."""
    await tx.delete(provider)
    await tx.flush()


async def identity(tx: ReadTx, identity_id: UUID) -> UserIdentity | None:
    """An identity of the tenant, if there is one."""
    return await tx.get(UserIdentity, (tx.tenant, identity_id))


async def known_by(tx: ReadTx, provider_id: UUID, subject: str) -> UserIdentity | None:
    """The identity of somebody a provider knows, as it is now."""
    found = await tx.exec(
        select(UserIdentity)
        .where(
            UserIdentity.tenant_id == tx.tenant,
            UserIdentity.provider_id == provider_id,
            sealed(UserIdentity.subject).matches(tx.tenant, subject),
        )
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def identities_of(tx: ReadTx, user_ids: Sequence[UUID]) -> dict[UUID, list[UserIdentity]]:
    """By whom users are known, oldest first."""
    found = await tx.exec(
        select(UserIdentity)
        .where(UserIdentity.tenant_id == tx.tenant, col(UserIdentity.user_id).in_(user_ids))
        .order_by(col(UserIdentity.linked_at), col(UserIdentity.id))
    )
    identities: dict[UUID, list[UserIdentity]] = {id: [] for id in user_ids}
    for identity in found:
        identities[identity.user_id].append(identity)
    return identities


async def count_ways_in(tx: ReadTx, user_id: UUID) -> int:
    """By how many providers that are switched on a user is known."""
    found = await tx.exec(
        select(func.count())
        .select_from(UserIdentity)
        .join(
            IdentityProvider,
            (col(IdentityProvider.tenant_id) == UserIdentity.tenant_id)
            & (col(IdentityProvider.id) == UserIdentity.provider_id),
        )
        .where(UserIdentity.tenant_id == tx.tenant, UserIdentity.user_id == user_id, col(IdentityProvider.enabled))
    )
    return found.one()


async def hold_proof(tx: WriteTx, code_hash: str) -> ProviderProof | None:
    """The proof a code is of, held until the transaction ends: of two who bring it one is first."""
    found = await tx.exec(
        select(ProviderProof)
        .where(ProviderProof.tenant_id == tx.tenant, ProviderProof.code_hash == code_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def forget_proofs(tx: WriteTx, user_id: UUID, provider_id: UUID) -> None:
    """Nobody fetches anything any more with what this provider has said about this user."""
    await tx.exec(
        delete(ProviderProof).where(
            col(ProviderProof.tenant_id) == tx.tenant,
            col(ProviderProof.user_id) == user_id,
            col(ProviderProof.provider_id) == provider_id,
        )
    )
