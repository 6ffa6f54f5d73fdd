"""Before the opening: people come, and nobody is shown a place, whoever asks and however."""

from typing import Any

import pytest

from tests.contract.operations import operation
from tests.schedules.conftest import Timed
from tests.support.api import SESSION, Joined
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, events_of
from tests.support.verbs import ask, done

SALE = {
    "name": "Sale",
    "prequeueStartsAt": "2026-11-23T11:00:00Z",
    "startsAt": "2026-11-23T12:00:00Z",
    "endsAt": "2026-11-23T14:00:00Z",
}
CHANGED = f"subscription($id: ID!) {{ sessionChanged(sessionId: $id) {{ {SESSION} }} }}"
MOVED = "subscription($id: ID!) { sessionChanged(sessionId: $id) { position aheadCount estimatedWaitSeconds } }"
ONE = f"query($id: ID!) {{ session(id: $id) {{ {SESSION} }} }}"


async def _prequeue(timed: Timed, *, waiting: int = 0, **given: Any) -> tuple[str, list[Joined]]:
    queue = await timed.business.queue()
    before = [await timed.business.join(queue) for _ in range(waiting)]
    await done(timed.business.admin, "scheduledEventCreate", queueId=queue, **(SALE | given))
    await timed.go_to(queue, "2026-11-23T11:00Z")
    assert await timed.status(queue) == "PREQUEUE"
    return queue, before


async def _places(timed: Timed, people: list[Joined]) -> list[int | None]:
    return [(await one.visitor(ONE, id=one.id))["position"] for one in people]


@pytest.mark.parametrize("draws_lots", [True, False])
async def test_nobody_is_shown_a_place_before_the_opening(timed: Timed, draws_lots: bool) -> None:
    queue, before = await _prequeue(timed, waiting=2, drawsLots=draws_lots)
    people = [await timed.business.join(queue) for _ in range(6)]
    admin, everybody = timed.business.admin, before + people
    assert {one.position for one in people} == {None}
    assert await _places(timed, everybody) == [None] * 8
    shown = await admin("query($id: ID!) { session(id: $id) { aheadCount estimatedWaitSeconds } }", id=people[0].id)
    assert shown == {"aheadCount": None, "estimatedWaitSeconds": None}
    line = await admin("query($id: ID!) { queue(id: $id) { waitingCount waiting(first: 10) { edges { cursor } } } }",
                       id=queue)  # fmt: skip
    assert line == {"waitingCount": 8, "waiting": {"edges": []}}
    board = await timed.api.anonymous("query($ids: [ID!]!) { display(queueIds: $ids) { queues { next status } } }",
                                      ids=[queue])  # fmt: skip
    assert board["queues"] == [{"next": [], "status": "PREQUEUE"}]
    past = await admin("query($id: ID!, $at: DateTime!) { queueAsOf(queueId: $id, at: $at) {"
                       " waitingCount waiting { position } } }", id=queue, at="2026-11-23T11:30:00Z")  # fmt: skip
    assert past == {"waitingCount": 8, "waiting": []}
    log = await admin("query($id: ID!) { queue(id: $id) { events(first: 100) { edges { node { type data } } } } }",
                      id=queue)  # fmt: skip
    ranks = [
        edge["node"]["data"]["session"]["rankSequence"]
        for edge in log["events"]["edges"]
        if edge["node"]["type"] == "SESSION_JOINED"
    ]
    assert [rank is None for rank in ranks] == [False] * 2 + [True] * 6
    await timed.go_to(queue, "2026-11-23T12:00Z")
    places = await _places(timed, everybody)
    assert places[:2] == [1, 2], "who waited before goes first"
    assert sorted(places[2:], key=str) == [3, 4, 5, 6, 7, 8]
    if not draws_lots:
        assert places == [1, 2, 3, 4, 5, 6, 7, 8]
    late = await timed.business.join(queue)
    assert late.position == 9
    await assert_sound(timed.api, queue)


async def test_nobody_is_called_nor_lets_others_go_first(timed: Timed) -> None:
    queue, _ = await _prequeue(timed, drawsLots=True)
    counter = await timed.business.counter(queue)
    people = [await timed.business.join(queue) for _ in range(3)]
    called = await timed.business.call_next(queue, counter)
    assert called["__typename"] == "QueueNotServingError"
    called = await ask(timed.business.admin, "sessionCall", sessionId=people[0].id, counterId=counter)
    assert (called["__typename"], called["queueStatus"]) == ("QueueNotServingError", "PREQUEUE")
    stepped = await ask(people[0].visitor, "sessionStepBack", sessionId=people[0].id, places=1)
    assert (stepped["__typename"], stepped["queueStatus"]) == ("QueueNotServingError", "PREQUEUE")


@pytest.mark.parametrize("document", [CHANGED, MOVED], ids=["executed", "parked"])
async def test_a_feed_shows_the_place_when_there_is_one(timed: Timed, document: str) -> None:
    queue, before = await _prequeue(timed, waiting=1, drawsLots=True)
    one = await timed.business.join(queue)
    async with one.visitor.socket() as socket, before[0].visitor.socket() as waiting:
        mine = await socket.subscribe(document, {"id": one.id})
        theirs = await waiting.subscribe(document, {"id": before[0].id})
        assert (await mine.item())["position"] is None
        assert (await theirs.item())["position"] is None
        others = [await timed.business.join(queue) for _ in range(4)]
        await others[0].visitor("mutation($i: SessionCancelInput!) { sessionCancel(input: $i) { __typename } }",
                                i={"sessionId": others[0].id})  # fmt: skip
        await timed.go_to(queue, "2026-11-23T12:00Z")
        shown = await mine.item()
        assert shown["position"] == (await _places(timed, [one]))[0]
        assert shown["aheadCount"] == shown["position"] - 1
        assert (await theirs.item())["position"] == 1


