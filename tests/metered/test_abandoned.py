"""Whoever has gone slows nobody: what people report of the waiting rooms of AWS and Cloudflare, as cases."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.core.clock import ManualClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.ids import new_id
from app.sessions import calls, service
from app.sessions.metered import presence_rows
from app.sessions.metered.absence import REPORTED_WITHIN
from app.sessions.metered.presence_rows import Seen
from app.settings import Settings
from tests.metered.model import Limits, broken, releases_of
from tests.metered.world import START, Opened, open_worlds
from tests.servers import own_database

REPORTER = new_id()


@pytest.fixture(scope="module")
def settings(migrated_settings: Settings) -> Settings:
    """A database of its own, with an API process that is always there: absences can be told."""
    return own_database(migrated_settings, "abandoned")


@pytest.fixture
async def watched(settings: Settings) -> AsyncIterator[Opened]:
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="abandoned")
    async with system.write(None) as tx:
        await tx.rows(
            "insert into presence_reporters (id, began_at, alive_at)"
            " values ($1, $2::timestamptz, $2::timestamptz + interval '9 years') on conflict do nothing",
            *(REPORTER, START),
        )
    await system.dispose()
    opened = await open_worlds(settings)
    yield opened
    for db in opened.databases:
        await db.dispose()


async def test_aws_places_of_people_who_left_while_waiting_are_not_served(watched: Opened) -> None:
    """There, the serving counter goes through every number given out, however many of them are still wanted."""
    world = await watched.world(max_concurrent_users=1, claim_seconds=60, grace_seconds=30)
    inside, *gone, patient = await world.crowd(22)
    await world.enter(inside)
    async with world.db.write(world.queue.tenant_id) as tx:
        await presence_rows.write(tx, REPORTER, [Seen(patient.id, True, world.clock.now())])
    for _ in range(4):
        await world.after(REPORTED_WITHIN.total_seconds() + 5)
    assert await world.statuses(gone) == ["EXPIRED"] * 20
    await world.leave(inside)
    # Not one claim window was spent on any of the twenty.
    assert await world.statuses([patient]) == ["CALLED"]
    assert (await world.stored()).line.release_count == 2


async def test_aws_people_who_are_released_and_do_not_come_give_their_place_to_the_next(opened: Opened) -> None:
    """There, whoever was served and never came counted as inside until the operator raised the counter by hand."""
    world = await opened.world(max_concurrent_users=3, claim_seconds=60)
    gone, (patient,) = await world.crowd(9), await world.crowd(1)
    for _ in range(3):
        assert await world.statuses([patient]) == ["WAITING"]
        await world.after(60.1)
    # Three windows for nine people, because three places ran out at a time.
    assert await world.statuses(gone) == ["NO_SHOW"] * 9
    assert await world.statuses([patient]) == ["CALLED"]


async def test_cloudflare_a_place_is_free_when_it_is_left_and_not_minutes_later(opened: Opened) -> None:
    """There, a visitor counts as active until the cookie has run out."""
    world = await opened.world(max_concurrent_users=1, stay_seconds=900)
    first, second = await world.crowd(2)
    await world.enter(first)
    await world.do(calls.complete, first.id)
    assert await world.statuses([second]) == ["CALLED"]


async def test_cloudflare_a_spike_does_not_overshoot(opened: Opened) -> None:
    """There, data centres agree after up to two minutes, and limits are exceeded until then."""
    clock = ManualClock(START)
    world = await opened.world(clock, max_concurrent_users=25, release_rate_per_minute=1200)
    doors = [world, *(world.through(opened.database(clock)) for _ in range(3))]
    for _ in range(4):
        await asyncio.gather(*(door.join() for door in doors for _ in range(10)))
        clock.advance(seconds=0.3)
        await asyncio.gather(*(door.settle() for door in doors))
    await world.after(30)
    stored = await world.stored()
    assert (stored.line.called_count, stored.line.waiting_count) == (25, 135)
    assert broken(stored, await releases_of(world), [Limits(1, 1200, 25)]) == []


async def test_cloudflare_a_room_for_one_is_possible(opened: Opened) -> None:
    """There, a room has to let in two hundred at least."""
    world = await opened.world(max_concurrent_users=1, release_rate_per_minute=1)
    people = await world.crowd(3)
    assert await world.statuses(people) == ["CALLED", "WAITING", "WAITING"]
    await world.do(service.cancel, people[0].id)
    await world.after(59)
    assert await world.statuses(people[1:]) == ["WAITING", "WAITING"]
    await world.after(1.1)
    assert await world.statuses(people[1:]) == ["CALLED", "WAITING"]
