"""Metered queues under a clock that the test moves."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.metered.world import Opened, World, open_worlds


@pytest.fixture
async def opened(migrated_settings: Settings) -> AsyncIterator[Opened]:
    """Makes worlds, of one tenant; their connections end with the test."""
    worlds = await open_worlds(migrated_settings)
    yield worlds
    for db in worlds.databases:
        await db.dispose()


@pytest.fixture
async def world(opened: Opened) -> World:
    """Two places, one release a second, and a minute for the claim window and for the stay."""
    return await opened.world(max_concurrent_users=2, release_rate_per_minute=60, claim_seconds=60, stay_seconds=60)
