"""What the health of its site does to a line: slowed, stopped, started on a ramp, and every decision in the log."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.admission.errors import QueueNotMetered
from app.admission.health import service
from app.core.errors import InvalidInput, NotFound
from app.core.ids import new_id
from app.queues import repository
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.queues.models import FailureMode, OriginHealth, QueueMode
from app.sessions.metered.clockwork import settle_due
from tests.metered.world import Opened, World

UNKNOWN, HEALTHY, DEGRADED, DOWN = (
    OriginHealth.UNKNOWN,
    OriginHealth.HEALTHY,
    OriginHealth.DEGRADED,
    OriginHealth.DOWN,
)


@pytest.fixture
async def world(opened: Opened) -> World:
    """Sixty a minute, no cap; half of it while degraded; up again within a minute."""
    return await opened.world(release_rate_per_minute=60, health_stale_seconds=3600)


async def report(world: World, *seen: OriginHealth, detail: str | None = None) -> None:
    for health in seen:
        assert await world.do(service.report, world.queue.id, health, detail) is None


async def pass_by(world: World, seconds: float, step: float = 0.5) -> int:
    """How many were released while time went by, with the clockwork looking all along."""
    before = await release_count(world)
    for _ in range(round(seconds / step)):
        world.clock.advance(seconds=step)
        while await settle_due(world.db, world.queue):
            pass
    return await release_count(world) - before


async def release_count(world: World) -> int:
    async with world.db.read(world.queue.tenant_id) as tx:
        lines = await repository.with_lines(tx, [world.queue.id])
    return lines[world.queue.id][1].release_count


async def decisions(world: World) -> list[dict[str, Any]]:
    """What the log has of the site, without the counts."""
    kept = ("health", "before", "reason", "detail", "factor")
    return [
        {name: event.data[name] for name in kept}
        for event in (await world.stored()).events
        if event.type == "ORIGIN_HEALTH_CHANGED"
    ]


async def test_down_pauses_at_once_and_nobody_loses_the_place(world: World) -> None:
    people = await world.crowd(5)
    assert (await world.stored()).line.release_count == 1
    await report(world, DOWN, detail="database unreachable")
    assert await pass_by(world, 30) == 0
    assert await world.statuses(people) == ["CALLED", *["WAITING"] * 4]
    assert await decisions(world) == [
        {"health": "DOWN", "before": "UNKNOWN", "reason": "REPORTED", "detail": "database unreachable", "factor": 1.0}
    ]


async def test_degraded_slows(world: World) -> None:
    await world.crowd(60)
    await report(world, DEGRADED)
    assert await pass_by(world, 20) == 10
    await world.change(degraded_percent=10)
    # Of the last minute there are more than six already.
    assert await pass_by(world, 20) == 0
    await pass_by(world, 40, step=5)
    assert await pass_by(world, 60) == 6


async def test_recovered_resumes_with_a_ramp(world: World) -> None:
    await report(world, DOWN)
    await world.crowd(100)
    await world.after(60)
    await report(world, HEALTHY)
    assert await pass_by(world, 10) == 0  # once is not enough
    await report(world, HEALTHY)
    released = [await pass_by(world, 10) for _ in range(8)]
    # Half of what a minute would have been, less what whole slots leave over.
    assert 20 <= sum(released[:6]) <= 30
    assert released[0] <= 3
    assert sum(released[:2]) < sum(released[2:4]) < sum(released[4:6])
    assert released[6:] == [10, 10]
    assert [(each["health"], each["factor"]) for each in await decisions(world)] == [("DOWN", 1.0), ("HEALTHY", 0.0)]


async def test_the_rate_in_force_is_never_exceeded_while_it_changes(world: World) -> None:
    """At every release, of the minute before it, no more than the rate that was in force at that moment."""
    await world.crowd(150)
    for turn in range(42):
        await pass_by(world, 4, step=1)
        await report(world, (HEALTHY, HEALTHY, DEGRADED, HEALTHY, DOWN, HEALTHY, HEALTHY)[turn % 7])
    stored = await world.stored()
    released = [event for event in stored.events if event.type == "SESSION_RELEASED"]
    assert len(released) > 10
    for place, event in enumerate(released):
        in_force = event.data["line"]["limits"]["rate_per_minute"]
        window = [one for one in released[: place + 1] if one.occurred_at > event.occurred_at - timedelta(seconds=60)]
        assert len(window) <= in_force, event.occurred_at


async def test_a_queue_without_a_rate_has_its_cap_lowered(opened: Opened) -> None:
    world = await opened.world(max_concurrent_users=10, health_stale_seconds=3600)
    await report(world, DEGRADED)
    people = await world.crowd(12)
    assert (await world.statuses(people)).count("CALLED") == 5
    await report(world, HEALTHY, HEALTHY)
    await pass_by(world, 31, step=1)
    assert (await world.statuses(people)).count("CALLED") == 10


async def test_flapping_is_not_followed(world: World) -> None:
    await report(world, *[DOWN, HEALTHY] * 20)
    assert [each["health"] for each in await decisions(world)] == ["DOWN"]


async def test_silence_counts_as_the_mode_says_and_is_written_down(opened: Opened) -> None:
    for mode, believed, released in ((FailureMode.FAIL_CLOSED, "DOWN", 0), (FailureMode.FAIL_OPEN, "UNKNOWN", 10)):
        world = await opened.world(release_rate_per_minute=60, health_stale_seconds=30, failure_mode=mode)
        await report(world, HEALTHY)
        await world.crowd(60)
        assert await pass_by(world, 29) >= 28
        await pass_by(world, 2)
        # From that second on, although nobody has looked at the site's report.
        assert await pass_by(world, 10) == released
        await world.do(service.look_again, world.queue.id)
        await world.do(service.look_again, world.queue.id)
        assert [(each["health"], each["reason"]) for each in await decisions(world)] == [
            ("HEALTHY", "REPORTED"),
            (believed, "STALE"),
        ]
        assert await pass_by(world, 10) == released
        # Whoever knows is believed at once, and what silence has decided was written down before.
        await report(world, HEALTHY)
        assert [each["health"] for each in await decisions(world)][-1] == "HEALTHY"


async def test_the_report_that_ends_a_silence_nobody_had_written_down(opened: Opened) -> None:
    world = await opened.world(release_rate_per_minute=60, health_stale_seconds=30)
    await report(world, HEALTHY)
    world.clock.advance(seconds=100)
    await report(world, HEALTHY)
    assert [(each["health"], each["reason"], each["factor"]) for each in await decisions(world)] == [
        ("HEALTHY", "REPORTED", 1.0),
        ("DOWN", "STALE", 0.0),
        ("HEALTHY", "REPORTED", 0.0),
    ]


async def test_who_will_not_report_any_more_says_so(world: World) -> None:
    await report(world, DOWN)
    await world.crowd(3)
    await report(world, UNKNOWN, detail="moved to another host")
    assert (await decisions(world))[-1] == {
        "health": "UNKNOWN",
        "before": "DOWN",
        "reason": "NOT_TOLD",
        "detail": "moved to another host",
        "factor": 0.0,
    }
    # Neither slowed nor, after a while, too old.
    world.clock.advance(seconds=7200)
    assert await pass_by(world, 2) > 0
    await world.do(service.look_again, world.queue.id)
    assert len(await decisions(world)) == 2


async def test_another_failure_mode_counts_at_once(opened: Opened) -> None:
    world = await opened.world(release_rate_per_minute=60, health_stale_seconds=30, ramp_seconds=0)
    await report(world, HEALTHY)
    await world.crowd(20)
    world.clock.advance(seconds=60)
    await world.do(service.look_again, world.queue.id)
    assert await pass_by(world, 5) == 0
    await world.change(failure_mode=FailureMode.FAIL_OPEN)
    assert await pass_by(world, 5) > 0
    await world.do(service.look_again, world.queue.id)
    assert [each["health"] for each in await decisions(world)] == ["HEALTHY", "DOWN", "UNKNOWN"]


async def test_what_is_refused(opened: Opened, world: World) -> None:
    assert isinstance(await world.do(service.report, world.queue.id, DOWN, "x" * 201), InvalidInput)
    with pytest.raises(NotFound):
        await world.do(service.report, new_id(), DOWN, None)
    async with world.db.write(world.queue.tenant_id) as tx:
        staffed = await queues.create(tx, QueueConfig("Desk", f"q-{new_id().hex[:12]}", mode=QueueMode.STAFFED))
    assert isinstance(await world.do(service.report, staffed.id, DOWN, None), QueueNotMetered)
    assert await decisions(world) == []


async def test_decisions_and_reports_at_once_are_one_after_the_other(opened: Opened, world: World) -> None:
    other = World(opened.database(world.clock), world.clock, world.queue)
    await world.crowd(5)
    await asyncio.gather(*(report(each, DOWN, HEALTHY, HEALTHY) for each in (world, other, world, other)))
    stored = await world.stored()
    revisions = [event.revision for event in stored.events]
    assert revisions == list(range(1, len(revisions) + 1))
    believed = UNKNOWN.value
    for each in await decisions(world):
        assert each["before"] == believed
        believed = each["health"]
    assert believed == stored.line.origin_health
