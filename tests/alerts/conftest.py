"""The business of the notification tests, with its mail server, and somebody who looks at it."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Databases
from app.settings import Settings
from tests.alerts.watch import Watch
from tests.notifications.conftest import clock, dbs, settings, sink
from tests.notifications.sink import Sink
from tests.notifications.world import World
from tests.notifications.world import world as open_world

__all__ = ["clock", "dbs", "settings", "sink"]


@pytest.fixture
async def world(settings: Settings, dbs: Databases, clock: ManualClock, sink: Sink) -> AsyncIterator[World]:
    """E-mail goes to the sink, and rooms of the staff's may be on this machine."""
    mine = {"smtp_url": sink.url, "smtp_from": "no-reply@shop.example", "outbound_networks": ("127.0.0.0/8",)}
    async with open_world(settings.model_copy(update=mine), dbs, clock) as opened:
        yield opened


@pytest.fixture
def watch(world: World, clock: ManualClock) -> Watch:
    return Watch(world, clock)
