"""An application whose time the tests move, and a gate in it."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.settings import Settings
from tests.admission.gate import Gate, open_gate, start
from tests.support.api import Api, Business, open_api


@pytest.fixture(scope="session")
async def clock() -> ManualClock:
    """The time, which stands still."""
    return ManualClock(start())


@pytest.fixture(scope="session")
async def timed(migrated_settings: Settings, clock: ManualClock) -> AsyncIterator[Api]:
    """The application by that time; staff stays signed in while tests let it pass."""
    settings = migrated_settings.model_copy(update={"access_token_seconds": 365 * 86_400})
    async with open_api(settings, clock) as opened:
        yield opened


@pytest.fixture
async def shop(timed: Api) -> Business:
    """A tenant of the test's own."""
    return await timed.new_business()


@pytest.fixture
async def gate(shop: Business, clock: ManualClock) -> Gate:
    """A METERED queue for two at once."""
    return await open_gate(shop, clock)


@pytest.fixture
async def other(timed: Api) -> Business:
    """Another tenant."""
    return await timed.new_business()
