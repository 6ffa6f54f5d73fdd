"""The background tests' database, a mail server, and a business that uses both."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Databases
from app.settings import Settings
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.sink import Sink
from tests.notifications.sink import sink as open_sink
from tests.notifications.world import World
from tests.notifications.world import world as open_world

__all__ = ["clock", "dbs", "settings"]


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with open_sink() as opened:
        yield opened


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock, sink: Sink) -> AsyncIterator[World]:
    """E-mail goes to the sink."""
    there = settings.model_copy(update={"smtp_url": sink.url, "smtp_from": "Bäckerei <no-reply@shop.example>"})
    async with open_world(there, dbs, clock) as opened:
        yield opened
