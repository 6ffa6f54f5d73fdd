"""From a queue's log to visits and roll-ups, through the database: exactly once, whoever folds and however often."""

from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.sessions import service
from app.settings import Settings
from tests.analytics.counting import Counting, added_up, counting, of_tenant, without_time
from tests.metered.world import START, Opened, open_worlds
from tests.servers import own_database


@pytest.fixture
async def opened(migrated_settings: Settings) -> AsyncIterator[Opened]:
    """A database of the test's own: a fold serves a whole one."""
    worlds = await open_worlds(own_database(migrated_settings, "analytics"))
    yield worlds
    for db in worlds.databases:
        await db.dispose()


@pytest.fixture
async def counts(opened: Opened) -> AsyncIterator[Counting]:
    """Its fold."""
    made = counting(opened.settings, ManualClock(START))
    yield made
    await made.system.dispose()


async def test_what_happens_counts_in_its_own_hour_of_the_queue(opened: Opened, counts: Counting) -> None:
    clock = ManualClock(START)
    limits = {"max_concurrent_users": 2, "release_rate_per_minute": 60, "claim_seconds": 60, "stay_seconds": 60}
    world = await opened.world(clock, **limits, time_zone="Asia/Kolkata")
    crowd = await world.crowd(6)
    assert await counts.fold() > 0
    await world.after(3)
    await world.enter(crowd[0])
    await world.after(90)
    await world.do(service.cancel, crowd[5].id)
    await counts.fold()
    # From 17:30 to 18:23 on the wall: hours begin at half past, UTC.
    await world.after(3000)
    await counts.fold()
    facts = await counts.facts(*world.queue)
    assert [(fact.position, fact.outcome) for fact in facts] == [
        # Two were let in while they joined.
        (1, "STAY_OVER"),
        (1, "NO_SHOW"),
        (2, "NO_SHOW"),
        (3, None),
        (4, None),
        (5, "CANCELLED_BY_STAFF"),
    ]
    rows = await counts.rollups(world.queue.tenant_id)
    assert without_time(rows) == without_time(
        added_up(world.queue.id, "Asia/Kolkata", facts) | of_tenant(world.queue.tenant_id, "Asia/Kolkata", facts)
    )
    hours = {
        key.begins_at.strftime("%H:%M"): (row.local_at.hour, row.counts["waiting_ms"], row.waiting_max)
        for key, row in rows.items()
        if key.scope_id == world.queue.id and key.grain == "HOUR" and key.dimension == "ALL"
    }
    # 12:00:00 to 12:30, and on to 12:51:33: 2, then (after three seconds one) … of five at most.
    assert hours == {"11:30": (17, 3_789_000, 5), "12:30": (18, 2_586_000, 2)}
    assert (await counts.rebuild(*world.queue)).differences == 0