async def test_a_feed_forgets_the_place_when_a_prequeue_begins(timed: Timed) -> None:
    queue = await timed.business.queue()
    one = await timed.business.join(queue)
    async with one.visitor.socket() as socket:
        feed = await socket.subscribe(MOVED, {"id": one.id})
        assert (await feed.item())["position"] == 1
        await done(timed.business.admin, "scheduledEventCreate", queueId=queue, **SALE)
        await timed.go_to(queue, "2026-11-23T11:00Z")
        assert (await feed.item()) == {
            "position": None,
            "aheadCount": None,
            "estimatedWaitSeconds": None,
        }


@pytest.mark.parametrize("verb", ["queueOpen", "queueClose", "queueStartMaintenance"])
async def test_staff_may_end_it_early_and_the_seed_is_published(timed: Timed, verb: str) -> None:
    queue, _ = await _prequeue(timed, drawsLots=True)
    people = [await timed.business.join(queue) for _ in range(5)]
    await done(timed.business.admin, verb, queueId=queue)
    events = await events_of(timed.api, queue)
    (opened,) = [event for event in events if event.type == "LOTTERY_OPENED"]
    assert opened.revision == events[-1].revision
    places = await _places(timed, people)
    assert sorted(places, key=str) == [1, 2, 3, 4, 5]
    if verb == "queueOpen":
        # Before the hour the opening was planned for: behind the others all the same.
        assert (await timed.business.join(queue)).position == 6
    await timed.go_to(queue, "2026-11-23T12:00Z")
    expected = "MAINTENANCE" if verb == "queueStartMaintenance" else "ACTIVE"
    assert await timed.status(queue) == expected
    assert await _places(timed, people) == places
    await assert_sound(timed.api, queue)


async def test_a_priority_counts_before_the_lot_and_can_be_changed_without_losing_it(timed: Timed) -> None:
    admin = timed.business.admin
    queue, _ = await _prequeue(timed, drawsLots=True)
    plain = [await timed.business.join(queue) for _ in range(4)]
    important = await timed.business.join(queue, priority=3)
    await timed.go_to(queue, "2026-11-23T12:00Z")
    drawn = await _places(timed, plain)
    assert await _places(timed, [important]) == [1]
    for priority in (5, 0):
        await done(admin, "sessionSetPriority", sessionId=plain[0].id, priority=priority)
    assert await _places(timed, plain) == drawn
    stepped = await done(plain[drawn.index(2)].visitor, "sessionStepBack", sessionId=plain[drawn.index(2)].id, places=3)
    assert stepped["position"] == 5
    late = await timed.business.join(queue)
    assert late.position == 6
    await assert_sound(timed.api, queue)


async def test_credit_is_counted_from_the_begin_for_all_alike(timed: Timed) -> None:
    queue = await timed.business.queue(
        discipline="TIME_CREDIT", priorityCredits=[{"priority": 1, "seconds": 60.0}], visitorMaxPriority=9
    )
    await done(timed.business.admin, "scheduledEventCreate", queueId=queue, drawsLots=True, **SALE)
    await timed.go_to(queue, "2026-11-23T11:00Z")
    plain = [await timed.business.join(queue) for _ in range(3)]
    credited = [await timed.business.join(queue, priority=1) for _ in range(3)]
    await timed.go_to(queue, "2026-11-23T12:00Z")
    assert sorted(await _places(timed, credited), key=str) == [1, 2, 3]
    assert sorted(await _places(timed, plain), key=str) == [4, 5, 6]
    proof = await timed.api.anonymous(operation("FairnessProof"), queueId=queue)
    ordered = [edge["node"]["precedence"] for edge in proof["participants"]["edges"]]
    assert ordered == [60_000] * 3 + [0] * 3
    await assert_sound(timed.api, queue, expected={queue: Expected(credits={1: 60.0})})


async def test_a_queue_whose_discipline_is_the_lottery_draws_unless_told_not_to(timed: Timed) -> None:
    admin = timed.business.admin
    for given, draws in (({}, True), ({"drawsLots": False}, False)):
        queue = await timed.business.queue(discipline="LOTTERY")
        await done(admin, "scheduledEventCreate", queueId=queue, **(SALE | given))
        await timed.go_to(queue, "2026-11-23T11:00Z")
        (begun,) = [event for event in await events_of(timed.api, queue) if event.type == "PREQUEUE_STARTED"]
        assert (begun.data["seed_hash"] is not None) is draws
        timed.clock.advance(hours=-2)


async def test_maintenance_is_no_prequeue(timed: Timed) -> None:
    queue = await timed.business.queue()
    await done(timed.business.admin, "queueStartMaintenance", queueId=queue)
    await done(timed.business.admin, "scheduledEventCreate", queueId=queue, drawsLots=True, **SALE)
    await timed.go_to(queue, "2026-11-23T11:30Z")
    assert await timed.status(queue) == "MAINTENANCE"
    assert await timed.api.anonymous(operation("FairnessProof"), queueId=queue) is None
