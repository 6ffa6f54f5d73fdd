"""The tenant's rule for open counters changes: every queue counts again, without waiting for somebody's next shift."""

from collections.abc import AsyncIterator

import pytest

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.events import read_log
from app.counters.service import restaff
from app.queues import repository as queues
from app.queues.events import QUEUE
from app.settings import Settings
from app.tenants import service as tenants
from tests.jobs.conftest import clock, dbs, settings
from tests.notifications.world import World, world

__all__ = ["clock", "dbs", "settings"]


@pytest.fixture
async def shop(settings: Settings, dbs: Databases, clock: ManualClock) -> AsyncIterator[World]:
    async with world(settings, dbs, clock) as opened:
        yield opened


async def _open_counters(shop: World) -> tuple[int, list[str]]:
    """The count, and the types of all events of the queue."""
    async with shop.dbs.app.read(shop.tenant_id) as tx:
        line = (await queues.with_lines(tx, [shop.queue_id]))[shop.queue_id][1]
        return line.open_counter_count, [row.type for row in await read_log(tx, QUEUE, shop.queue_id, after=0)]


async def test_a_changed_rule_is_counted_by_at_once(shop: World) -> None:
    count, before = await _open_counters(shop)
    assert count == 1
    for required, expected in ((True, 0), (False, 1)):
        async with shop.dbs.app.write(shop.tenant_id, SYSTEM) as tx:
            await tenants.update(tx, shop.tenant_id, {"settings": {"shift_required": required}})
        assert "counters.restaff" in await shop.settle()
        assert (await _open_counters(shop))[0] == expected
    assert (await _open_counters(shop))[1] == [*before, "QUEUE_STAFFING_CHANGED", "QUEUE_STAFFING_CHANGED"]


async def test_counting_again_where_nothing_has_changed_is_no_event(shop: World) -> None:
    before = await _open_counters(shop)
    for _ in range(2):
        async with shop.dbs.app.write(shop.tenant_id, SYSTEM) as tx:
            await restaff(tx)
    assert await _open_counters(shop) == before
