"""The house for the tests of identity."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.identity.house import House, open_house


@pytest.fixture
async def house(migrated_settings: Settings) -> AsyncIterator[House]:
    """One process's parts, with a clock of its own."""
    async with open_house(migrated_settings) as opened:
        yield opened
