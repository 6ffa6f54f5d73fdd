"""What is done with queues: create, change, open and close, archive; and their categories."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done

DEFAULTS: dict[str, Any] = {
    "status": "ACTIVE",
    "discipline": "PRIORITY",
    "capacity": None,
    "maxConcurrentUsers": None,
    "ticketPrefix": "A",
    "ticketLastNumber": 999,
    "visitorMaxPriority": 9,
    "timeZone": "UTC",
    "dailyResetTime": "00:00:00",
    "announcement": None,
    "description": None,
    "priorityCredits": [],
    "waitingCount": 0,
    "openCounterCount": 0,
    "revision": 1,
    "archivedAt": None,
}


async def _failure(caller: Caller, verb: str, **given: Any) -> str:
    with pytest.raises(GraphQLFailed) as failed:
        await ask(caller, verb, **given)
    return str(failed.value.code)


async def test_name_and_slug_are_enough(api: Api, business: Business) -> None:
    queue = await done(business.admin, "queueCreate", name="Main", slug="main")
    assert {name: queue[name] for name in DEFAULTS} == DEFAULTS
    assert (queue["name"], queue["slug"]) == ("Main", "main")
    assert [event.type for event in await events_of(api, queue["id"])] == ["QUEUE_CREATED"]


async def test_everything_can_be_given(business: Business) -> None:
    given = {
        "description": "By the door",
        "discipline": "TIME_CREDIT",
        "priorityCredits": [{"priority": 2, "seconds": 90.0}],
        "visitorMaxPriority": 1,
        "capacity": 50,
        "maxConcurrentUsers": 4,
        "ticketPrefix": "VIP-",
        "ticketLastNumber": 99,
        "timeZone": "Europe/Berlin",
        "dailyResetTime": "04:00:00",
        "announcement": "Welcome",
    }
    queue = await done(business.admin, "queueCreate", name="Main", slug="main", **given)
    assert {name: queue[name] for name in given} == given
    assert (await business.join(queue["id"])).ticket == "VIP-01"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": "  "}, "name"),
    ({"name": "x" * 121}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"slug": "Not A Slug"}, "slug"),
    ({"slug": "x" * 64}, "slug"),
    ({"description": "x" * 2001}, "description"),
    ({"announcement": "x" * 281}, "announcement"),
    ({"capacity": 0}, "capacity"),
    ({"maxConcurrentUsers": -1}, "maxConcurrentUsers"),
    ({"ticketPrefix": "ABCDE"}, "ticketPrefix"),
    ({"ticketPrefix": "Ä"}, "ticketPrefix"),
    ({"ticketFirstNumber": 5, "ticketLastNumber": 5}, "ticketLastNumber"),
    ({"ticketFirstNumber": -1}, "ticketLastNumber"),
    ({"visitorMaxPriority": 10}, "visitorMaxPriority"),
    ({"timeZone": "Mars/Olympus"}, "timeZone"),
    ({"timeZone": "../etc/passwd"}, "timeZone"),
    ({"timeZone": ""}, "timeZone"),
    ({"priorityCredits": [{"priority": 10, "seconds": 1.0}]}, "priorityCredits"),
    ({"priorityCredits": [{"priority": 1, "seconds": -1.0}]}, "priorityCredits"),
    ({"priorityCredits": [{"priority": 1, "seconds": 1.0}, {"priority": 1, "seconds": 2.0}]}, "priorityCredits"),
]


async def test_unusable_input_is_named_by_create_and_update_alike(api: Api, business: Business) -> None:
    queue = await business.queue()
    async with nothing_changes(api, queue):
        for given, field in BAD:
            for verb, rest in (("queueCreate", {"name": "N", "slug": "n"}), ("queueUpdate", {"queueId": queue})):
                answer = await ask(business.admin, verb, **(rest | given))
                assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field), (verb, given)


async def test_an_update_changes_what_is_given_and_says_so_in_the_log(api: Api, business: Business) -> None:
    queue = await business.queue(capacity=5, announcement="Hello", ticketPrefix="B")
    await business.join(queue)
    changed = await done(business.admin, "queueUpdate", queueId=queue, name="Other", capacity=None, ticketPrefix="C")
    assert (changed["name"], changed["capacity"], changed["announcement"]) == ("Other", None, "Hello")
    event = (await events_of(api, queue))[-1]
    assert (event.type, event.data["changes"]) == (
        "QUEUE_UPDATED",
        {"name": "Other", "capacity": None, "ticket_prefix": "C"},
    )
    assert (await business.join(queue)).ticket == "C002", "the numbers go on"
    async with nothing_changes(api, queue):
        await done(business.admin, "queueUpdate", queueId=queue, name="Other", capacity=None)
        await done(business.admin, "queueUpdate", queueId=queue)


async def test_a_slug_is_unique_in_its_tenant(api: Api, business: Business) -> None:
    await business.queue(slug="taken")
    mine = await business.queue()
    elsewhere = await api.new_business()
    await elsewhere.queue(slug="taken")
    async with nothing_changes(api, mine):
        for verb, given in (("queueCreate", {"name": "N"}), ("queueUpdate", {"queueId": mine})):
            answer = await ask(business.admin, verb, slug="taken", **given)
            assert (answer["__typename"], answer["slug"]) == ("QueueSlugTakenError", "taken")


async def test_the_discipline_changes_only_while_nobody_is_in_the_queue(api: Api, business: Business) -> None:
    queue = await business.queue()
    counter = await business.counter(queue)
    visitor = await business.join(queue)

    async def refused() -> None:
        async with nothing_changes(api, queue):
            answer = await ask(business.admin, "queueUpdate", queueId=queue, discipline="TIME_CREDIT")
            assert (answer["__typename"], answer["sessionCount"]) == ("QueueNotEmptyError", 1)

    await refused()
    await business.act("sessionHold", visitor.id)
    await refused()
    await business.act("sessionUnhold", visitor.id)
    await business.call_next(queue, counter)
    await refused()
    await business.serve(visitor.id)
    changed = await done(business.admin, "queueUpdate", queueId=queue, discipline="TIME_CREDIT")
    assert changed["discipline"] == "TIME_CREDIT"


async def test_statuses_come_and_go_and_a_repeat_is_harmless(api: Api, business: Business) -> None:
    queue = await business.queue()
    for verb, status in [
        ("queuePause", "PAUSED"),
        ("queueResume", "ACTIVE"),
        ("queueClose", "CLOSED"),
        ("queueOpen", "ACTIVE"),
        ("queueStartMaintenance", "MAINTENANCE"),
        ("queueOpen", "ACTIVE"),
    ]:
        assert (await done(business.admin, verb, queueId=queue))["status"] == status
        async with nothing_changes(api, queue):
            assert (await done(business.admin, verb, queueId=queue))["status"] == status
    await assert_sound(api, queue)


async def test_illegal_transitions_are_refused(api: Api, business: Business) -> None:
    queue = await business.queue()
    await done(business.admin, "queueClose", queueId=queue)

    async def refused(verb: str, status: str) -> None:
        async with nothing_changes(api, queue):
            answer = await ask(business.admin, verb, queueId=queue)
            assert (answer["__typename"], answer["queueStatus"]) == ("IllegalQueueTransitionError", status)

    await refused("queuePause", "CLOSED")
    await refused("queueResume", "CLOSED")
    await done(business.admin, "queueArchive", queueId=queue)
    for verb in ("queueOpen", "queuePause", "queueResume", "queueClose", "queueStartMaintenance"):
        await refused(verb, "ARCHIVED")


async def test_only_an_empty_queue_is_archived(api: Api, business: Business) -> None:
    queue = await business.queue(slug="old")
    counter = await business.counter(queue)
    people = [await business.join(queue) for _ in range(3)]
    await business.call_next(queue, counter)
    await business.act("sessionHold", people[1].id)
    async with nothing_changes(api, queue):
        answer = await ask(business.admin, "queueArchive", queueId=queue)
        assert (answer["__typename"], answer["sessionCount"]) == ("QueueNotEmptyError", 3)
    for one in people:
        await business.act("sessionCancel", one.id)
    archived = await done(business.admin, "queueArchive", queueId=queue)
    assert archived["status"] == "ARCHIVED"
    assert archived["archivedAt"] is not None
    by_slug = "query($t: String!, $s: String!) { queueBySlug(tenantSlug: $t, slug: $s) { id } }"
    assert await api.anonymous(by_slug, t=business.slug, s="old") is None
    listed = await business.admin("query { queues(first: 10) { edges { node { id } } } }")
    assert listed["edges"] == []
    assert (await ask(business.admin, "queueCreate", name="N", slug="old"))["__typename"] == "QueueSlugTakenError"
    await assert_sound(api, queue)


async def test_the_same_key_creates_once(api: Api, business: Business) -> None:
    given = {"name": "N", "slug": "n", "capacity": 3, "idempotencyKey": "k"}
    first = await done(business.admin, "queueCreate", **given)
    async with nothing_changes(api, first["id"]):
        assert await done(business.admin, "queueCreate", **given) == first
        answer = await ask(business.admin, "queueCreate", **(given | {"capacity": 4}))
        assert answer["__typename"] == "IdempotencyConflictError"


async def test_no_more_queues_than_the_tenant_may_have(api: Api) -> None:
    business = await api.new_business(limits={"queues": 2})
    queues = [await business.queue() for _ in range(2)]
    async with nothing_changes(api, queues[0]):
        answer = await ask(business.admin, "queueCreate", name="N", slug="n")
        assert (answer["__typename"], answer["limit"], answer["maximum"]) == ("LimitReachedError", "queues", 2)
    await done(business.admin, "queueArchive", queueId=queues[0])
    await done(business.admin, "queueCreate", name="N", slug="n")


async def test_categories(api: Api, business: Business) -> None:
    queue = await business.queue()
    vip = await done(business.admin, "queueCategoryCreate", queueId=queue, name=" VIP ", priority=5)
    assert (vip["name"], vip["priority"], vip["isActive"]) == ("VIP", 5, True)
    other = await done(business.admin, "queueCategoryCreate", queueId=queue, name="Other")
    async with nothing_changes(api, queue):
        answer = await ask(business.admin, "queueCategoryCreate", queueId=queue, name="VIP")
        assert (answer["__typename"], answer["name"]) == ("CategoryNameTakenError", "VIP")
        answer = await ask(business.admin, "queueCategoryUpdate", categoryId=other["id"], name="VIP")
        assert (answer["__typename"], answer["name"]) == ("CategoryNameTakenError", "VIP")
        for given, field in (({"name": ""}, "name"), ({"name": "x" * 81}, "name"), ({"priority": 10}, "priority")):
            answer = await ask(business.admin, "queueCategoryUpdate", categoryId=vip["id"], **given)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)
    changed = await done(business.admin, "queueCategoryUpdate", categoryId=vip["id"], isActive=False)
    assert (changed["name"], changed["isActive"]) == ("VIP", False)
    shown = await api.anonymous("query($id: ID!) { queue(id: $id) { categories { name isActive } } }", id=queue)
    assert shown["categories"] == [{"name": "Other", "isActive": True}, {"name": "VIP", "isActive": False}]
    await assert_sound(api, queue)


OPERATE = ["queueOpen", "queuePause", "queueResume", "queueClose", "queueStartMaintenance"]


async def test_who_may(api: Api, business: Business) -> None:
    queue = await business.queue()
    category = await done(business.admin, "queueCategoryCreate", queueId=queue, name="VIP")
    visitor = (await business.join(queue)).visitor
    staff, manager = await business.user(Role.STAFF), await business.user(Role.MANAGER)
    customer = await business.user(Role.CUSTOMER)
    stranger = (await api.new_business()).admin
    configure: dict[str, dict[str, Any]] = {
        "queueUpdate": {"queueId": queue, "name": "M"},
        "queueArchive": {"queueId": queue},
        "queueCategoryCreate": {"queueId": queue, "name": "M"},
        "queueCategoryUpdate": {"categoryId": category["id"], "name": "M"},
    }
    every = configure | {verb: {"queueId": queue} for verb in OPERATE}
    async with nothing_changes(api, queue):
        for verb, given in every.items():
            assert await _failure(api.anonymous, verb, **given) == "UNAUTHENTICATED"
            assert await _failure(visitor, verb, **given) == "UNAUTHENTICATED"
            assert await _failure(customer, verb, **given) == "FORBIDDEN"
            assert await _failure(stranger, verb, **given) == "NOT_FOUND"
            if verb in configure:
                assert await _failure(staff, verb, **given) == "FORBIDDEN"
        for caller in (staff, customer):
            assert await _failure(caller, "queueCreate", name="N", slug="n") == "FORBIDDEN"
        assert await _failure(api.anonymous, "queueCreate", name="N", slug="n") == "UNAUTHENTICATED"
    await done(staff, "queuePause", queueId=queue)
    await done(manager, "queueUpdate", queueId=queue, name="M")
    await done(manager, "queueCreate", name="N", slug="n")
