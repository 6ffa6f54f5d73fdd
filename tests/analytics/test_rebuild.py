"""Counting anew: what is broken off is gone on with, readers see the old figures meanwhile, errors are put right."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.analytics.rebuild import Progress, Rebuilding, Step
from app.core.clock import ManualClock
from app.queues import service as queues
from app.settings import Settings
from tests.analytics.counting import FACT_MONTHS, Counting, added_up, counting, without_time
from tests.analytics.lives import Life, open_life
from tests.metered.world import Opened, open_worlds
from tests.servers import own_database

NOON = datetime(2026, 7, 1, 11, 40, tzinfo=UTC)


@pytest.fixture
async def opened(migrated_settings: Settings) -> AsyncIterator[Opened]:
    """A database of the test's own."""
    worlds = await open_worlds(own_database(migrated_settings, "rebuild"))
    yield worlds
    for db in worlds.databases:
        await db.dispose()


@pytest.fixture
async def counts(opened: Opened) -> AsyncIterator[Counting]:
    """Its fold."""
    made = counting(opened.settings, ManualClock(NOON))
    yield made
    await made.system.dispose()


@pytest.fixture
async def life(opened: Opened, counts: Counting) -> Life:
    """A queue in which much has happened, and is counted."""
    life = await open_life(opened, ManualClock(NOON), 3, ["UTC"])
    await life.go_on(50)
    await counts.fold()
    return life


async def test_a_rebuild_that_was_broken_off_is_gone_on_with_and_puts_right_what_was_wrong(
    counts: Counting, life: Life
) -> None:
    tenant_id, (queue_id,) = life.tenant_id, life.queue_ids
    right = await counts.rollups(tenant_id), await counts.facts(tenant_id, queue_id)
    async with counts.system.write(tenant_id) as tx:
        await tx.rows(
            "delete from analytics_rollups where scope_id = $1 and grain = 'DAY' and dimension = 'ALL'", queue_id
        )
        await tx.rows(
            "update analytics_rollups set entered = entered + 5 where scope_id = $1 and grain = 'HOUR'", tenant_id
        )
        await tx.rows("update session_facts set called_at = null where called_at is not null")
    wrong = await counts.rollups(tenant_id), await counts.facts(tenant_id, queue_id)
    assert wrong[0] != right[0]
    assert wrong[1] != right[1]

    first = Rebuilding(counts.system, FACT_MONTHS, portion=7)
    await first.ask(tenant_id, [queue_id])
    (_, _, length) = (await first.wanted(None, None))[0]
    assert await first.step(tenant_id, queue_id) == Step(7, length)
    assert (await counts.rollups(tenant_id), await counts.facts(tenant_id, queue_id)) == wrong

    # Another process, later.
    told: list[int] = []
    second = Rebuilding(counts.system, FACT_MONTHS, portion=20)
    done = await second.rebuild(await second.wanted(None, None), lambda progress: told.append(progress.events_done))
    assert isinstance(done, Progress)
    assert done.differences > 0
    assert told == sorted(told)
    assert told[0] == 27, "what was done before is not done again"
    assert told[-1] == length
    assert (await counts.rollups(tenant_id), await counts.facts(tenant_id, queue_id)) == right
    again = await second.rebuild(await second.wanted(None, None), lambda _: None)
    assert again.differences == 0
    assert await second.step(tenant_id, queue_id) is None, "none is under way"


async def test_a_queue_that_is_moved_to_another_time_zone_is_counted_by_its_new_clock(
    counts: Counting, life: Life
) -> None:
    tenant_id, (queue_id,) = life.tenant_id, life.queue_ids
    async with life.db.write(tenant_id) as tx:
        await queues.update(tx, queue_id, {"time_zone": "Asia/Kolkata"})
    await counts.fold()
    facts = await counts.facts(tenant_id, queue_id)
    assert without_time(await counts.rollups(tenant_id, queue_id)) == without_time(added_up(queue_id, "UTC", facts))
    rebuilding = Rebuilding(counts.system, FACT_MONTHS)
    assert await rebuilding.go_on()
    assert not await rebuilding.go_on()
    rows = await counts.rollups(tenant_id)
    assert without_time({key: row for key, row in rows.items() if key.scope_id == queue_id}) == without_time(
        added_up(queue_id, "Asia/Kolkata", facts)
    )
    hours = [key for key in rows if key.grain == "HOUR"]
    assert {key.begins_at.minute for key in hours if key.scope_id == queue_id} == {30}
    own = {key.begins_at: row.local_at for key, row in rows.items() if key.scope_id == tenant_id}
    assert set(own) == {row.local_at for row in rows.values()}, "the tenant's as well, by the wall's clock"
    assert own == {at: at for at in own}
    # What comes next is counted by the same clock.
    await life.go_on(5)
    await counts.fold()
    assert (await counts.rebuild(tenant_id, queue_id)).differences == 0


async def test_rebuilds_take_turns_and_one_that_cannot_be_done_stops_no_other(
    opened: Opened, counts: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await open_life(opened, ManualClock(NOON), 4, ["UTC", "UTC"])
    await life.go_on(20)
    await counts.fold()
    rebuilding = Rebuilding(counts.system, FACT_MONTHS)
    await rebuilding.ask(life.tenant_id, list(life.queue_ids))
    step, turns = rebuilding.step, []

    async def fails_at_first(tenant_id: UUID, queue_id: UUID) -> Step | None:
        turns.append(queue_id)
        if len(turns) == 1:
            raise RuntimeError
        return await step(tenant_id, queue_id)

    monkeypatch.setattr(rebuilding, "step", fails_at_first)
    with pytest.raises(RuntimeError):
        await rebuilding.go_on(0)
    # One portion and no more: whoever keeps figures current is waiting.
    assert await rebuilding.go_on(0)
    assert await rebuilding.go_on(0)
    assert not await rebuilding.go_on(0)
    first, second = sorted(life.queue_ids)
    assert turns == [first, second, first]


async def test_a_rebuild_ends_although_its_queue_is_never_at_rest(
    counts: Counting, life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, (queue_id,) = life.tenant_id, life.queue_ids
    rebuilding = Rebuilding(counts.system, FACT_MONTHS)
    fold_held, portions = rebuilding._folding.fold_held, 0

    async def meanwhile(*given: Any) -> Any:
        nonlocal portions
        portions += 1
        assert portions < 10, "it would go on as long as the queue does"
        # It is counted as well, before the rebuild holds the cursor: there is something to catch up with.
        found = await fold_held(*given)
        await life.go_on(5)
        if portions == 1:
            await counts.fold()
        return found

    monkeypatch.setattr(rebuilding._folding, "fold_held", meanwhile)
    await rebuilding.ask(tenant_id, [queue_id])
    done = await rebuilding.step(tenant_id, queue_id)
    assert done is not None
    assert done.differences == 0
    assert portions == 2
    await counts.fold()
    assert (await counts.rebuild(tenant_id, queue_id)).differences == 0
