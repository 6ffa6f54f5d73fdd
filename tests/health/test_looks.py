"""Asking sites how they are: real requests to a real server, what follows from the answers, and who asks whom when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.admission.health import repository, service
from app.admission.health.looks import Looks, run_looks
from app.admission.health.models import OriginCheck
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.events.reactions import jobs_owed
from app.queues import service as queues
from app.queues.models import OriginHealth
from app.reactions import JOBS, REACTIONS
from app.settings import Settings
from tests.metered.world import Opened, World, open_worlds
from tests.support.origin import Site, ok, serving
from tests.support.waiting import eventually


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as here:
        yield here


@pytest.fixture
async def system(opened: Opened, world: World) -> AsyncIterator[Database]:
    db = Database(role_url(opened.settings, SYSTEM_ROLE), secret=opened.settings.secret, pool_size=4, clock=world.clock)
    # What other tests have left behind is nobody's any more.
    async with db.write(None) as tx:
        await tx.exec(text("update origin_checks set due_at = null"))  # type: ignore[call-overload]
    yield db
    await db.dispose()


@pytest.fixture
async def world(opened: Opened, site: Site) -> World:
    """A queue whose site is asked."""
    return await opened.world(release_rate_per_minute=60, health_url=site.url, health_stale_seconds=30)


def allowing(settings: Settings, *networks: str, **others: Any) -> Settings:
    return settings.model_copy(update={"outbound_networks": networks or ("127.0.0.0/8",)} | others)


@pytest.fixture
def looks(opened: Opened, world: World, system: Database) -> Looks:
    """A worker's, which may ask this machine."""
    return Looks(allowing(opened.settings, health_timeout_seconds=1.0), world.db, system)


async def check_of(world: World) -> OriginCheck:
    async with world.db.read(world.queue.tenant_id) as tx:
        found = await repository.find(tx, world.queue.id)
    assert found is not None
    return found


async def believed(world: World) -> str:
    return (await world.stored()).line.origin_health.value


async def decisions(world: World) -> list[tuple[str, str, str]]:
    """Health, reason and detail of every decision in the log."""
    return [
        (event.data["health"], event.data["reason"], event.data["detail"])
        for event in (await world.stored()).events
        if event.type == "ORIGIN_HEALTH_CHANGED"
    ]


async def begin(world: World) -> None:
    """What the worker does when the queue's configuration has changed."""
    await world.do(service.look_again, world.queue.id)
    # Changes of a line are microseconds apart, also where the clock stands still.
    world.clock.advance(seconds=0.001)


async def look(world: World, looks: Looks, times: int = 1) -> None:
    """Look so often, each time when it is due."""
    for _ in range(times):
        due = (await check_of(world)).due_at
        assert due is not None
        world.clock.advance(seconds=max(0.0, (due - world.clock.now()).total_seconds()))
        assert await looks.look_at_due() == 1


async def test_a_site_that_is_well_is_asked_every_ten_seconds(world: World, looks: Looks, site: Site) -> None:
    await begin(world)
    await look(world, looks, times=3)
    assert len(site.asked) == 3
    assert await believed(world) == "HEALTHY"
    assert await decisions(world) == [("HEALTHY", "ASKED", "It answered 200.")]
    due = (await check_of(world)).due_at
    assert due is not None
    assert abs((due - world.clock.now()) - timedelta(seconds=10)) < timedelta(seconds=1)
    assert await looks.look_at_due() == 0


async def test_one_failure_is_not_believed_two_are_and_three_successes_end_it(
    world: World, looks: Looks, site: Site
) -> None:
    await begin(world)
    await look(world, looks)
    site.answer = ok(status=b"500 Oops")
    await look(world, looks)
    assert await believed(world) == "HEALTHY"
    await look(world, looks)
    assert await believed(world) == "DOWN"
    site.answer = ok(b'{"status":"pass"}')
    await look(world, looks, times=2)
    assert await believed(world) == "DOWN"
    await look(world, looks)
    assert await decisions(world) == [
        ("HEALTHY", "ASKED", "It answered 200."),
        ("DOWN", "ASKED", "It answered 500."),
        ("HEALTHY", "ASKED", "It answered 200."),
    ]


async def test_down_stops_the_line_and_degraded_slows_it(world: World, looks: Looks, site: Site) -> None:
    await begin(world)
    await world.crowd(3)
    site.answer = ok(b'{"status":"warn"}')
    await look(world, looks, times=2)
    assert (await world.stored()).events[-1].data["line"]["limits"]["rate_per_minute"] == 30
    site.answer = ok(b'{"status":"fail"}')
    await look(world, looks, times=2)
    assert (await world.stored()).events[-1].data["line"]["limits"]["rate_per_minute"] == 0


async def test_our_own_network_is_not_asked_unless_the_operator_allows_it(
    opened: Opened, world: World, system: Database, site: Site
) -> None:
    await begin(world)
    for settings in (opened.settings, allowing(opened.settings, "10.0.0.0/8", "::1/128")):
        await look(world, Looks(settings, world.db, system), times=2)
    assert site.asked == []
    (decision,) = await decisions(world)
    assert decision == ("DOWN", "ASKED", "The address leads into an internal network, which is not asked.")


async def test_a_redirect_to_the_inside_is_not_followed(world: World, looks: Looks, site: Site) -> None:
    async with serving() as inside:
        site.answer = f"HTTP/1.1 302 Found\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
        await begin(world)
        await look(world, looks, times=2)
        assert inside.asked == []
    assert [health for health, _, _ in await decisions(world)] == ["DOWN"]


