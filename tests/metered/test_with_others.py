"""A metered queue among the rest of the product: staff, displays, live feeds."""

from tests.support.api import Business
from tests.support.feeds import session_feed, watching

DISPLAY = """query($ids: [ID!]!) { display(queueIds: $ids) { queues {
    waitingCount next nowServing { ticketNumber counterName status }
} } }"""


async def test_staff_calls_nobody_from_a_queue_that_releases_by_itself(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    counter = await business.counter(queue)
    await business.join(queue)
    waiting = await business.join(queue)
    refused = await business.call_next(queue, counter)
    assert refused["__typename"] == "QueueNotServingError"
    assert "METERED" in refused["message"]
    refused = await business.admin(
        "mutation($i: SessionCallInput!) { sessionCall(input: $i) { __typename } }",
        i={"sessionId": waiting.id, "counterId": counter},
    )
    assert refused["__typename"] == "QueueNotServingError"
    shown = await waiting.visitor("query($id: ID!) { session(id: $id) { status position } }", id=waiting.id)
    assert shown == {"status": "WAITING", "position": 1}


async def test_a_display_shows_who_was_let_in_and_who_is_next(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    for _ in range(3):
        await business.join(queue)
    shown = await business.api.anonymous(DISPLAY, ids=[queue])
    assert shown["queues"] == [
        {
            "waitingCount": 2,
            "next": ["A002", "A003"],
            "nowServing": [{"ticketNumber": "A001", "counterName": None, "status": "CALLED"}],
        }
    ]


async def test_a_release_reaches_whoever_watches_the_session_and_moves_those_behind(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    first, second, third = [await business.join(queue) for _ in range(3)]
    one, other = session_feed(second.id), session_feed(third.id)
    async with watching(second.visitor, one) as [item], watching(third.visitor, other) as [behind]:
        assert ((await item.started()).last["status"], (await behind.started()).last["position"]) == ("WAITING", 2)
        await business.act("sessionCancel", first.id, first.visitor)
        await item.shows(status="CALLED", position=0, counter=None)
        await behind.shows(position=1)


async def test_a_change_of_the_cap_lets_people_in_before_the_answer(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    people = [await business.join(queue) for _ in range(4)]
    changed = await business.admin(
        "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { ... on QueueUpdateSuccess { queue {"
        " waitingCount calledCount } } } }",
        i={"queueId": queue, "maxConcurrentUsers": 3},
    )
    assert changed["queue"] == {"waitingCount": 1, "calledCount": 3}
    query = "query($id: ID!) { session(id: $id) { status } }"
    shown = [(await one.visitor(query, id=one.id))["status"] for one in people]
    assert shown == ["CALLED", "CALLED", "CALLED", "WAITING"]
