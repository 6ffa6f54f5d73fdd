"""A database of the background tests' own, without what earlier tests left to do."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Databases
from app.settings import Settings
from tests.jobs.support import NOON, databases, forget
from tests.servers import own_database


@pytest.fixture(scope="session")
def settings(migrated_settings: Settings) -> Settings:
    """Not the API tests' database: a relay serves a whole database, and theirs would take these tests' events."""
    return own_database(migrated_settings, "background")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def dbs(settings: Settings, clock: ManualClock) -> AsyncIterator[Databases]:
    async with databases(settings, clock) as opened:
        await forget(opened, settings)
        yield opened
        await forget(opened, settings)
