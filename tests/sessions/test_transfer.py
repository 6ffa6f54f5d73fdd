"""From one queue to another: what is kept, what is refused, and what two logs say of it."""

from datetime import datetime

import pytest

from tests.support.api import Api, Business, GraphQLFailed
from tests.support.desk import Desk, open_desk
from tests.support.log_checks import Expected
from tests.support.queue_logs import assert_sound, nothing_changes
from tests.support.verbs import ask, done


@pytest.mark.parametrize("status", ["WAITING", "HELD", "CALLED", "SERVING"])
async def test_join_time_and_number_are_kept(api: Api, desk: Desk, status: str) -> None:
    visitor = await desk.join(priority=2, userIdentifier="ada")
    target = await desk.business.queue(ticketPrefix="B")
    await desk.business.join(target, priority=2)
    if status == "HELD":
        await desk.do("sessionHold", visitor)
    elif status != "WAITING":
        await desk.call()
        if status == "SERVING":
            await desk.do("sessionStart", visitor)
    before = await desk.business.admin("query($id: ID!) { session(id: $id) { joinedAt } }", id=visitor.id)
    moved = await desk.do("sessionTransfer", visitor, toQueueId=target)
    assert moved["queue"]["id"] == target
    assert (moved["ticketNumber"], moved["joinedAt"]) == (visitor.ticket, before["joinedAt"])
    assert (moved["status"], moved["onHold"], moved["counter"], moved["calledAt"]) == ("WAITING", False, None, None)
    assert moved["position"] == 1, "in the new line by the time of joining the first one"
    assert await desk.line() == []
    stored = await assert_sound(api, desk.queue, target, expected={target: Expected(ticket_prefix="B")})
    out, into = stored[desk.queue].events[-1], stored[target].events[-1]
    assert (out.type, into.type) == ("SESSION_TRANSFERRED_OUT", "SESSION_TRANSFERRED_IN")
    again = await ask(api.anonymous, "queueJoin", queueId=target, userIdentifier="ada")
    assert again["__typename"] == "AlreadyWaitingError"
    assert (await desk.join(userIdentifier="ada")).ticket == "A002", "the place in the first queue is free"


async def test_there_and_back(api: Api, desk: Desk) -> None:
    first, second = await desk.join(), await desk.join()
    target = await desk.business.queue()
    await desk.do("sessionTransfer", first, toQueueId=target)
    back = await desk.do("sessionTransfer", first, toQueueId=desk.queue)
    assert back["position"] == 1
    assert await desk.line() == [first.ticket, second.ticket]
    await assert_sound(api, desk.queue, target)


async def test_under_time_credit_the_target_s_credits_count(api: Api, desk: Desk) -> None:
    credits = {3: 3600.0}
    target = await open_desk(
        desk.business,
        discipline="TIME_CREDIT",
        priorityCredits=[{"priority": priority, "seconds": seconds} for priority, seconds in credits.items()],
    )
    await target.join()
    visitor = await desk.join(priority=3)
    assert (await desk.do("sessionTransfer", visitor, toQueueId=target.queue))["position"] == 1
    await assert_sound(api, desk.queue, target.queue, expected={target.queue: Expected(credits=credits)})


async def test_refusals_change_nothing_in_either_queue(api: Api, desk: Desk) -> None:
    visitor = await desk.join(userIdentifier="ada")
    business = desk.business
    full, closed, paused = await business.queue(capacity=1), await business.queue(), await business.queue()
    with_ada = await business.queue()
    theirs = await business.join(with_ada, userIdentifier="ada")
    await business.join(full)
    await done(business.admin, "queueClose", queueId=closed)
    await done(business.admin, "queuePause", queueId=paused)
    async with nothing_changes(api, desk.queue):
        answer = await desk.refused("sessionTransfer", visitor, toQueueId=full)
        assert (answer["__typename"], answer["capacity"], answer["waitingCount"]) == ("QueueFullError", 1, 1)
        answer = await desk.refused("sessionTransfer", visitor, toQueueId=closed)
        assert (answer["__typename"], answer["queueStatus"]) == ("QueueNotOpenError", "CLOSED")
        answer = await desk.refused("sessionTransfer", visitor, toQueueId=with_ada)
        assert (answer["__typename"], answer["session"]["id"]) == ("AlreadyWaitingError", theirs.id)
        answer = await desk.refused("sessionTransfer", visitor, toQueueId=desk.queue)
        assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "toQueueId")
    assert (await desk.do("sessionTransfer", visitor, toQueueId=paused))["position"] == 1
    await assert_sound(api, desk.queue, full, closed, paused, with_ada)


async def test_another_tenants_queue_is_not_found(api: Api, desk: Desk, other: Business) -> None:
    visitor = await desk.join()
    theirs = await other.queue()
    async with nothing_changes(api, desk.queue, theirs):
        with pytest.raises(GraphQLFailed) as failed:
            await desk.do("sessionTransfer", visitor, toQueueId=theirs)
        assert failed.value.code == "NOT_FOUND"


async def test_the_category_stays_behind(desk: Desk) -> None:
    vip = await done(desk.business.admin, "queueCategoryCreate", queueId=desk.queue, name="VIP", priority=5)
    visitor = await desk.join(categoryId=vip["id"])
    moved = await desk.do("sessionTransfer", visitor, toQueueId=await desk.business.queue())
    assert (moved["category"], moved["priority"]) == (None, 5)


async def test_the_wait_is_counted_from_the_first_join(desk: Desk) -> None:
    visitor = await desk.join()
    target = await open_desk(desk.business)
    await desk.do("sessionTransfer", visitor, toQueueId=target.queue)
    called = await target.call()
    waited = datetime.fromisoformat(called["calledAt"]) - datetime.fromisoformat(called["joinedAt"])
    assert called["waitSeconds"] == waited.total_seconds()
