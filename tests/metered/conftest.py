"""A metered queue under a clock that the test moves."""

from collections.abc import AsyncIterator

import pytest

from tests.metered.world import Opened, World
from tests.support.api import Business


@pytest.fixture
async def opened(business: Business) -> AsyncIterator[Opened]:
    """Makes worlds, of one tenant; their connections end with the test."""
    worlds = Opened(business)
    yield worlds
    for db in worlds.databases:
        await db.dispose()


@pytest.fixture
async def world(opened: Opened) -> World:
    """Two places, one release a second, and a minute for each timer."""
    return await opened.world(
        max_concurrent_users=2,
        release_rate_per_minute=60,
        claim_seconds=60,
        stay_seconds=60,
    )