async def test_a_site_that_does_not_answer(world: World, looks: Looks, site: Site) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    site.answer = silent
    await begin(world)
    await look(world, looks, times=2)
    assert await decisions(world) == [("DOWN", "ASKED", "No answer within 1 s.")]


async def test_nothing_the_site_writes_gets_into_the_log(world: World, looks: Looks, site: Site) -> None:
    site.answer = ok(b'{"status":"fail","output":"password of the database: hunter2"}')
    await begin(world)
    await look(world, looks, times=2)
    log = str((await world.stored()).events) + str(await check_of(world))
    assert "hunter2" not in log
    assert str(site.port) not in str(await decisions(world))


async def test_two_workers_share_the_sites_out(
    opened: Opened, world: World, looks: Looks, system: Database, site: Site
) -> None:
    others = [await opened.world(world.clock, health_url=site.url) for _ in range(20)]
    for each in (world, *others):
        await begin(each)
    second = Looks(allowing(opened.settings), world.db, system)
    asked = await asyncio.gather(looks.look_at_due(), second.look_at_due())
    assert sum(asked) == 21
    assert len(site.asked) == 21


async def test_silent_sites_of_one_business_take_no_turns_from_another(
    opened: Opened, world: World, looks: Looks, site: Site
) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    elsewhere = await open_worlds(opened.settings)
    async with serving(silent) as abyss:
        for _ in range(20):
            await begin(await elsewhere.world(world.clock, health_url=abyss.url))
        patient = Looks(allowing(opened.settings, health_timeout_seconds=15.0), world.db, looks._system)
        running = asyncio.create_task(patient.run())
        await eventually(lambda: len(abyss.asked) == 4)
        # All twenty were due before this one.
        await begin(world)
        await eventually(lambda: len(site.asked) == 1)
        assert len(abyss.asked) == 4
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    for database in elsewhere.databases:
        await database.dispose()


async def test_what_a_worker_that_died_had_taken_comes_up_again(world: World, looks: Looks, site: Site) -> None:
    await begin(world)
    assert await looks._take(5, []) == [world.queue]
    assert await looks.look_at_due() == 0
    world.clock.advance(seconds=20)
    assert await looks.look_at_due() == 1
    assert len(site.asked) == 1


async def test_an_answer_of_an_address_that_is_not_the_queue_s_any_more(world: World, looks: Looks) -> None:
    await begin(world)
    for _ in range(2):
        async with world.db.write(world.queue.tenant_id) as tx:
            url, every = "http://elsewhere.example/", timedelta(seconds=10)
            await service.answered(tx, world.queue.id, url, OriginHealth.DOWN, "It answered 500.", at_most_every=every)
    assert await decisions(world) == []


async def test_where_there_is_no_address_any_more_what_it_said_is_forgotten(
    world: World, looks: Looks, site: Site
) -> None:
    site.answer = ok(status=b"500 Oops")
    await begin(world)
    await look(world, looks, times=2)
    await world.change(health_url=None)
    await begin(world)
    assert (await decisions(world))[-1] == ("UNKNOWN", "NOT_TOLD", "There is no address to ask any more.")
    assert (await check_of(world)).due_at is None
    # Not stopped by the silence that follows either.
    await world.crowd(2)
    world.clock.advance(seconds=600)
    before = (await world.stored()).line.release_count
    await world.after(1)
    assert (await world.stored()).line.release_count > before - 1
    assert await believed(world) == "UNKNOWN"


async def test_an_address_that_comes_later_is_asked_and_an_archived_queue_is_not(
    opened: Opened, looks: Looks, world: World, site: Site
) -> None:
    later = await opened.world(world.clock)
    await begin(later)
    assert await looks.look_at_due() == 0
    await later.change(health_url=site.url)
    await begin(later)
    assert await looks.look_at_due() == 1
    await later.do(queues.archive, later.queue.id)
    await begin(later)
    world.clock.advance(seconds=60)
    assert await looks.look_at_due() == 0
    assert len(site.asked) == 1


async def test_reports_that_stop_are_noticed_without_an_address(opened: Opened, looks: Looks, world: World) -> None:
    told = await opened.world(world.clock, release_rate_per_minute=60, health_stale_seconds=30)
    await told.do(service.report, told.queue.id, OriginHealth.HEALTHY, None)
    world.clock.advance(seconds=29)
    assert await looks.look_at_due() == 0
    world.clock.advance(seconds=1.001)
    assert await looks.look_at_due() == 1
    assert await decisions(told) == [
        ("HEALTHY", "REPORTED", None),
        ("DOWN", "STALE", "Nothing was heard for 30 s."),
    ]
    world.clock.advance(seconds=600)
    assert await looks.look_at_due() == 0


async def test_a_change_of_a_queue_owes_a_look(opened: Opened, world: World) -> None:
    """The relay's part: the job's own is `begin` above."""
    for name in ("QUEUE_CREATED", "QUEUE_UPDATED"):
        kinds = [reaction.kind.name for reaction in REACTIONS[name]]
        assert "admission.look_at_origin" in kinds
    assert "admission.look_at_origin" in JOBS
    assert jobs_owed(REACTIONS, []) == []


async def test_it_runs_by_itself_until_it_is_told_to_stop(opened: Opened, world: World, site: Site) -> None:
    await begin(world)
    before = asyncio.all_tasks()
    running = asyncio.create_task(run_looks(allowing(opened.settings, health_poll_seconds=0.05), world.clock))
    await eventually(lambda: len(site.asked) >= 1)
    await eventually_believed(world, "HEALTHY")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asyncio.all_tasks() - before == set()


async def eventually_believed(world: World, health: str) -> None:
    async def is_so() -> bool:
        return await believed(world) == health

    await eventually(is_so)
