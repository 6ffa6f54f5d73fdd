"""Databases of this worker's own server, without what earlier tests left to do."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Databases
from app.settings import Settings
from tests.jobs.support import NOON, databases, forget


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def dbs(migrated_settings: Settings, clock: ManualClock) -> AsyncIterator[Databases]:
    async with databases(migrated_settings, clock) as opened:
        await forget(opened)
        yield opened
        await forget(opened)
