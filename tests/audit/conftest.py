"""A database where anybody may be an intruder: the owner's role is at hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.audit.verification import Verdict, verify
from app.core.events.seals import Head, sealing_key
from app.settings import Settings
from tests.support.api import Api

Tamper = Callable[..., Awaitable[Any]]
Verify = Callable[..., Awaitable[Verdict]]


@pytest.fixture
async def tamper(migrated_settings: Settings) -> AsyncIterator[Tamper]:
    """Runs a statement as somebody who administers the database: no policy and no grant is in the way."""
    assert migrated_settings.database_url is not None
    connection = await asyncpg.connect(migrated_settings.database_url.replace("postgresql+asyncpg://", "postgresql://"))
    try:
        yield connection.fetch
    finally:
        await connection.close()


@pytest.fixture
async def check(api: Api, migrated_settings: Settings) -> Verify:
    """Waits until everything is sealed, then verifies a tenant."""

    async def sealed(tenant_id: UUID, noted: Head | None = None, key: bytes | None = None) -> Verdict:
        async with asyncio.timeout(10):
            while True:
                verdict = await verify(
                    api.runtime.dbs.system, key or sealing_key(migrated_settings.secret), tenant_id, noted
                )
                if verdict.unsealed_count == 0:
                    return verdict
                await asyncio.sleep(0.02)

    return sealed
