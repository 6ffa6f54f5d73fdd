"""From a queue's log to visits and roll-ups, through the database: exactly once, whoever folds and however often.

No relay runs beside these: what counts is the log, not who has relayed it.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

import pytest

from app.analytics import worker as analytics
from app.analytics.folding import Folding
from app.core.clock import ManualClock
from app.sessions import service
from app.settings import Settings
from tests.analytics.counting import Counting, added_up, counting, of_tenant, without_time
from tests.analytics.lives import open_life
from tests.metered.world import START, Opened, open_worlds
from tests.servers import own_database

# The night in which Berlin's clocks are put back: 0:00 UTC and 1:00 UTC are both two o'clock.
BERLIN_NIGHT = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)


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
    made = counting(opened.settings, ManualClock(BERLIN_NIGHT))
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


async def test_whatever_is_done_in_whichever_order_is_counted_as_it_is_when_counted_anew(
    opened: Opened, counts: Counting
) -> None:
    """Folded in portions of any size by two workers at once, some of them broken off in the middle."""
    random = Random(1)
    life = await open_life(opened, ManualClock(BERLIN_NIGHT), 1, ["Europe/Berlin", "America/St_Johns"])
    workers = [Folding(counts.system), Folding(counts.system)]
    for _ in range(8):
        await life.go_on(25)
        portion = random.randint(1, 30)
        folds = [asyncio.create_task(each.fold(life.tenant_id, life.queue_ids, portion)) for each in workers]
        for _ in range(random.randrange(40)):
            await asyncio.sleep(0)
        random.choice(folds).cancel()
        for ended in await asyncio.gather(*folds, return_exceptions=True):
            assert isinstance(ended, int | asyncio.CancelledError), ended
    assert life.happened > 100
    await counts.fold()
    assert await counts.fold() == 0, "everything is counted, and nothing twice"
    for queue_id, time_zone in zip(life.queue_ids, ["Europe/Berlin", "America/St_Johns"], strict=True):
        facts = await counts.facts(life.tenant_id, queue_id)
        rows = await counts.rollups(life.tenant_id, queue_id)
        assert without_time(rows) == without_time(added_up(queue_id, time_zone, facts))
        assert await counts.by_hand(life.tenant_id, queue_id) == counts.summed(rows)
    own = await counts.rollups(life.tenant_id, life.tenant_id)
    for queue_id in life.queue_ids:
        # From 0 to the end, in portions of another size, and nothing is other than before.
        assert (await counts.rebuild(life.tenant_id, queue_id)).differences == 0
    assert await counts.rollups(life.tenant_id, life.tenant_id) == own


async def test_queues_with_news_all_the_time_keep_no_other_waiting(
    opened: Opened, counts: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analytics, "_LOOKED_AT", 1)
    clock = ManualClock(START)
    worlds = [await opened.world(clock) for _ in range(3)]
    for world in worlds:
        await world.crowd(1)
    worker = counts.worker()
    for _ in worlds:
        assert await worker.fold_new() > 0
        for world in worlds:
            await world.crowd(1)
    assert [len(await counts.facts(*world.queue)) > 0 for world in worlds] == [True, True, True]
    # From the beginning again.
    assert await worker.fold_new() > 0
