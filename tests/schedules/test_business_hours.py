"""Queues that open and close by themselves: on time, late, by whoever comes first, and with what staff did between."""

import asyncio
from typing import Any

import pytest

from tests.schedules.conftest import Timed
from tests.support.api import Api, Business, GraphQLFailed, key_of
from tests.support.queue_logs import assert_sound, events_of
from tests.support.verbs import ask, done

BERLIN = {"timeZone": "Europe/Berlin"}
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
OFFICE = [{"day": day, "opens": "09:00", "closes": "17:00"} for day in DAYS]


async def _office(timed: Timed, **config: Any) -> str:
    queue = await timed.business.queue(**BERLIN, **config)
    await done(timed.business.admin, "queueSetHours", queueId=queue, weekly=OFFICE)
    return queue


async def _refusal(timed: Timed, queue: str) -> dict[str, Any]:
    refused = await ask(timed.api.anonymous, "queueJoin", queueId=queue)
    assert refused["__typename"] == "QueueNotOpenError", refused
    return refused


async def test_it_closes_and_opens_by_itself_and_says_when(timed: Timed) -> None:
    queue = await _office(timed)
    assert await timed.queue(queue, "status nextOpeningAt") == {"status": "ACTIVE", "nextOpeningAt": None}
    await timed.go_to(queue, "2026-11-23T16:59:59+01:00")
    assert await timed.status(queue) == "ACTIVE"
    await timed.go_to(queue, "2026-11-23T17:00:00+01:00")
    assert await timed.queue(queue, "status nextOpeningAt") == {
        "status": "CLOSED",
        "nextOpeningAt": "2026-11-24T08:00:00+00:00",
    }
    refused = await _refusal(timed, queue)
    assert (refused["queueStatus"], refused["nextOpeningAt"]) == ("CLOSED", "2026-11-24T08:00:00+00:00")
    assert "2026-11-24 08:00 UTC" in refused["message"]
    await timed.go_to(queue, "2026-11-24T09:00:00+01:00")
    assert await timed.status(queue) == "ACTIVE"
    by_hours = [event for event in await events_of(timed.api, queue) if event.type != "QUEUE_UPDATED"]
    assert [(event.type, event.data.get("scheduled_at")) for event in by_hours] == [
        ("QUEUE_CREATED", None),
        ("QUEUE_CLOSED", "2026-11-23T16:00:00+00:00"),
        ("QUEUE_OPENED", "2026-11-24T08:00:00+00:00"),
    ]
    await assert_sound(timed.api, queue)


async def test_whoever_waits_when_it_closes_is_still_called(timed: Timed) -> None:
    queue = await _office(timed)
    counter = await timed.business.counter(queue)
    waiting = await timed.business.join(queue)
    await timed.go_to(queue, "2026-11-23T17:00+01:00")
    await _refusal(timed, queue)
    called = await timed.business.call_next(queue, counter)
    assert called["session"]["id"] == waiting.id


async def test_what_staff_did_stays_until_the_next_boundary(timed: Timed) -> None:
    queue = await _office(timed)
    await done(timed.business.admin, "queueClose", queueId=queue)
    await timed.go_to(queue, "2026-11-23T16:00+01:00")
    assert await timed.status(queue) == "CLOSED"
    assert (await _refusal(timed, queue))["nextOpeningAt"] == "2026-11-24T08:00:00+00:00"
    await timed.go_to(queue, "2026-11-23T18:00+01:00")
    await done(timed.business.admin, "queueOpen", queueId=queue)
    await timed.go_to(queue, "2026-11-24T02:00+01:00")
    assert await timed.status(queue) == "ACTIVE", "opened by staff, late in the evening"
    await timed.go_to(queue, "2026-11-24T09:00+01:00")
    await timed.go_to(queue, "2026-11-24T17:00+01:00")
    assert await timed.status(queue) == "CLOSED"
    await done(timed.business.admin, "queueStartMaintenance", queueId=queue)
    await timed.go_to(queue, "2026-11-25T10:00+01:00")
    assert await timed.queue(queue, "status nextOpeningAt") == {"status": "MAINTENANCE", "nextOpeningAt": None}


