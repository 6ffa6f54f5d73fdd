"""What a METERED queue shows: who is inside, rate and cap in force, waits or why they are unknown, position 0."""

from typing import Any

import pytest

from tests.support.api import Business, Joined

SESSION = "id status position aheadCount estimatedWaitSeconds estimatedWaitUnknown revision"
QUEUE = (
    "status waitingCount calledCount servingCount insideCount maxConcurrentUsers effectiveMaxConcurrentUsers"
    " releaseRatePerMinute effectiveReleaseRatePerMinute estimatedWaitSeconds estimatedWaitUnknown revision"
)
OF_QUEUE = f"query($id: ID!) {{ queue(id: $id) {{ {QUEUE} }} }}"
OF_SESSION = f"query($id: ID!) {{ session(id: $id) {{ {SESSION} }} }}"
OF_DISPLAY = (
    "query($ids: [ID!]!) { display(queueIds: $ids) { queues { estimatedWaitSeconds estimatedWaitUnknown revision } } }"
)


async def _shown(visitor: Joined) -> dict[str, Any]:
    return dict(await visitor.visitor(OF_SESSION, id=visitor.id))


def _place(shown: dict[str, Any]) -> dict[str, Any]:
    """What happens behind somebody is not shown to them, and still has its revision."""
    return {name: value for name, value in shown.items() if name != "revision"}


async def _waits(*visitors: Joined) -> list[tuple[int | None, int | None, str | None]]:
    shown = [await _shown(visitor) for visitor in visitors]
    return [(each["position"], each["estimatedWaitSeconds"], each["estimatedWaitUnknown"]) for each in shown]


async def test_who_is_let_in_at_once_is_at_position_0_in_the_very_answer(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    first, second = await business.join(queue), await business.join(queue)
    assert (first.position, second.position) == (0, 1)
    shown = await _shown(first)
    assert (shown["status"], shown["aheadCount"], shown["estimatedWaitSeconds"]) == ("CALLED", 0, 0)
    await business.act("sessionCancel", first.id)
    assert await _waits(first, second) == [(None, None, None), (0, 0, None)]


async def test_a_staffed_call_is_no_position(business: Business) -> None:
    queue = await business.queue()
    visitor = await business.join(queue)
    await business.call_next(queue, await business.counter(queue))
    assert await _waits(visitor) == [(None, None, None)]


async def test_waits_are_places_ahead_over_the_rate(business: Business) -> None:
    queue = await business.queue(mode="METERED", releaseRatePerMinute=1)
    visitors = [await business.join(queue) for _ in range(4)]
    assert await _waits(*visitors) == [(0, 0, None), (1, 0, None), (2, 60, None), (3, 120, None)]
    of_queue = await business.admin(OF_QUEUE, id=queue)
    assert (of_queue["estimatedWaitSeconds"], of_queue["estimatedWaitUnknown"]) == (180, None)
    (display,) = (await business.api.anonymous(OF_DISPLAY, ids=[queue]))["queues"]
    assert display == {"estimatedWaitSeconds": 180, "estimatedWaitUnknown": None, "revision": of_queue["revision"]}


async def test_beyond_the_cap_nothing_is_known_before_somebody_has_left(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=1)
    first, second = await business.join(queue), await business.join(queue)
    assert await _waits(second) == [(1, None, "NOBODY_SERVED")]
    assert (await business.admin(OF_QUEUE, id=queue))["estimatedWaitUnknown"] == "NOBODY_SERVED"
    assert await _waits(first) == [(0, 0, None)]


@pytest.mark.parametrize("change", [{"queueAll": True}, {"releaseRatePerMinute": 0}])
async def test_while_nobody_is_released_waits_are_unknown(business: Business, change: dict[str, Any]) -> None:
    queue = await business.queue(**{"mode": "METERED", "releaseRatePerMinute": 60} | change)
    visitor = await business.join(queue)
    assert await _waits(visitor) == [(1, None, "NOT_RELEASING")]
    assert (await business.admin(OF_QUEUE, id=queue))["effectiveReleaseRatePerMinute"] == 0


async def test_live_feeds_show_inside_cap_and_rate_and_end_as_a_fresh_query(business: Business) -> None:
    queue = await business.queue(mode="METERED", maxConcurrentUsers=2)
    visitors = [await business.join(queue) for _ in range(4)]
    async with business.admin.socket() as staff, visitors[3].visitor.socket() as socket:
        of_queue = await staff.subscribe(
            f"subscription($id: ID!) {{ queueChanged(queueId: $id) {{ {QUEUE} }} }}", {"id": queue}
        )
        own = await socket.subscribe(
            f"subscription($id: ID!) {{ sessionChanged(sessionId: $id) {{ {SESSION} }} }}", {"id": visitors[3].id}
        )
        item = await of_queue.item()
        assert (item["insideCount"], item["effectiveMaxConcurrentUsers"], item["effectiveReleaseRatePerMinute"]) == (
            2,
            2,
            None,
        )
        assert (await own.item())["position"] == 2
        done = await business.admin(
            "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename ... on UserError { message } } }",
            i={"queueId": queue, "maxConcurrentUsers": 3, "releaseRatePerMinute": 60_000},
        )
        assert done["__typename"] == "QueueUpdateSuccess", done
        # Whatever happens to the line next lets in whom the change makes room for; where nothing does, the clockwork.
        await business.join(queue)
        fresh = await business.admin(OF_QUEUE, id=queue)
        assert (fresh["insideCount"], fresh["effectiveMaxConcurrentUsers"]) == (3, 3)
        assert fresh["effectiveReleaseRatePerMinute"] == 60_000
        while item["revision"] < fresh["revision"]:
            item = await of_queue.item()
        assert item == fresh
        moved = await own.item()
        while moved["position"] != 1:
            moved = await own.item()
        assert _place(moved) == _place(await _shown(visitors[3]))
        await business.act("sessionCancel", visitors[0].id)
        while moved["position"] != 0:
            moved = await own.item()
        assert moved["status"] == "CALLED"
        assert _place(moved) == _place(await _shown(visitors[3]))
