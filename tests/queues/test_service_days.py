"""Ticket numbers from day to day: an application whose clock is moved."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from app.core.clock import ManualClock
from app.settings import Settings
from tests.support.api import Api, Business, open_api
from tests.support.queue_logs import assert_sound, events_of
from tests.support.verbs import done

START = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)


@pytest.fixture
async def timed(migrated_settings: Settings) -> AsyncIterator[tuple[Business, ManualClock, Api]]:
    """A business in an application with a clock of its own."""
    clock = ManualClock(START)
    async with open_api(migrated_settings, clock) as api:
        yield await api.new_business(), clock, api


async def test_numbers_begin_anew_at_the_reset_time_of_the_queues_own_day(
    timed: tuple[Business, ManualClock, Api],
) -> None:
    business, clock, api = timed
    utc = await business.queue()
    berlin = await business.queue(timeZone="Europe/Berlin", dailyResetTime="04:00:00", ticketFirstNumber=100)
    given: dict[str, list[str]] = {utc: [], berlin: []}

    async def join() -> None:
        for queue, tickets in given.items():
            tickets.append((await business.join(queue)).ticket)

    await join()  # 20:00 UTC, 21:00 in Berlin
    await join()
    clock.advance(hours=4)  # midnight UTC, 01:00 in Berlin
    await join()
    clock.advance(hours=2, minutes=59)  # 03:59 in Berlin
    await join()
    clock.advance(minutes=1)  # 04:00 in Berlin
    await join()
    clock.advance(hours=21)  # the next midnight UTC
    await join()
    assert given == {
        utc: ["A001", "A002", "A001", "A002", "A003", "A001"],
        berlin: ["A100", "A101", "A102", "A103", "A100", "A101"],
    }
    await assert_sound(api, utc)


async def test_a_day_is_never_lived_twice(timed: tuple[Business, ManualClock, Api]) -> None:
    """Moving the time zone or the reset time back does not give out a number again."""
    business, clock, _ = timed
    queue = await business.queue(timeZone="Pacific/Kiritimati")
    assert (await business.join(queue)).ticket == "A001"
    await done(business.admin, "queueUpdate", queueId=queue, timeZone="Pacific/Pago_Pago")
    assert (await business.join(queue)).ticket == "A002"
    await done(business.admin, "queueUpdate", queueId=queue, dailyResetTime="23:00:00")
    assert (await business.join(queue)).ticket == "A003"
    clock.advance(days=3)
    assert (await business.join(queue)).ticket == "A001"


async def test_a_busy_day_goes_on_beyond_the_last_number(timed: tuple[Business, ManualClock, Api]) -> None:
    business, _, _ = timed
    queue = await business.queue(ticketFirstNumber=8, ticketLastNumber=9)
    assert [(await business.join(queue)).ticket for _ in range(3)] == ["A8", "A9", "A10"]


async def test_times_of_one_queue_never_stand_still_or_run_backwards(
    timed: tuple[Business, ManualClock, Api],
) -> None:
    """The clock stands still here, and is then put back: order of joining is order of locking all the same."""
    business, clock, api = timed
    queue = await business.queue()
    for _ in range(3):
        await business.join(queue)
    clock.advance(minutes=-5)
    late = await business.join(queue)
    assert late.position == 4
    times = [event.occurred_at for event in await events_of(api, queue)]
    assert times == sorted(set(times))
    await assert_sound(api, queue)
