"""Every statement about API keys and their secrets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, func, or_, select, update

from app.core.db import ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.identity.api_keys.models import ApiKey, ApiKeySecret
from app.tenants.models import Tenant, TenantStatus


async def page(tx: ReadTx, request: PageRequest) -> Page[ApiKey]:
    """The tenant's keys in order of creation, ended ones included."""
    statement = select(ApiKey).where(ApiKey.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [ApiKey.created_at, ApiKey.id], request)  # type: ignore[list-item]


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, ApiKey]:
    """Keys of the tenant by id."""
    found = await tx.exec(select(ApiKey).where(ApiKey.tenant_id == tx.tenant, col(ApiKey.id).in_(ids)))
    return {key.id: key for key in found}


async def lock(tx: WriteTx, key_id: UUID) -> ApiKey:
    """A key, held with its secrets until the transaction ends. `NotFound` otherwise."""
    # What an earlier verb of this block has changed must not be lost to the fresh read.
    await tx.flush()
    found = await tx.exec(
        select(ApiKey)
        .where(ApiKey.tenant_id == tx.tenant, ApiKey.id == key_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    key = found.one_or_none()
    if key is None:
        raise NotFound("ApiKey")
    return key


async def count_live(tx: ReadTx, now: datetime) -> int:
    """Keys that can still be used."""
    found = await tx.exec(
        select(func.count())
        .select_from(ApiKey)
        .where(
            ApiKey.tenant_id == tx.tenant,
            col(ApiKey.revoked_at).is_(None),
            or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now),
        )
    )
    return found.one()


async def secrets_of(tx: ReadTx, key_ids: Sequence[UUID], *, newest: int) -> dict[UUID, list[ApiKeySecret]]:
    """The newest secrets of each key, newest first."""
    place = func.row_number().over(
        partition_by=col(ApiKeySecret.api_key_id),
        order_by=(col(ApiKeySecret.created_at).desc(), col(ApiKeySecret.id)),
    )
    numbered = (
        select(col(ApiKeySecret.id), place.label("place"))
        .where(ApiKeySecret.tenant_id == tx.tenant, col(ApiKeySecret.api_key_id).in_(key_ids))
        .subquery()
    )
    found = await tx.exec(
        select(ApiKeySecret)
        .join(numbered, col(ApiKeySecret.id) == numbered.c.id)
        .where(ApiKeySecret.tenant_id == tx.tenant, numbered.c.place <= newest)
        .order_by(numbered.c.place)
    )
    secrets: dict[UUID, list[ApiKeySecret]] = {id: [] for id in key_ids}
    for secret in found:
        secrets[secret.api_key_id].append(secret)
    return secrets


async def good_secrets(tx: ReadTx, key_id: UUID, now: datetime) -> Sequence[ApiKeySecret]:
    """The secrets of a key that have not ended, oldest first."""
    found = await tx.exec(
        select(ApiKeySecret)
        .where(
            ApiKeySecret.tenant_id == tx.tenant,
            ApiKeySecret.api_key_id == key_id,
            or_(col(ApiKeySecret.ends_at).is_(None), col(ApiKeySecret.ends_at) > now),
        )
        .order_by(col(ApiKeySecret.created_at))
        .execution_options(populate_existing=True)
    )
    return found.all()


class KeyStanding(NamedTuple):
    """What every use of a key depends on, as it is now."""

    tenant_status: TenantStatus
    key_id: UUID
    secret_id: UUID
    secret_hash: str
    scopes: list[str]
    ends_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def standing(tx: ReadTx, prefix: str) -> KeyStanding | None:
    """How the key stands of which a secret begins like this; None if there is none. `ends_at` is the earlier end."""
    found = await tx.exec(
        select(Tenant.status, ApiKey, ApiKeySecret)
        .join(ApiKey, col(ApiKey.tenant_id) == Tenant.id)
        .join(
            ApiKeySecret,
            (col(ApiKeySecret.tenant_id) == ApiKey.tenant_id) & (col(ApiKeySecret.api_key_id) == ApiKey.id),
        )
        .where(Tenant.id == tx.tenant, ApiKeySecret.prefix == prefix)
    )
    row = found.one_or_none()
    if row is None:
        return None
    status, key, secret = row
    ends = [end for end in (key.expires_at, secret.ends_at) if end is not None]
    return KeyStanding(
        TenantStatus(status),
        key.id,
        secret.id,
        secret.secret_hash,
        key.scopes,
        min(ends, default=None),
        key.revoked_at,
        secret.last_used_at,
    )


async def note_use(tx: WriteTx, secret_id: UUID, now: datetime, at_most_every: timedelta) -> None:
    """Write down that a secret was used, unless that was done shortly before."""
    await tx.exec(
        update(ApiKeySecret)
        .where(
            col(ApiKeySecret.tenant_id) == tx.tenant,
            col(ApiKeySecret.id) == secret_id,
            or_(col(ApiKeySecret.last_used_at).is_(None), col(ApiKeySecret.last_used_at) <= now - at_most_every),
        )
        .values(last_used_at=now)
    )
