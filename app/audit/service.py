"""What can be asked of the log as evidence: pages of entries, the newest seals, a verification. Changes nothing."""

from uuid import UUID

from app.audit import repository
from app.audit.verification import Verdict, verify
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.events.seals import GENESIS, Head, sealing_key
from app.settings import Settings


async def verify_all(settings: Settings, slug: str | None, noted: Head | None = None) -> dict[str, Verdict]:
    """The verdict on every tenant's log, or on one's, by slug; empty if there is no such tenant."""
    system = _system(settings)
    try:
        key = sealing_key(settings.secret)
        return {each: await verify(system, key, tenant_id, noted) for each, tenant_id in await _tenants(system, slug)}
    finally:
        await system.dispose()


async def heads(settings: Settings, slug: str | None) -> dict[str, Head]:
    """The newest seal of every tenant's log, or of one's, by slug."""
    system, found = _system(settings), {}
    try:
        for each, tenant_id in await _tenants(system, slug):
            async with system.read(tenant_id) as tx:
                newest = await repository.head(tx)
            found[each] = GENESIS if newest is None else Head(newest.number, newest.seal)
    finally:
        await system.dispose()
    return found


def _system(settings: Settings) -> Database:
    return Database(role_url(settings, SYSTEM_ROLE), pool_size=1, name="vq-audit")


async def _tenants(system: Database, slug: str | None) -> list[tuple[str, UUID]]:
    async with system.read(None) as tx:
        return await repository.tenants(tx, slug)
