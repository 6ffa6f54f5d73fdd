"""Counters: set up, changed, and what that does to the queues they serve."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done


async def _failure(caller: Caller, verb: str, **given: Any) -> str:
    with pytest.raises(GraphQLFailed) as failed:
        await ask(caller, verb, **given)
    return str(failed.value.code)


async def _open_counters(api: Api, queue: str) -> int:
    shown = await api.anonymous("query($id: ID!) { queue(id: $id) { openCounterCount } }", id=queue)
    return int(shown["openCounterCount"])


async def test_a_counter_opens_its_queues(api: Api, business: Business) -> None:
    queues = [await business.queue(), await business.queue()]
    counter = await done(business.admin, "counterCreate", name=" Desk 1 ", queueIds=queues)
    assert (counter["name"], counter["isActive"]) == ("Desk 1", True)
    assert sorted(queue["id"] for queue in counter["queues"]) == sorted(queues)
    assert [await _open_counters(api, queue) for queue in queues] == [1, 1]
    assert [event.type for event in await events_of(api, queues[0])] == ["QUEUE_CREATED", "QUEUE_STAFFING_CHANGED"]
    changed = await done(business.admin, "counterUpdate", counterId=counter["id"], queueIds=[queues[1], queues[1]])
    assert [queue["id"] for queue in changed["queues"]] == [queues[1]]
    assert [await _open_counters(api, queue) for queue in queues] == [0, 1]
    await done(business.admin, "counterUpdate", counterId=counter["id"], isActive=False)
    assert [await _open_counters(api, queue) for queue in queues] == [0, 0]
    await assert_sound(api, *queues)


async def test_a_new_name_changes_no_queue(api: Api, business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    before = await events_of(api, queue)
    changed = await done(business.admin, "counterUpdate", counterId=counter, name="Window")
    assert changed["name"] == "Window"
    assert await events_of(api, queue) == before


async def test_refusals(api: Api, business: Business) -> None:
    queue = await business.queue()
    await business.counter(queue, name="Taken")
    mine = await business.counter(queue)
    elsewhere = await api.new_business()
    await elsewhere.counter(await elsewhere.queue(), name="Taken")
    theirs = await elsewhere.queue()
    async with nothing_changes(api, queue):
        for verb, given in (("counterCreate", {"queueIds": [queue]}), ("counterUpdate", {"counterId": mine})):
            answer = await ask(business.admin, verb, name="Taken", **given)
            assert (answer["__typename"], answer["name"]) == ("CounterNameTakenError", "Taken")
            for name in ("", "  ", "x" * 81, "a\0b"):
                answer = await ask(business.admin, verb, name=name, **given)
                assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "name")
            assert await _failure(business.admin, verb, **(given | {"name": "N", "queueIds": [theirs]})) == "NOT_FOUND"
        answer = await ask(business.admin, "counterCreate", name="N", queueIds=[queue] * 101)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "queueIds")


async def test_the_same_key_creates_once(api: Api, business: Business) -> None:
    queue = await business.queue()
    given = {"name": "Desk", "queueIds": [queue], "idempotencyKey": "k"}
    first = await done(business.admin, "counterCreate", **given)
    async with nothing_changes(api, queue):
        assert (await done(business.admin, "counterCreate", **given))["id"] == first["id"]
        answer = await ask(business.admin, "counterCreate", **(given | {"name": "Other"}))
        assert answer["__typename"] == "IdempotencyConflictError"


async def test_who_may(api: Api, business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    visitor = (await business.join(queue)).visitor
    staff, customer = await business.user(Role.STAFF), await business.user(Role.CUSTOMER)
    stranger = (await api.new_business()).admin
    verbs: dict[str, dict[str, Any]] = {
        "counterCreate": {"name": "N", "queueIds": [queue]},
        "counterUpdate": {"counterId": counter, "name": "N"},
        "shiftStart": {"counterId": counter},
        "shiftPause": {"counterId": counter},
        "shiftResume": {"counterId": counter},
        "shiftEnd": {"counterId": counter},
    }
    async with nothing_changes(api, queue):
        for verb, given in verbs.items():
            assert await _failure(api.anonymous, verb, **given) == "UNAUTHENTICATED"
            assert await _failure(visitor, verb, **given) == "UNAUTHENTICATED"
            assert await _failure(customer, verb, **given) == "FORBIDDEN"
            assert await _failure(stranger, verb, **given) == "NOT_FOUND"
            if verb.startswith("counter"):
                assert await _failure(staff, verb, **given) == "FORBIDDEN"
    await done(staff, "shiftStart", counterId=counter)


async def test_what_a_counter_shows(business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    query = "query($id: ID!) { node(id: $id) { ... on Counter { currentSession { id status } currentShift { id } } } }"
    assert await business.admin(query, id=counter) == {"currentSession": None, "currentShift": None}
    visitor = await business.join(queue)
    await business.call_next(queue, counter)
    shift = await done(business.admin, "shiftStart", counterId=counter)
    assert await business.admin(query, id=counter) == {
        "currentSession": {"id": visitor.id, "status": "CALLED"},
        "currentShift": {"id": shift["id"]},
    }
