"""Time-boxed changes of a queue: what counts when, what is refused, and a preview that is what happens then."""

import asyncio
from typing import Any

import pytest

from app.identity.models import Role
from tests.contract.operations import operation
from tests.schedules.conftest import Timed
from tests.support.api import Api, Business, GraphQLFailed, key_of
from tests.support.queue_logs import assert_sound, events_of
from tests.support.verbs import ask, done

SALE = {"name": "Sale", "startsAt": "2026-11-23T12:00:00Z", "endsAt": "2026-11-23T14:00:00Z"}


async def _plan(timed: Timed, queue: str, **given: Any) -> dict[str, Any]:
    return await done(timed.business.admin, "scheduledEventCreate", queueId=queue, **(SALE | given))


async def _effective(timed: Timed, queue: str, at: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = await timed.business.admin(operation("QueueEffectiveConfig"), queueId=queue, at=at)
    return found


async def _active(timed: Timed, queue: str) -> Any:
    found = await timed.queue(queue, "activeEvent { name state }", timed.business.admin)
    return found["activeEvent"]


async def test_overrides_count_while_it_runs_and_nothing_else_changes(timed: Timed) -> None:
    queue = await timed.business.queue(capacity=10)
    event = await _plan(timed, queue, overrides={"capacity": 1})
    assert event["state"] == "PLANNED"
    await timed.business.join(queue)
    await timed.go_to(queue, "2026-11-23T12:00Z")
    assert await _active(timed, queue) == {"name": "Sale", "state": "RUNNING"}
    full = await ask(timed.api.anonymous, "queueJoin", queueId=queue)
    assert (full["__typename"], full["capacity"]) == ("QueueFullError", 1)
    shown = await timed.queue(queue, "capacity status")
    assert shown == {"capacity": 10, "status": "ACTIVE"}, "the configuration is what it was"
    await timed.go_to(queue, "2026-11-23T14:00Z")
    assert await _active(timed, queue) is None
    await timed.business.join(queue)
    events = [event for event in await events_of(timed.api, queue) if event.type.startswith("SCHEDULED")]
    assert [(event.type, event.data["scheduled_at"], event.data.get("overrides")) for event in events] == [
        ("SCHEDULED_EVENT_STARTED", "2026-11-23T12:00:00+00:00", {"capacity": 1}),
        ("SCHEDULED_EVENT_ENDED", "2026-11-23T14:00:00+00:00", None),
    ]
    await assert_sound(timed.api, queue)


async def test_planned_maintenance_is_over_by_itself(timed: Timed) -> None:
    queue = await timed.business.queue()
    await _plan(timed, queue, queueStatus="MAINTENANCE", overrides={"refusalMessage": "Back at two"})
    await timed.go_to(queue, "2026-11-23T12:30Z")
    refused = await ask(timed.api.anonymous, "queueJoin", queueId=queue)
    assert (refused["__typename"], refused["nextOpeningAt"]) == ("QueueNotOpenError", "2026-11-23T14:00:00+00:00")
    await timed.go_to(queue, "2026-11-23T14:00Z")
    assert await timed.status(queue) == "ACTIVE"


async def test_events_of_a_queue_never_take_the_same_time(timed: Timed) -> None:
    queue, other = await timed.business.queue(), await timed.business.queue()
    first = await _plan(timed, queue)
    admin = timed.business.admin
    for given in (
        {"startsAt": "2026-11-23T13:59:59Z", "endsAt": "2026-11-23T15:00:00Z"},
        {"startsAt": "2026-11-23T10:00:00Z", "endsAt": "2026-11-23T12:00:01Z"},
        {
            "startsAt": "2026-11-23T14:30:00Z",
            "endsAt": "2026-11-23T15:00:00Z",
            "prequeueStartsAt": "2026-11-23T13:00:00Z",
        },
    ):
        refused = await ask(admin, "scheduledEventCreate", queueId=queue, **(SALE | {"name": "Other"} | given))
        assert refused["__typename"] == "ScheduledEventOverlapsError", given
        assert refused["event"]["id"] == first["id"]
        assert "`Sale` takes 2026-11-23 12:00 to 2026-11-23 14:00 UTC" in refused["message"]
    await _plan(timed, queue, startsAt="2026-11-23T14:00:00Z", endsAt="2026-11-23T15:00:00Z")
    await _plan(timed, other)
    moved = await ask(admin, "scheduledEventUpdate", scheduledEventId=first["id"], endsAt="2026-11-23T14:00:01Z")
    assert moved["__typename"] == "ScheduledEventOverlapsError"


async def test_of_many_that_are_planned_at_once_for_one_time_one_is(timed: Timed) -> None:
    queue = await timed.business.queue()
    wanted = [
        ask(timed.business.admin, "scheduledEventCreate", queueId=queue, **(SALE | {"name": f"Sale {number}"}))
        for number in range(10)
    ]
    outcomes = [answer["__typename"] for answer in await asyncio.gather(*wanted)]
    assert sorted(outcomes) == ["ScheduledEventCreateSuccess"] + ["ScheduledEventOverlapsError"] * 9
    await assert_sound(timed.api, queue)


async def test_the_preview_is_what_happens(timed: Timed) -> None:
    """Asked beforehand for every half hour of two days, and compared with the queue when it is there."""
    queue = await timed.business.queue(capacity=10, timeZone="Europe/Berlin")
    weekly = [{"day": day, "opens": "09:00", "closes": "17:00"} for day in ("MONDAY", "TUESDAY")]
    await done(timed.business.admin, "queueSetHours", queueId=queue, weekly=weekly)
    await _plan(timed, queue, overrides={"capacity": 3, "queueAll": True})
    await _plan(
        timed,
        queue,
        prequeueStartsAt="2026-11-23T18:00:00Z",
        startsAt="2026-11-23T19:00:00Z",
        endsAt="2026-11-24T09:30:00Z",
        overrides={"capacity": 4},
    )
    await _plan(timed, queue, startsAt="2026-11-24T12:00:00Z", endsAt="2026-11-24T17:00:00Z", queueStatus="PAUSED")
    times = [
        f"2026-11-{day}T{hour:02}:{minute:02}:00+00:00" for day in (23, 24) for hour in range(24) for minute in (0, 30)
    ]
    times = [at for at in times if at >= "2026-11-23T09:30"]
    foreseen = [await _effective(timed, queue, at) for at in times]
    # A clockwork that comes by only now and then.
    for number, (at, config) in enumerate(zip(times, foreseen, strict=True)):
        await timed.go_to(queue, at)
        if number % 3 == 0:
            timed.clock.advance(seconds=1)
        now = await _effective(timed, queue)
        assert config["at"] == at
        assert {**now, "at": at} == config
        assert await timed.status(queue) == config["queueStatus"], at
    assert {config["queueStatus"] for config in foreseen} == {"ACTIVE", "CLOSED", "PREQUEUE", "PAUSED"}
    assert {config["capacity"] for config in foreseen} == {3, 4, 10}
    assert [config["nextChangeAt"] for config in foreseen[:2]] == ["2026-11-23T12:00:00+00:00"] * 2


async def test_a_running_event_can_be_prolonged_and_its_overrides_changed(timed: Timed) -> None:
    admin = timed.business.admin
    queue = await timed.business.queue(capacity=10)
    event = await _plan(timed, queue, overrides={"capacity": 1, "queueAll": True})
    await timed.go_to(queue, "2026-11-23T13:00Z")
    changed = await done(
        admin,
        "scheduledEventUpdate",
        scheduledEventId=event["id"],
        endsAt="2026-11-23T15:00:00Z",
        overrides={"capacity": 2, "queueAll": None},
    )
    assert changed["state"] == "RUNNING"
    now = await _effective(timed, queue)
    assert (now["capacity"], now["queueAll"], now["nextChangeAt"]) == (2, False, "2026-11-23T15:00:00+00:00")
    for given in ({"startsAt": "2026-11-23T14:00:00Z"}, {"queueStatus": "PAUSED"}, {"drawsLots": True}):
        refused = await ask(admin, "scheduledEventUpdate", scheduledEventId=event["id"], **given)
        assert (refused["__typename"], refused["field"]) == ("InvalidInputError", next(iter(given)))
    await timed.go_to(queue, "2026-11-23T14:30Z")
    assert (await _effective(timed, queue))["capacity"] == 2
    await timed.go_to(queue, "2026-11-23T15:00Z")
    assert (await _effective(timed, queue))["capacity"] == 10


async def test_one_that_runs_ends_when_it_is_deleted_and_one_that_does_not_is_gone(timed: Timed) -> None:
    admin = timed.business.admin
    queue = await timed.business.queue()
    running = await _plan(timed, queue, queueStatus="PAUSED")
    planned = await _plan(timed, queue, startsAt="2026-11-24T12:00:00Z", endsAt="2026-11-24T14:00:00Z")
    await timed.go_to(queue, "2026-11-23T12:00Z")
    assert await timed.status(queue) == "PAUSED"
    for event in (running, planned):
        gone = await ask(admin, "scheduledEventDelete", scheduledEventId=event["id"])
        assert gone["__typename"] == "ScheduledEventDeleteSuccess"
    assert await timed.status(queue) == "ACTIVE"
    ended = [event for event in await events_of(timed.api, queue) if event.type == "SCHEDULED_EVENT_ENDED"]
    assert [event.data["reason"] for event in ended] == ["DELETED"]
    over = await ask(admin, "scheduledEventDelete", scheduledEventId=running["id"])
    assert over["__typename"] == "ScheduledEventOverError"
    over = await ask(admin, "scheduledEventUpdate", scheduledEventId=running["id"], name="Again")
    assert over["__typename"] == "ScheduledEventOverError"
    with pytest.raises(GraphQLFailed) as failed:
        await ask(admin, "scheduledEventDelete", scheduledEventId=planned["id"])
    assert failed.value.code == "NOT_FOUND"
    page = await timed.queue(
        queue, "scheduledEvents(first: 10, includeEnded: true) { edges { node { name state } } }", admin
    )
    assert page["scheduledEvents"]["edges"] == [{"node": {"name": "Sale", "state": "ENDED"}}]
    await assert_sound(timed.api, queue)


async def test_what_lies_in_the_past_begins_now(timed: Timed) -> None:
    queue = await timed.business.queue()
    event = await _plan(timed, queue, startsAt="2026-11-23T08:00:00Z", overrides={"capacity": 1})
    assert event["state"] == "RUNNING"
    assert event["startsAt"] >= "2026-11-23T09:00"
    assert (await _effective(timed, queue))["capacity"] == 1
    later = await _plan(timed, queue, startsAt="2026-11-23T16:00:00Z", endsAt="2026-11-23T17:00:00Z")
    await done(timed.business.admin, "scheduledEventDelete", scheduledEventId=event["id"])
    moved = await done(
        timed.business.admin, "scheduledEventUpdate", scheduledEventId=later["id"], startsAt="2026-11-23T09:00:00Z"
    )
    assert moved["state"] == "RUNNING"


async def test_a_retry_plans_nothing_twice(timed: Timed) -> None:
    queue = await timed.business.queue()
    first = await _plan(timed, queue, idempotencyKey="one")
    assert (await _plan(timed, queue, idempotencyKey="one"))["id"] == first["id"]
    other = await ask(
        timed.business.admin, "scheduledEventCreate", queueId=queue, **(SALE | {"name": "X", "idempotencyKey": "one"})
    )
    assert other["__typename"] == "IdempotencyConflictError"


async def test_a_worker_that_sleeps_through_whole_events_makes_up_for_them(timed: Timed) -> None:
    queue = await timed.business.queue(capacity=10)
    for number in range(3):
        await _plan(
            timed,
            queue,
            name=f"Event {number}",
            startsAt=f"2026-11-23T1{number}:00:00Z",
            endsAt=f"2026-11-23T1{number}:30:00Z",
            overrides={"capacity": number + 1},
        )
    await timed.go_to(queue, "2026-11-25T00:00Z")
    told = [event for event in await events_of(timed.api, queue) if event.type.startswith("SCHEDULED")]
    assert [(event.type[16:], event.data["name"]) for event in told] == [
        (kind, f"Event {number}") for number in range(3) for kind in ("STARTED", "ENDED")
    ]
    assert (await _effective(timed, queue))["capacity"] == 10
    assert not await timed.tick(queue)
    await assert_sound(timed.api, queue)


async def test_an_event_far_away_costs_nothing_until_then(timed: Timed) -> None:
    queue = await timed.business.queue()
    await _plan(timed, queue, startsAt="2027-11-23T12:00:00Z", endsAt="2027-11-23T14:00:00Z")
    async with timed.api.runtime.dbs.system.read(None) as tx:
        (row,) = await tx.rows("select due_at from queue_lines where id = $1", key_of("Queue", queue))
    assert row["due_at"].isoformat() == "2027-11-23T12:00:00+00:00"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "name"),
    ({"name": "x" * 121}, "name"),
    ({"endsAt": "2026-11-23T12:00:00Z"}, "endsAt"),
    ({"startsAt": "2026-11-22T12:00:00Z", "endsAt": "2026-11-22T14:00:00Z"}, "endsAt"),
    ({"endsAt": "2027-11-25T14:00:00Z"}, "endsAt"),
    ({"startsAt": "2026-11-23T12:00:00"}, "startsAt"),
    ({"startsAt": "9999-12-31T23:59:59Z", "endsAt": "9999-12-31T23:59:59Z"}, "startsAt"),
    ({"prequeueStartsAt": "2026-11-23T12:00:00Z"}, "prequeueStartsAt"),
    ({"prequeueStartsAt": "2025-11-01T12:00:00Z", "startsAt": "2026-11-23T08:00:00Z"}, "prequeueStartsAt"),
    ({"drawsLots": True}, "drawsLots"),
    ({"queueStatus": "ARCHIVED"}, "queueStatus"),
    ({"queueStatus": "PREQUEUE"}, "queueStatus"),
    ({"overrides": {"capacity": 0}}, "capacity"),
    ({"overrides": {"releaseRatePerMinute": 10}}, "releaseRatePerMinute"),
    ({"overrides": {"refusalMessage": "x" * 501}}, "refusalMessage"),
]


