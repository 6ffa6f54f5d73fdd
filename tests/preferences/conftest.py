"""The background tests' database and clock, and a business on them."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Databases
from app.notifications.preferences.service import set_defaults
from app.settings import Settings
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.world import World
from tests.notifications.world import world as open_world

__all__ = ["clock", "dbs", "settings"]


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock) -> AsyncIterator[World]:
    """Whose channels are all in use, as those of a business that has set nothing."""
    async with open_world(settings, dbs, clock) as opened:
        async with dbs.app.write(opened.tenant_id) as tx:
            await set_defaults(tx, {"channels": None})
        yield opened
