"""Joining: what a place is made of, what is refused, and that a retry takes no second place."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.desk import Desk, open_desk
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done


async def test_a_place_has_a_number_a_position_and_a_token(api: Api, desk: Desk) -> None:
    before = datetime.now(UTC)
    given = {
        "userIdentifier": "ada@example.com",
        "priority": 4,
        "partySize": 3,
        "contact": {"email": "ada@example.com", "phone": "+44 20 1234"},
        "locale": "en-GB",
        "metadata": {"plate": "B-XY 1", "nested": {"deep": [1, None, "ü"]}},
    }
    answer = await ask(api.anonymous, "queueJoin", queueId=desk.queue, **given)
    assert answer["__typename"] == "QueueJoinSuccess"
    session = answer["session"]
    assert session["ticketNumber"] == "A001"
    assert (session["status"], session["position"], session["aheadCount"]) == ("WAITING", 1, 0)
    assert session["estimatedWaitSeconds"] is None, "nobody has been served yet"
    assert {name: session[name] for name in given if name != "contact"} == {
        name: value for name, value in given.items() if name != "contact"
    }, "the answer to the join itself shows what was given"
    assert session["contact"] == given["contact"]
    assert before - timedelta(seconds=5) < datetime.fromisoformat(session["joinedAt"]) < datetime.now(UTC)
    assert session["revision"] == len(await events_of(api, desk.queue))
    event = (await events_of(api, desk.queue))[-1]
    assert event.type == "SESSION_JOINED"
    stored = str(event.data)
    assert not any(personal in stored for personal in ("ada@", "+44", "B-XY")), "no personal data in the log"
    visitor = await Caller(api, answer["sessionToken"])(
        "query($id: ID!) { session(id: $id) { id position contact { email } } }", id=session["id"]
    )
    assert visitor == {"id": session["id"], "position": 1, "contact": {"email": "ada@example.com"}}


async def test_a_stranger_may_join_as_often_as_he_likes(desk: Desk) -> None:
    assert [(await desk.join()).ticket for _ in range(3)] == ["A001", "A002", "A003"]


async def test_one_place_per_person_and_queue(api: Api, desk: Desk) -> None:
    mine = await desk.join(userIdentifier="ada")
    async with nothing_changes(api, desk.queue):
        again = await ask(api.anonymous, "queueJoin", queueId=desk.queue, userIdentifier="ada")
    assert again["__typename"] == "AlreadyWaitingError"
    assert again["session"]["id"] == mine.id
    assert again["session"]["position"] == 1
    assert again["session"]["userIdentifier"] is None, "who asks may be somebody else"
    elsewhere = await desk.business.queue()
    assert (await desk.business.join(elsewhere, userIdentifier="ada")).position == 1
    await desk.call()
    assert (await ask(api.anonymous, "queueJoin", queueId=desk.queue, userIdentifier="ada"))["__typename"] == (
        "AlreadyWaitingError"
    ), "called is a place too"
    await desk.business.serve(mine.id)
    assert (await desk.join(userIdentifier="ada")).ticket == "A002"


@pytest.mark.parametrize(
    ("verbs", "status"),
    [(["queueClose"], "CLOSED"), (["queueStartMaintenance"], "MAINTENANCE"), (["queueArchive"], "ARCHIVED")],
)
async def test_a_queue_that_is_not_open_is_not_joined(api: Api, desk: Desk, verbs: list[str], status: str) -> None:
    for verb in verbs:
        await done(desk.business.admin, verb, queueId=desk.queue)
    async with nothing_changes(api, desk.queue):
        for caller in (api.anonymous, desk.business.admin):
            answer = await ask(caller, "queueJoin", queueId=desk.queue, idempotencyKey="k")
            assert (answer["__typename"], answer["queueStatus"]) == ("QueueNotOpenError", status)


async def test_a_paused_queue_is_joined(desk: Desk) -> None:
    await done(desk.business.admin, "queuePause", queueId=desk.queue)
    assert (await desk.join()).position == 1


async def test_a_full_queue_is_full_held_people_included(api: Api, business: Business) -> None:
    desk = await open_desk(business, capacity=2)
    first, _ = await desk.join(), await desk.join()
    await desk.do("sessionHold", first)
    async with nothing_changes(api, desk.queue):
        answer = await ask(api.anonymous, "queueJoin", queueId=desk.queue, idempotencyKey="full")
    assert (answer["__typename"], answer["capacity"], answer["waitingCount"]) == ("QueueFullError", 2, 2)
    await desk.call()
    retried = await ask(api.anonymous, "queueJoin", queueId=desk.queue, idempotencyKey="full")
    assert retried["__typename"] == "QueueJoinSuccess", "a refusal is not remembered under its key"
    await done(business.admin, "queueUpdate", queueId=desk.queue, capacity=1)
    assert (await ask(api.anonymous, "queueJoin", queueId=desk.queue))["__typename"] == "QueueFullError"
    await done(business.admin, "queueUpdate", queueId=desk.queue, capacity=None)
    assert (await desk.join()).ticket == "A004"
    await assert_sound(api, desk.queue)


async def test_a_returned_visitor_comes_back_into_a_full_queue(api: Api, business: Business) -> None:
    desk = await open_desk(business, capacity=1)
    first = await desk.join()
    await desk.call()
    await desk.join()
    back = await desk.do("sessionReturnToQueue", first)
    assert back["position"] == 1, "nobody who has a place is sent away"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"priority": -1}, "priority"),
        ({"priority": 10}, "priority"),
        ({"partySize": 0}, "partySize"),
        ({"partySize": 51}, "partySize"),
        ({"userIdentifier": ""}, "userIdentifier"),
        ({"userIdentifier": "x" * 201}, "userIdentifier"),
        ({"userIdentifier": "a\0b"}, "userIdentifier"),
        ({"locale": "not a locale"}, "locale"),
        ({"contact": {"email": "nobody"}}, "contact.email"),
        ({"contact": {"phone": "call me"}}, "contact.phone"),
        ({"metadata": {"x": "y" * 8192}}, "metadata"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": "b\0c"}}, "metadata"),
        ({"metadata": {"a\0b": 1}}, "metadata"),
        ({"idempotencyKey": ""}, "idempotencyKey"),
        ({"idempotencyKey": "k" * 201}, "idempotencyKey"),
        ({"idempotencyKey": "a\0b"}, "idempotencyKey"),
    ],
)
async def test_unusable_input_is_named(api: Api, desk: Desk, given: dict[str, Any], field: str) -> None:
    async with nothing_changes(api, desk.queue):
        answer = await ask(api.anonymous, "queueJoin", queueId=desk.queue, **given)
    assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field)


async def test_metadata_that_json_cannot_hold_is_refused(api: Api, desk: Desk) -> None:
    """Literals in a document know larger numbers and deeper lists than JSON variables can bring."""
    document = """mutation { queueJoin(input: { queueId: "%s", metadata: { n: %s } }) {
      __typename ... on InvalidInputError { field } } }"""
    async with nothing_changes(api, desk.queue):
        for literal in (str(10**30), '"a\\u0000b"'):
            answer = await api.anonymous(document % (desk.queue, literal))
            assert answer == {"__typename": "InvalidInputError", "field": "metadata"}, literal
    for literal in ("1e400", r'"\\u0000"'):
        answer = await api.anonymous(document % (desk.queue, literal))
        assert answer["__typename"] in ("QueueJoinSuccess", "InvalidInputError"), literal


async def test_priorities_above_the_visitors_own_are_for_staff(api: Api, business: Business) -> None:
    desk = await open_desk(business, visitorMaxPriority=2)
    waiting = await desk.join(priority=2)
    customer = await business.user(Role.CUSTOMER)
    async with nothing_changes(api, desk.queue):
        for caller in (api.anonymous, waiting.visitor, customer):
            answer = await ask(caller, "queueJoin", queueId=desk.queue, priority=3)
            assert (answer["__typename"], answer.get("maximum")) == ("PriorityNotAllowedError", 2)
    staff = await business.user(Role.STAFF)
    assert (await done(staff, "queueJoin", queueId=desk.queue, priority=3))["position"] == 1


async def test_a_category_gives_its_priority_unless_the_join_names_one(api: Api, business: Business) -> None:
    desk = await open_desk(business, visitorMaxPriority=1)
    vip = await done(business.admin, "queueCategoryCreate", queueId=desk.queue, name="VIP", priority=5)
    plain = await desk.join()
    by_category = await desk.join(categoryId=vip["id"])
    assert by_category.position == 1, "what the queue's owner set up is not limited to visitors' own priorities"
    lowered = await done(api.anonymous, "queueJoin", queueId=desk.queue, categoryId=vip["id"], priority=0)
    assert (lowered["priority"], lowered["position"], lowered["category"]["name"]) == (0, 3, "VIP")
    await done(business.admin, "queueCategoryUpdate", categoryId=vip["id"], priority=7)
    assert (await desk.join(categoryId=vip["id"])).position == 1
    await done(business.admin, "queueCategoryUpdate", categoryId=vip["id"], isActive=False)
    elsewhere = await done(business.admin, "queueCategoryCreate", queueId=await business.queue(), name="VIP")
    async with nothing_changes(api, desk.queue):
        for category in (vip, elsewhere):
            answer = await ask(api.anonymous, "queueJoin", queueId=desk.queue, categoryId=category["id"])
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "categoryId")
    assert plain.ticket == "A001"
    await assert_sound(api, desk.queue)


async def test_another_tenants_things_are_not_found(api: Api, desk: Desk, other: Business) -> None:
    theirs = await other.queue()
    category = await done(other.admin, "queueCategoryCreate", queueId=theirs, name="VIP")
    async with nothing_changes(api, desk.queue, theirs):
        with pytest.raises(GraphQLFailed) as failed:
            await ask(other.admin, "queueJoin", queueId=desk.queue)
        assert failed.value.code == "NOT_FOUND"
        for caller in (api.anonymous, desk.business.admin):
            with pytest.raises(GraphQLFailed) as failed:
                await ask(caller, "queueJoin", queueId=desk.queue, categoryId=category["id"])
            assert failed.value.code == "NOT_FOUND"
    visitor = (await other.join(theirs)).visitor
    joined = await done(visitor, "queueJoin", queueId=desk.queue)
    assert joined["position"] == 1, "a visitor of another tenant is a stranger here, and strangers may join"


async def test_the_tenants_limit_on_waiting_people(api: Api) -> None:
    business = await api.new_business(limits={"waiting_sessions": 2})
    queues = [await business.queue(), await business.queue()]
    held = await business.join(queues[0])
    await business.act("sessionHold", held.id)
    await business.join(queues[1])
    async with nothing_changes(api, queues[0]):
        answer = await ask(api.anonymous, "queueJoin", queueId=queues[0])
    assert (answer["__typename"], answer["limit"], answer["maximum"]) == ("LimitReachedError", "waitingSessions", 2)


async def test_the_same_key_gives_the_same_place_and_token(api: Api, desk: Desk) -> None:
    given = {"queueId": desk.queue, "userIdentifier": "ada", "priority": 1, "idempotencyKey": "k1"}
    first = await ask(api.anonymous, "queueJoin", **given)
    assert first["__typename"] == "QueueJoinSuccess"
    async with nothing_changes(api, desk.queue):
        again = await ask(api.anonymous, "queueJoin", **given)
    assert again == first
    await desk.call()
    later = await ask(api.anonymous, "queueJoin", **given)
    assert later["sessionToken"] == first["sessionToken"]
    assert (later["session"]["id"], later["session"]["status"]) == (first["session"]["id"], "CALLED")


@pytest.mark.parametrize(
    "changed",
    [
        {"priority": 2},
        {"userIdentifier": "bob"},
        {"partySize": 2},
        {"contact": {"email": "a@example.com"}},
        {"metadata": {"a": 1}},
        {"locale": "de"},
    ],
)
async def test_the_same_key_with_other_input_is_refused(api: Api, desk: Desk, changed: dict[str, Any]) -> None:
    given = {"queueId": desk.queue, "userIdentifier": "ada", "priority": 1, "idempotencyKey": "k1"}
    await ask(api.anonymous, "queueJoin", **given)
    async with nothing_changes(api, desk.queue):
        answer = await ask(api.anonymous, "queueJoin", **(given | changed))
    assert answer["__typename"] == "IdempotencyConflictError"


async def test_keys_of_two_tenants_do_not_meet(api: Api, desk: Desk, other: Business) -> None:
    queues = [desk.queue, await other.queue()]
    joined = [await done(api.anonymous, "queueJoin", queueId=id, idempotencyKey="k") for id in queues]
    assert len({one["id"] for one in joined}) == 2


async def test_a_key_is_good_for_one_queue(api: Api, desk: Desk) -> None:
    await done(api.anonymous, "queueJoin", queueId=desk.queue, idempotencyKey="k")
    elsewhere = await ask(api.anonymous, "queueJoin", queueId=await desk.business.queue(), idempotencyKey="k")
    assert elsewhere["__typename"] == "IdempotencyConflictError"


async def test_a_stranger_with_the_key_of_staff_is_not_answered_as_staff_were(api: Api, desk: Desk) -> None:
    theirs = await done(desk.business.admin, "queueJoin", queueId=desk.queue, idempotencyKey="k")
    strangers = await done(api.anonymous, "queueJoin", queueId=desk.queue, idempotencyKey="k")
    assert theirs["id"] != strangers["id"]