async def test_where_no_worker_comes_by_the_first_who_comes_finds_it_closed(timed: Timed) -> None:
    """Also the one who finds it open again: the boundary is done in the joining transaction, by the system."""
    queue = await _office(timed)
    timed.clock.advance(hours=7)
    assert await timed.status(queue) == "ACTIVE", "nobody has come by"
    assert (await _refusal(timed, queue))["nextOpeningAt"] == "2026-11-24T08:00:00+00:00"
    timed.clock.advance(hours=16)
    assert (await timed.business.join(queue)).position == 1
    events = await events_of(timed.api, queue)
    assert [event.type for event in events][-3:] == ["QUEUE_CLOSED", "QUEUE_OPENED", "SESSION_JOINED"]
    async with timed.api.runtime.dbs.system.read(None) as tx:
        found = await tx.rows("select actor from events where type in ('QUEUE_CLOSED', 'QUEUE_OPENED') "
                              "and aggregate_id = $1", key_of("Queue", queue))  # fmt: skip
    assert {row["actor"] for row in found} == {"SYSTEM"}
    await assert_sound(timed.api, queue)


async def test_an_outage_is_caught_up_in_order_and_once(timed: Timed) -> None:
    queue = await _office(timed)
    await timed.go_to(queue, "2026-11-26T12:00+01:00")
    assert await timed.status(queue) == "ACTIVE"
    wanted = ["QUEUE_CLOSED", "QUEUE_OPENED"] * 3
    assert (await timed.log(queue))[2:] == wanted
    times = [event.data["scheduled_at"] for event in (await events_of(timed.api, queue))[2:]]
    assert times == sorted(times)
    assert not await timed.tick(queue), "nothing is due any more"
    assert (await timed.log(queue))[2:] == wanted
    await assert_sound(timed.api, queue)


async def test_many_workers_and_visitors_at_one_boundary_do_it_once(timed: Timed) -> None:
    queue = await _office(timed)
    timed.clock.advance(hours=8)
    joins = [ask(timed.api.anonymous, "queueJoin", queueId=queue) for _ in range(8)]
    outcomes = await asyncio.gather(*[timed.tick(queue) for _ in range(8)], *joins)
    assert {answer["__typename"] for answer in outcomes[8:]} == {"QueueNotOpenError"}
    await timed.tick(queue)
    assert (await timed.log(queue)).count("QUEUE_CLOSED") == 1
    await assert_sound(timed.api, queue)


async def test_hours_count_at_once_where_they_say_something_else(timed: Timed) -> None:
    admin = timed.business.admin
    queue = await timed.business.queue(**BERLIN)
    night = [{"day": "MONDAY", "opens": "20:00", "closes": "02:00"}]
    await done(admin, "queueSetHours", queueId=queue, weekly=night)
    assert await timed.status(queue) == "CLOSED"
    await done(admin, "queueSetHours", queueId=queue, weekly=OFFICE)
    assert await timed.status(queue) == "ACTIVE"
    await done(admin, "queueClose", queueId=queue)
    await done(admin, "queueSetHours", queueId=queue, exceptions=[{"date": "2026-12-25"}])
    assert await timed.status(queue) == "CLOSED", "nothing new about this moment: staff's word stays"
    await done(admin, "queueSetHours", queueId=queue, weekly=None, exceptions=[])
    await timed.go_to(queue, "2026-11-24T12:00+01:00")
    assert await timed.queue(queue, "status hours { timeZone } nextOpeningAt") == {
        "status": "CLOSED",
        "hours": None,
        "nextOpeningAt": None,
    }


async def test_what_was_set_is_shown_in_order(timed: Timed) -> None:
    queue = await timed.business.queue(**BERLIN)
    given = {
        "weekly": [
            {"day": "FRIDAY", "opens": "20:00:00", "closes": "02:00:00"},
            {"day": "MONDAY", "opens": "13:00:00", "closes": "18:00:00"},
            {"day": "MONDAY", "opens": "09:00:00", "closes": "12:00:00"},
        ],
        "exceptions": [
            {"date": "2026-12-24", "periods": [{"opens": "09:00:00", "closes": "12:00:00"}]},
            {"date": "2026-12-25", "lastDate": "2026-12-26", "everyYear": True, "name": "Christmas"},
        ],
    }
    await done(timed.business.admin, "queueSetHours", queueId=queue, **given)
    shown = await timed.queue(
        queue,
        "hours { timeZone weekly { day opens closes }"
        " exceptions { date lastDate everyYear name periods { opens closes } } }",
        timed.api.anonymous,
    )
    assert shown["hours"] == {
        "timeZone": "Europe/Berlin",
        "weekly": [given["weekly"][2], given["weekly"][1], given["weekly"][0]],
        "exceptions": [
            {
                "date": "2026-12-24",
                "lastDate": "2026-12-24",
                "everyYear": False,
                "name": None,
                "periods": [{"opens": "09:00:00", "closes": "12:00:00"}],
            },
            {"date": "2026-12-25", "lastDate": "2026-12-26", "everyYear": True, "name": "Christmas", "periods": []},
        ],
    }
    await timed.go_to(queue, "2026-12-25T10:00+01:00")
    assert (await timed.queue(queue, "nextOpeningAt"))["nextOpeningAt"] == "2026-12-28T08:00:00+00:00"