@pytest.mark.parametrize(("given", "field"), BAD)
async def test_what_cannot_be_is_refused_and_plans_nothing(timed: Timed, given: dict[str, Any], field: str) -> None:
    queue = await timed.business.queue()
    refused = await ask(timed.business.admin, "scheduledEventCreate", queueId=queue, **(SALE | given))
    assert (refused["__typename"], refused.get("field")) == ("InvalidInputError", field)
    assert await timed.log(queue) == ["QUEUE_CREATED"]


async def test_only_staff_sees_what_is_planned_and_only_managers_plan(api: Api, business: Business) -> None:
    queue = await business.queue()
    far = {"name": "Far", "startsAt": "2400-01-01T00:00:00Z", "endsAt": "2400-01-02T00:00:00Z"}
    event = await done(business.admin, "scheduledEventCreate", queueId=queue, **far)
    staff, stranger = await business.user(Role.STAFF), (await api.new_business()).admin
    listed = "query($id: ID!) { queue(id: $id) { scheduledEvents(first: 5) { edges { node { id } } } } }"
    assert (await staff(listed, id=queue))["scheduledEvents"]["edges"] == [{"node": {"id": event["id"]}}]
    for caller, verb, given, code in (
        (staff, "scheduledEventDelete", {"scheduledEventId": event["id"]}, "FORBIDDEN"),
        (stranger, "scheduledEventDelete", {"scheduledEventId": event["id"]}, "NOT_FOUND"),
        (stranger, "scheduledEventCreate", {"queueId": queue, **far}, "NOT_FOUND"),
        (api.anonymous, "scheduledEventCreate", {"queueId": queue, **far}, "UNAUTHENTICATED"),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await ask(caller, verb, **given)
        assert failed.value.code == code
    for caller in (api.anonymous, stranger):
        for fields in ("scheduledEvents(first: 5) { edges { node { id } } }", "activeEvent { id }"):
            with pytest.raises(GraphQLFailed):
                await caller(f"query($id: ID!) {{ queue(id: $id) {{ {fields} }} }}", id=queue)
    with pytest.raises(GraphQLFailed) as failed:
        await business.admin(operation("QueueEffectiveConfig"), queueId=queue, at="2400-01-01T00:00:00Z")
    assert failed.value.code == "BAD_USER_INPUT"
