"""Which subscriptions are parked, by document and by what their fields show. What happens to them: `test_parked.py`."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from app.api.compiled import Compiled
from app.sessions.graphql.feeds import SessionFeed
from app.sessions.graphql.types import Session
from tests.contract.operations import operation
from tests.fanout.hosts import (
    FEED,
    PLACE,
    SCHEMA,
    Counting,
    Host,
    visitor,
)
from tests.support.desk import Desk
from tests.support.verbs import done
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("selection", "parks"),
    [
        (PLACE, True),
        ("status", True),
        ("position counter { id name } category { name } servedBy { id }", True),
        ("contact { email } metadata userIdentifier", True),
        ("position queue { __typename id name status priorityCredits { seconds } }", True),
        # What others change is looked up for each item.
        ("position queue { id waitingCount }", False),
        ("position queue { id } ... on Session { queue { categories { id } } }", False),
        # An error may be another one the next time.
        ("position notes { text }", False),
    ],
)
async def test_what_is_parked(desk: Desk, host: Callable[..., Host], selection: str, parks: bool) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(FEED % selection, {"id": mine.id})
    await eventually(lambda: len(here.outlet.messages) == 1)
    if parks:
        await here.settled()
    else:
        assert here.running == 1
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.outlet.messages) == 2)


async def test_what_front_ends_send_is_parked(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine))
    here.subscribe(operation("SessionChanged"), {"sessionId": mine.id}, "1")
    here.subscribe(operation("QueueChanged"), {"queueId": desk.queue}, "2")
    here.subscribe(operation("DisplayChanged"), {"queueIds": [desk.queue]}, "3")
    await here.settled(3)
    await desk.do("sessionCancel", first)
    await eventually(lambda: all(len(here.items(id)) == 2 for id in "123"))
    assert here.running == 0
    assert here.items("1")[-1]["position"] == here.items("2")[-1]["waitingCount"] == 1


async def test_one_document_with_other_flags_is_another_shape(desk: Desk, host: Callable[..., Host]) -> None:
    first, mine = await desk.join(), await desk.join()
    here = host(visitor(mine), Compiled(SCHEMA))
    query = """subscription($id: ID!, $more: Boolean!) { sessionChanged(sessionId: $id) {
        status ... @include(if: $more) { held: onHold } position @skip(if: $more) place: position @include(if: $more)
    } }"""
    for id, more in (("1", False), ("2", True), ("3", False)):
        here.subscribe(query, {"id": mine.id, "more": more}, id)
        await here.settled(int(id))
    await desk.do("sessionCancel", first)
    await eventually(lambda: len(here.outlet.messages) == 6)
    assert here.items("1") == here.items("3") == [{"status": "WAITING", "position": place} for place in (2, 1)]
    assert here.items("2") == [{"status": "WAITING", "held": False, "place": place} for place in (2, 1)]


async def test_the_queue_is_shown_as_it_is_configured_at_each_move(desk: Desk, host: Callable[..., Host]) -> None:
    ahead = [await desk.join() for _ in range(3)]
    mine = await desk.join()
    schema = Counting()
    here = host(visitor(mine), Compiled(schema), schema)
    here.subscribe(FEED % "position queue { name status }", {"id": mine.id})
    await here.settled()

    async def configure(verb: str, **given: Any) -> None:
        await done(desk.business.admin, verb, queueId=desk.queue, **given)

    await configure("queueUpdate", name="Passports")
    await configure("queuePause")
    assert len(here.items()) == 1, "it has not moved"
    await desk.do("sessionCancel", ahead[0])
    await eventually(lambda: len(here.items()) == 2 and not here.running)
    begun = schema.begun
    await desk.do("sessionCancel", ahead[1])
    await eventually(lambda: len(here.items()) == 3)
    assert schema.begun == begun == 2, "executed again once"
    await configure("queueResume")
    await desk.do("sessionCancel", ahead[2])
    await eventually(lambda: len(here.items()) == 4 and not here.running)
    assert [(item["position"], item["queue"]["name"], item["queue"]["status"]) for item in here.items()] == [
        (4, "Queue", "ACTIVE"),
        (3, "Passports", "PAUSED"),
        (2, "Passports", "PAUSED"),
        (1, "Passports", "ACTIVE"),
    ]


def test_what_is_taken_for_configuration_is_what_only_the_queue_itself_changes() -> None:
    """Anything else of a queue may change with every join, unseen by who is parked."""
    fields = set(SCHEMA._schema.type_map["Queue"].fields)  # type: ignore[attr-defined]
    counted = {"waitingCount", "heldCount", "calledCount", "servingCount", "openCounterCount", "estimatedWaitSeconds"}
    counted |= {"insideCount", "estimatedWaitUnknown", "effectiveReleaseRatePerMinute", "effectiveMaxConcurrentUsers"}
    counted |= {"estimatedWaitP50Seconds", "estimatedWaitP90Seconds", "estimatedWaitReason"}
    others = {"revision", "lastCalled", "categories", "events", "counters", "waiting", "sessions"}
    others |= {"bypassList", "inviteList", "accessCodes", "fee", "feedback", "ratings", "asOf"}
    assert counted | others < fields
    taken = SessionFeed.config_fields["queue"] - {"__typename"}
    assert taken < fields - counted - others
    assert {"name", "status", "capacity", "maxConcurrentUsers", "releaseRatePerMinute", "queueAll"} < taken


async def test_a_category_that_is_there_is_looked_up(desk: Desk, host: Callable[..., Host]) -> None:
    created = await desk.business.admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": desk.queue, "name": "Passports"},
    )
    first, mine = await desk.join(), await desk.join(categoryId=created["category"]["id"])
    here = host(visitor(mine))
    here.subscribe(FEED % "position category { name }", {"id": mine.id})
    await eventually(lambda: len(here.outlet.messages) == 1)
    await desk.business.admin(
        "mutation($i: QueueCategoryUpdateInput!) { queueCategoryUpdate(input: $i) { __typename } }",
        i={"categoryId": created["category"]["id"], "name": "Visas"},
    )
    await desk.do("sessionCancel", first)
    await eventually(lambda: here.items()[-1] == {"position": 1, "category": {"name": "Visas"}})


def test_every_field_of_a_session_is_known_to_move_or_not() -> None:
    """A new field that is computed from the place, or looked up, must not be taken for one of the row's."""
    fields = SCHEMA._schema.type_map["Session"].fields  # type: ignore[attr-defined]
    looked_up = {"queue", "category", "counter", "servedBy", "payment", "customer", "rating", "ratingUrl"}
    known = [set(SessionFeed.gaps), SessionFeed.row_fields - {"__typename"}, looked_up]
    assert set.union(*known) == set(fields)
    assert sum(map(len, known)) == len(fields)
    resolvers = {field.name: field.base_resolver for field in Session.__strawberry_definition__.fields}  # type: ignore[attr-defined]
    waits = {
        name
        for name, resolver in resolvers.items()
        if resolver is not None and asyncio.iscoroutinefunction(resolver.wrapped_func)
    }
    assert waits == {
        "queue",
        "category",
        "counter",
        "served_by",
        "notes",
        "payment",
        "customer",
        "rating",
        "rating_url",
    }