async def test_another_time_zone_has_other_boundaries(timed: Timed) -> None:
    queue = await _office(timed)
    await done(timed.business.admin, "queueUpdate", queueId=queue, timeZone="America/New_York")
    await timed.go_to(queue, "2026-11-23T17:00+01:00")
    assert await timed.status(queue) == "ACTIVE"
    await timed.go_to(queue, "2026-11-23T17:00-05:00")
    assert await timed.status(queue) == "CLOSED"


async def test_the_night_the_clocks_are_moved(timed: Timed) -> None:
    queue = await timed.business.queue(**BERLIN)
    nights = [{"day": "SATURDAY", "opens": "20:00", "closes": "02:30"}]
    await done(timed.business.admin, "queueSetHours", queueId=queue, weekly=nights)
    await timed.go_to(queue, "2027-03-27T20:00+01:00")
    assert await timed.status(queue) == "ACTIVE"
    await timed.go_to(queue, "2027-03-28T01:59:59+01:00")
    assert await timed.status(queue) == "ACTIVE"
    await timed.go_to(queue, "2027-03-28T03:00+02:00")
    assert await timed.status(queue) == "CLOSED", "02:30 was skipped"


async def test_an_archived_queue_has_no_schedule(timed: Timed) -> None:
    queue = await _office(timed)
    await done(timed.business.admin, "queueArchive", queueId=queue)
    await timed.go_to(queue, "2026-11-25T10:00+01:00")
    assert (await timed.queue(queue, "status", timed.business.admin))["status"] == "ARCHIVED"
    assert not await timed.tick(queue)


PERIOD = {"day": "MONDAY", "opens": "09:00", "closes": "17:00"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"weekly": [PERIOD, {"day": "MONDAY", "opens": "16:59", "closes": "18:00"}]}, "weekly"),
    ({"weekly": [{"day": "MONDAY", "opens": "09:00:00.5", "closes": "17:00"}]}, "weekly"),
    ({"weekly": [{"day": "MONDAY", "opens": "09:00+01:00", "closes": "17:00"}]}, "weekly"),
    (
        {"weekly": [{"day": "MONDAY", "opens": f"{hour:02}:00", "closes": f"{hour:02}:30"} for hour in range(11)]},
        "weekly",
    ),
    ({"exceptions": [{"date": "2026-12-25"}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "2026-12-25"}, {"date": "2026-12-25"}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "2026-12-25", "lastDate": "2026-12-24"}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "2026-12-25", "lastDate": "2028-12-24"}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "0001-01-01"}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "2026-12-25", "name": "x" * 121}]}, "exceptions"),
    ({"weekly": [], "exceptions": [{"date": "2026-12-25", "name": "a\0b"}]}, "exceptions"),
    (
        {
            "weekly": [],
            "exceptions": [{"date": "2026-12-25", "periods": [{"opens": "09:00", "closes": "09:00"}] * 2}],
        },
        "exceptions",
    ),
    ({"weekly": [], "exceptions": [{"date": f"{year}-01-01"} for year in range(2100, 2301)]}, "exceptions"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    business: Business, given: dict[str, Any], field: str
) -> None:
    queue = await business.queue()
    refused = await ask(business.admin, "queueSetHours", queueId=queue, **given)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    shown = await business.admin("query($id: ID!) { queue(id: $id) { revision hours { timeZone } } }", id=queue)
    assert shown == {"revision": 1, "hours": None}


async def test_another_tenants_queue_is_not_found(api: Api, business: Business) -> None:
    queue = await business.queue()
    stranger = (await api.new_business()).admin
    with pytest.raises(GraphQLFailed) as failed:
        await ask(stranger, "queueSetHours", queueId=queue, weekly=OFFICE)
    assert failed.value.code == "NOT_FOUND"
