"""What happens at a counter: calls in order and exactly once, and everything until the visitor has gone."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, Caller, key_of
from tests.support.desk import Desk, open_desk
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done


async def test_a_visit_from_call_to_completion(api: Api, desk: Desk) -> None:
    staff = await desk.business.user(Role.STAFF)
    first, second = await desk.join(), await desk.join()
    called = await done(staff, "queueCallNext", queueId=desk.queue, counterId=desk.counter)
    assert (called["id"], called["status"], called["position"], called["callCount"]) == (first.id, "CALLED", None, 1)
    assert called["counter"]["id"] == desk.counter
    assert called["servedBy"] is not None
    assert called["waitSeconds"] > 0
    assert called["startedAt"] is None
    started = await done(staff, "sessionStart", sessionId=first.id)
    assert (started["status"], started["calledAt"]) == ("SERVING", called["calledAt"])
    completed = await done(staff, "sessionComplete", sessionId=first.id)
    assert (completed["status"], completed["completedAt"]) == ("COMPLETED", completed["endedAt"])
    assert completed["serviceSeconds"] > 0
    assert completed["counter"]["id"] == desk.counter, "where it was is remembered"
    assert completed["waitSeconds"] == called["waitSeconds"]
    assert [event.type for event in await events_of(api, desk.queue)] == [
        "QUEUE_CREATED",
        "QUEUE_STAFFING_CHANGED",
        "SESSION_JOINED",
        "SESSION_JOINED",
        "SESSION_CALLED",
        "SESSION_STARTED",
        "SESSION_COMPLETED",
    ]
    assert (await desk.call())["id"] == second.id
    await assert_sound(api, desk.queue)


async def test_nobody_waiting(api: Api, desk: Desk) -> None:
    held = await desk.join()
    await desk.do("sessionHold", held)
    async with nothing_changes(api, desk.queue):
        answer = await _next(desk, idempotencyKey="k")
    assert answer["__typename"] == "NobodyWaitingError", "whoever is on hold is not called"
    await desk.do("sessionUnhold", held)
    assert (await desk.call(idempotencyKey="k"))["id"] == held.id, "a refusal is not remembered"


async def test_a_paused_queue_is_not_called_from(api: Api, desk: Desk) -> None:
    waiting, called = await desk.join(priority=0), await desk.join(priority=9)
    await desk.call()
    await done(desk.business.admin, "queuePause", queueId=desk.queue)
    free = await desk.business.counter(desk.queue)
    async with nothing_changes(api, desk.queue):
        assert (await _next(desk, counterId=free))["__typename"] == "QueuePausedError"
        answer = await desk.refused("sessionCall", waiting, counterId=free)
        assert answer["__typename"] == "QueuePausedError"
    await desk.do("sessionStart", called)
    await desk.do("sessionComplete", called)
    await done(desk.business.admin, "queueResume", queueId=desk.queue)
    assert (await desk.call())["id"] == waiting.id
    await assert_sound(api, desk.queue)


async def test_a_closed_queue_is_called_from_until_it_is_empty(api: Api, desk: Desk) -> None:
    waiting = await desk.join()
    await done(desk.business.admin, "queueClose", queueId=desk.queue)
    assert (await ask(api.anonymous, "queueJoin", queueId=desk.queue))["__typename"] == "QueueNotOpenError"
    assert (await desk.call())["id"] == waiting.id


async def test_a_queue_in_maintenance_is_not_called_from(api: Api, desk: Desk) -> None:
    waiting = await desk.join()
    await done(desk.business.admin, "queueStartMaintenance", queueId=desk.queue)
    async with nothing_changes(api, desk.queue):
        for answer in (await _next(desk), await desk.refused("sessionCall", waiting, counterId=desk.counter)):
            assert (answer["__typename"], answer["queueStatus"]) == ("QueueNotServingError", "MAINTENANCE")
    await done(desk.business.admin, "queueOpen", queueId=desk.queue)
    assert (await desk.call())["id"] == waiting.id


async def test_a_counter_holds_one_session_whichever_queue_it_is_from(api: Api, desk: Desk) -> None:
    second_queue = await desk.business.queue()
    await done(desk.business.admin, "counterUpdate", counterId=desk.counter, queueIds=[desk.queue, second_queue])
    mine, next_one = await desk.join(), await desk.join()
    elsewhere = await desk.business.join(second_queue)
    await desk.call()
    async with nothing_changes(api, desk.queue):
        for answer in (
            await _next(desk),
            await _next(desk, queueId=second_queue),
            await desk.refused("sessionCall", next_one, counterId=desk.counter),
            await desk.refused("sessionCall", elsewhere, counterId=desk.counter),
        ):
            assert answer["__typename"] == "CounterBusyError"
            assert answer["currentSession"]["id"] == mine.id
    await desk.do("sessionStart", mine)
    assert (await _next(desk))["__typename"] == "CounterBusyError", "serving is holding too"
    await desk.do("sessionComplete", mine)
    assert (await done(desk.business.admin, "queueCallNext", queueId=second_queue, counterId=desk.counter))["id"] == (
        elsewhere.id
    )


@pytest.mark.parametrize("verb", ["sessionMarkNoShow", "sessionCancel", "sessionReturnToQueue", "sessionTransfer"])
async def test_whoever_leaves_the_counter_frees_it(api: Api, desk: Desk, verb: str) -> None:
    first, _ = await desk.join(), await desk.join()
    await desk.call()
    target = {"toQueueId": await desk.business.queue()} if verb == "sessionTransfer" else {}
    await desk.do(verb, first, **target)
    assert (await desk.call())["counter"]["id"] == desk.counter
    await assert_sound(api, desk.queue, *target.values())


async def test_a_counter_calls_only_from_its_queues_and_only_while_active(api: Api, desk: Desk) -> None:
    waiting = await desk.join()
    stranger = await desk.business.counter(await desk.business.queue())
    async with nothing_changes(api, desk.queue):
        for answer in (
            await _next(desk, counterId=stranger),
            await desk.refused("sessionCall", waiting, counterId=stranger),
        ):
            assert answer["__typename"] == "CounterNotServingQueueError"
    await done(desk.business.admin, "counterUpdate", counterId=desk.counter, isActive=False)
    assert (await _next(desk))["__typename"] == "CounterNotServingQueueError"
    await done(desk.business.admin, "counterUpdate", counterId=desk.counter, isActive=True)
    assert (await desk.call())["id"] == waiting.id


async def test_never_more_than_max_concurrent_at_counters(api: Api, business: Business) -> None:
    desk = await open_desk(business, maxConcurrentUsers=1)
    first, second = await desk.join(), await desk.join()
    other_counter = await business.counter(desk.queue)
    await desk.call()
    async with nothing_changes(api, desk.queue):
        for answer in (
            await _next(desk, counterId=other_counter),
            await desk.refused("sessionCall", second, counterId=other_counter),
        ):
            assert (answer["__typename"], answer["maxConcurrentUsers"]) == ("MaxConcurrentReachedError", 1)
    await desk.do("sessionStart", first)
    assert (await _next(desk, counterId=other_counter))["__typename"] == "MaxConcurrentReachedError"
    await done(business.admin, "queueUpdate", queueId=desk.queue, maxConcurrentUsers=2)
    assert (await desk.call(counterId=other_counter))["id"] == second.id
    await assert_sound(api, desk.queue, expected={desk.queue: Expected(max_concurrent_users=1)})


async def test_priorities_go_first_each_in_join_order(api: Api, desk: Desk) -> None:
    for priority in (0, 3, 0, 9, 3):
        await desk.join(priority=priority)
    assert await desk.line() == ["A004", "A002", "A005", "A001", "A003"]
    assert await _call_all(desk) == ["A004", "A002", "A005", "A001", "A003"]
    await assert_sound(api, desk.queue)


async def test_time_credit_counts_as_waiting_time(api: Api, business: Business) -> None:
    credits = {1: 0.0, 2: 3600.0, 3: 7200.0}
    desk = await open_desk(
        business,
        discipline="TIME_CREDIT",
        priorityCredits=[{"priority": priority, "seconds": seconds} for priority, seconds in credits.items()],
    )
    for priority in (0, 1, 2, 0, 3, 2):
        await desk.join(priority=priority)
    assert await _call_all(desk) == ["A005", "A003", "A006", "A001", "A002", "A004"]
    await assert_sound(api, desk.queue, expected={desk.queue: Expected(credits=credits)})


async def test_somebody_may_be_called_out_of_turn(api: Api, desk: Desk) -> None:
    first, second = await desk.join(), await desk.join()
    called = await desk.do("sessionCall", second, counterId=desk.counter)
    assert (called["id"], called["status"]) == (second.id, "CALLED")
    assert await desk.line() == [first.ticket]
    await assert_sound(api, desk.queue)
    free = await desk.business.counter(desk.queue)
    async with nothing_changes(api, desk.queue):
        again = await desk.refused("sessionCall", second, counterId=free)
    assert again["__typename"] == "IllegalTransitionError"
    assert (again["sessionStatus"], again["allowed"]) == ("CALLED", ["WAITING"])
    assert [event.data["out_of_turn"] for event in await events_of(api, desk.queue) if "CALLED" in event.type] == [True]
    await desk.do("sessionCall", first, counterId=free)
    await desk.do("sessionReturnToQueue", first)
    log = "query($id: ID!) { queue(id: $id) { events(first: 100) { edges { node { type data } } } } }"
    shown = (await desk.business.admin(log, id=desk.queue))["events"]["edges"]
    calls = [edge["node"]["data"]["outOfTurn"] for edge in shown if edge["node"]["type"] == "SESSION_CALLED"]
    assert calls == [True, False], "picked, but first all the same"
    await desk.do("sessionHold", first)
    assert (await desk.refused("sessionCall", first, counterId=free))["__typename"] == "SessionOnHoldError"


async def test_a_recall_calls_again(api: Api, desk: Desk) -> None:
    visitor = await desk.join()
    called = await desk.call()
    again = await desk.do("sessionRecall", visitor)
    assert (again["callCount"], again["status"]) == (2, "CALLED")
    assert again["calledAt"] > called["calledAt"]
    queue = await api.anonymous(
        "query($id: ID!) { queue(id: $id) { lastCalled { ticketNumber calledAt counterName } } }", id=desk.queue
    )
    assert queue["lastCalled"]["calledAt"] == again["calledAt"]
    assert queue["lastCalled"]["ticketNumber"] == visitor.ticket
    await assert_sound(api, desk.queue)


@pytest.mark.parametrize("place", ["ORIGINAL", "LAST"])
@pytest.mark.parametrize("serving", [False, True])
async def test_back_into_the_line(api: Api, desk: Desk, place: str, serving: bool) -> None:
    first = await desk.join(priority=5)
    for _ in range(3):
        await desk.join()
    await desk.call()
    if serving:
        await desk.do("sessionStart", first)
    back = await desk.do("sessionReturnToQueue", first, place=place)
    assert back["position"] == (1 if place == "ORIGINAL" else 4)
    assert (back["status"], back["calledAt"], back["startedAt"], back["counter"]) == ("WAITING", None, None, None)
    assert back["callCount"] == 1
    assert (await desk.call())["id"] == (first.id if place == "ORIGINAL" else (await _by_ticket(desk, "A002")))
    await assert_sound(api, desk.queue)


async def test_last_in_an_empty_line_is_first(desk: Desk) -> None:
    only = await desk.join()
    await desk.call()
    assert (await desk.do("sessionReturnToQueue", only, place="LAST"))["position"] == 1


async def test_a_no_show(api: Api, desk: Desk) -> None:
    visitor = await desk.join()
    await desk.call()
    gone = await desk.do("sessionMarkNoShow", visitor)
    assert (gone["status"], gone["completedAt"], gone["serviceSeconds"]) == ("NO_SHOW", None, None)
    assert gone["endedAt"] is not None
    await assert_sound(api, desk.queue)


_STATES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "WAITING": [],
    "CALLED": [("queueCallNext", {})],
    "SERVING": [("queueCallNext", {}), ("sessionStart", {})],
    "COMPLETED": [("queueCallNext", {}), ("sessionStart", {}), ("sessionComplete", {})],
    "NO_SHOW": [("queueCallNext", {}), ("sessionMarkNoShow", {})],
    "CANCELLED": [("sessionCancel", {})],
}
_ALLOWED = {
    "sessionCall": ["WAITING"],
    "sessionRecall": ["CALLED"],
    "sessionStart": ["CALLED"],
    "sessionComplete": ["SERVING"],
    "sessionMarkNoShow": ["CALLED"],
    "sessionReturnToQueue": ["CALLED", "SERVING"],
    "sessionCancel": ["CALLED", "WAITING"],
    "sessionStepBack": ["WAITING"],
    "sessionHold": ["WAITING"],
    "sessionUnhold": ["WAITING"],
    "sessionSetPriority": ["WAITING"],
    "sessionTransfer": ["CALLED", "SERVING", "WAITING"],
}


@pytest.mark.parametrize("status", _STATES)
async def test_every_illegal_move_is_refused_and_changes_nothing(api: Api, desk: Desk, status: str) -> None:
    visitor = await desk.join()
    for verb, given in _STATES[status]:
        if verb == "queueCallNext":
            await desk.call()
        else:
            await desk.do(verb, visitor, **given)
    extra = {
        "sessionCall": {"counterId": await desk.business.counter(desk.queue)},
        "sessionTransfer": {"toQueueId": await desk.business.queue()},
        "sessionSetPriority": {"priority": 4},
    }
    async with nothing_changes(api, desk.queue):
        for verb, allowed in _ALLOWED.items():
            if status in allowed:
                continue
            answer = await desk.refused(verb, visitor, **extra.get(verb, {}))
            assert answer["__typename"] == "IllegalTransitionError", verb
            assert (answer["sessionStatus"], answer["allowed"]) == (status, allowed), verb


async def test_the_same_key_calls_once(api: Api, desk: Desk) -> None:
    first, _ = await desk.join(), await desk.join()
    called = await desk.call(idempotencyKey="k")
    async with nothing_changes(api, desk.queue):
        assert await desk.call(idempotencyKey="k") == called
    await desk.business.serve(first.id)
    late = await desk.call(idempotencyKey="k")
    assert (late["id"], late["status"]) == (first.id, "COMPLETED"), "the first result as it is now; nobody is called"
    other_counter = await desk.business.counter(desk.queue)
    async with nothing_changes(api, desk.queue):
        answer = await _next(desk, counterId=other_counter, idempotencyKey="k")
        assert answer["__typename"] == "IdempotencyConflictError"


async def test_the_same_key_calls_a_given_session_once(api: Api, desk: Desk) -> None:
    visitor = await desk.join()
    other_counter = await desk.business.counter(desk.queue)
    called = await desk.do("sessionCall", visitor, counterId=desk.counter, idempotencyKey="k")
    async with nothing_changes(api, desk.queue):
        again = await desk.do("sessionCall", visitor, counterId=desk.counter, idempotencyKey="k")
        assert again == called
        conflict = await desk.refused("sessionCall", visitor, counterId=other_counter, idempotencyKey="k")
    assert conflict["__typename"] == "IdempotencyConflictError"


async def test_a_shift_is_required_where_the_tenant_says_so(api: Api) -> None:
    business = await api.new_business(settings={"shift_required": True})
    desk = await open_desk(business)
    visitor = await desk.join()
    staff = await business.user(Role.STAFF)

    async def refused() -> None:
        async with nothing_changes(api, desk.queue):
            for answer in (await _next(desk), await desk.refused("sessionCall", visitor, counterId=desk.counter)):
                assert answer["__typename"] == "ShiftRequiredError"

    await refused()
    await done(staff, "shiftStart", counterId=desk.counter)
    await done(staff, "shiftPause", counterId=desk.counter)
    await refused()
    await done(staff, "shiftResume", counterId=desk.counter)
    assert (await desk.call())["id"] == visitor.id
    await done(staff, "shiftEnd", counterId=desk.counter)
    await business.serve(visitor.id)


async def test_the_estimate_follows_service_times_and_open_counters(api: Api, desk: Desk) -> None:
    first, _, third = await desk.join(), await desk.join(), await desk.join()
    await desk.call()
    await desk.business.serve(first.id)
    mean = (await events_of(api, desk.queue))[-1].data["line"]["service_seconds_mean"]
    shown = await third.visitor("query($id: ID!) { session(id: $id) { estimatedWaitSeconds } }", id=third.id)
    assert shown["estimatedWaitSeconds"] == round(mean)
    await done(desk.business.admin, "counterUpdate", counterId=desk.counter, isActive=False)
    shown = await third.visitor("query($id: ID!) { session(id: $id) { estimatedWaitSeconds } }", id=third.id)
    assert shown["estimatedWaitSeconds"] is None, "no counter is open"
    await assert_sound(api, desk.queue)


async def _next(desk: Desk, caller: Caller | None = None, **given: Any) -> dict[str, Any]:
    given = {"queueId": desk.queue, "counterId": desk.counter} | given
    return await ask(caller or desk.business.admin, "queueCallNext", **given)


async def _call_all(desk: Desk) -> list[str]:
    called = []
    while (answer := await _next(desk))["__typename"] != "NobodyWaitingError":
        called.append(answer["session"]["ticketNumber"])
        await desk.do("sessionMarkNoShow", answer["session"]["id"])
    return called


async def _by_ticket(desk: Desk, ticket: str) -> str:
    queue = await desk.business.admin(
        "query($id: ID!) { queue(id: $id) { sessions(first: 100) { edges { node { id ticketNumber } } } } }",
        id=desk.queue,
    )
    found = {edge["node"]["ticketNumber"]: edge["node"]["id"] for edge in queue["sessions"]["edges"]}
    return str(found[ticket])


def _key(session_id: str) -> str:
    return str(key_of("Session", session_id))
