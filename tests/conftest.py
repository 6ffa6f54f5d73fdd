"""The fixtures of the tests that go through the whole API: one application per worker, a fresh tenant per test."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import SystemClock
from app.settings import Settings
from tests.support.api import Api, Business, open_api

pytest_plugins = ["tests.servers"]


@pytest.fixture(scope="session")
async def api(migrated_settings: Settings) -> AsyncIterator[Api]:
    """The application with its lifespan running, and a relay beside it."""
    async with open_api(migrated_settings, SystemClock()) as opened:
        yield opened


@pytest.fixture
async def business(api: Api) -> Business:
    """A tenant of the test's own, with staff who are signed in."""
    return await api.new_business()
