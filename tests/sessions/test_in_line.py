"""What can be done while waiting: cancel, step back, hold, another priority, notes."""

import pytest

from app.identity.models import Role
from tests.support.api import Api, Business, GraphQLFailed
from tests.support.desk import Desk, open_desk
from tests.support.queue_logs import assert_sound, events_of, nothing_changes
from tests.support.verbs import ask, done


async def test_a_visitor_gives_up_the_place(api: Api, desk: Desk) -> None:
    visitor, next_one = await desk.join(userIdentifier="ada"), await desk.join()
    gone = await done(visitor.visitor, "sessionCancel", sessionId=visitor.id, reason="Too long.")
    assert (gone["status"], gone["cancelledBy"], gone["position"]) == ("CANCELLED", "VISITOR", None)
    assert gone["cancelledAt"] == gone["endedAt"]
    assert gone["waitSeconds"] > 0
    assert await desk.line() == [next_one.ticket]
    assert (await desk.join(userIdentifier="ada")).ticket == "A003", "the place is free for the same person"
    assert "Too long" not in str((await events_of(api, desk.queue))[-2].data), "a reason is personal"
    await assert_sound(api, desk.queue)


async def test_staff_cancel_for_somebody_even_when_called_or_on_hold(api: Api, desk: Desk) -> None:
    called, held = await desk.join(), await desk.join()
    await desk.call()
    await desk.do("sessionHold", held)
    for visitor in (called, held):
        gone = await desk.do("sessionCancel", visitor)
        assert (gone["status"], gone["cancelledBy"], gone["onHold"]) == ("CANCELLED", "STAFF", False)
    await assert_sound(api, desk.queue)


async def test_an_ended_session_stays_ended(api: Api, desk: Desk) -> None:
    visitor = await desk.join()
    await desk.do("sessionCancel", visitor)
    async with nothing_changes(api, desk.queue):
        again = await ask(visitor.visitor, "sessionCancel", sessionId=visitor.id)
        assert (again["__typename"], again["sessionStatus"]) == ("IllegalTransitionError", "CANCELLED")
        long = await ask(visitor.visitor, "sessionCancel", sessionId=visitor.id, reason="x" * 501)
        assert (long["__typename"], long["field"]) == ("InvalidInputError", "reason")


async def test_stepping_back_lets_so_many_go_first(api: Api, desk: Desk) -> None:
    people = [await desk.join() for _ in range(5)]
    back = await done(people[0].visitor, "sessionStepBack", sessionId=people[0].id, places=2)
    assert (back["position"], back["status"]) == (3, "WAITING")
    assert await desk.line() == ["A002", "A003", "A001", "A004", "A005"]
    await assert_sound(api, desk.queue)


async def test_stepping_back_behind_somebody_who_stepped_back_there_too(api: Api, desk: Desk) -> None:
    people = [await desk.join() for _ in range(4)]
    await done(people[1].visitor, "sessionStepBack", sessionId=people[1].id, places=1)
    assert await desk.line() == ["A001", "A003", "A002", "A004"]
    back = await done(people[0].visitor, "sessionStepBack", sessionId=people[0].id, places=1)
    assert await desk.line() == ["A003", "A001", "A002", "A004"], "one place is one place"
    assert back["position"] == 2
    for _ in range(3):
        first = (await desk.line())[0]
        who = next(one for one in people if one.ticket == first)
        await done(who.visitor, "sessionStepBack", sessionId=who.id, places=2)
    await assert_sound(api, desk.queue)


async def test_stepping_back_over_a_priority_class(api: Api, desk: Desk) -> None:
    vip = await desk.join(priority=5)
    for _ in range(2):
        await desk.join()
    assert (await desk.do("sessionStepBack", vip, places=1))["position"] == 2
    assert await desk.line() == ["A002", "A001", "A003"]
    later = await desk.join(priority=5)
    assert later.position == 1
    assert await desk.line() == ["A004", "A002", "A001", "A003"]
    await assert_sound(api, desk.queue)


async def test_stepping_back_with_nobody_behind_changes_nothing(api: Api, desk: Desk) -> None:
    await desk.join()
    last = await desk.join()
    held = await desk.join()
    await desk.do("sessionHold", held)
    async with nothing_changes(api, desk.queue):
        assert (await done(last.visitor, "sessionStepBack", sessionId=last.id))["position"] == 2
        for places in (0, 101):
            answer = await ask(last.visitor, "sessionStepBack", sessionId=last.id, places=places)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "places")
        answer = await ask(held.visitor, "sessionStepBack", sessionId=held.id)
        assert answer["__typename"] == "SessionOnHoldError"


async def test_more_places_than_people_is_the_end_of_the_line(desk: Desk) -> None:
    people = [await desk.join() for _ in range(3)]
    assert (await desk.do("sessionStepBack", people[0], places=100))["position"] == 3


async def test_on_hold_and_back_at_the_same_place(api: Api, desk: Desk) -> None:
    _, second, _ = [await desk.join() for _ in range(3)]
    held = await desk.do("sessionHold", second)
    assert (held["onHold"], held["position"], held["status"]) == (True, None, "WAITING")
    assert await desk.line() == ["A001", "A003"]
    async with nothing_changes(api, desk.queue):
        assert (await desk.refused("sessionHold", second))["__typename"] == "SessionOnHoldError"
    await desk.join()
    back = await desk.do("sessionUnhold", second)
    assert (back["onHold"], back["position"]) == (False, 2)
    assert await desk.line() == ["A001", "A002", "A003", "A004"]
    async with nothing_changes(api, desk.queue):
        assert (await desk.refused("sessionUnhold", second))["__typename"] == "SessionOnHoldError"
    await assert_sound(api, desk.queue)


async def test_another_priority_keeps_the_join_time(api: Api, desk: Desk) -> None:
    people = [await desk.join(priority=priority) for priority in (0, 3, 0)]
    raised = await desk.do("sessionSetPriority", people[2], priority=3)
    assert (raised["priority"], raised["position"]) == (3, 2), "behind whoever joined earlier in the class"
    assert (await desk.do("sessionSetPriority", people[0], priority=3))["position"] == 1
    assert (await desk.do("sessionSetPriority", people[1], priority=0))["position"] == 3
    async with nothing_changes(api, desk.queue):
        await desk.do("sessionSetPriority", people[1], priority=0)
        for priority in (-1, 10):
            answer = await desk.refused("sessionSetPriority", people[1], priority=priority)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "priority")
    await assert_sound(api, desk.queue)


async def test_another_priority_while_on_hold(api: Api, desk: Desk) -> None:
    _, second = await desk.join(), await desk.join()
    await desk.do("sessionHold", second)
    assert (await desk.do("sessionSetPriority", second, priority=7))["position"] is None
    assert (await desk.do("sessionUnhold", second))["position"] == 1
    await assert_sound(api, desk.queue)


async def test_under_time_credit_a_priority_is_worth_what_it_is_now(api: Api, business: Business) -> None:
    desk = await open_desk(business, discipline="TIME_CREDIT", priorityCredits=[{"priority": 1, "seconds": 0.0}])
    first, second = await desk.join(priority=1), await desk.join()
    await done(business.admin, "queueUpdate", queueId=desk.queue, priorityCredits=[{"priority": 1, "seconds": 60.0}])
    assert await desk.line() == [first.ticket, second.ticket], "whoever waits already keeps the place"
    assert (await desk.do("sessionSetPriority", second, priority=1))["position"] == 1


async def test_notes_are_for_staff(api: Api, desk: Desk) -> None:
    visitor = await desk.join()
    staff = await desk.business.user(Role.STAFF)
    await done(staff, "sessionAddNote", sessionId=visitor.id, text="  Has two dogs.  ")
    await desk.do("sessionCancel", visitor)
    await done(staff, "sessionAddNote", sessionId=visitor.id, text="Gone.")
    query = "query($id: ID!) { session(id: $id) { notes { text author createdAt } } }"
    notes = (await staff(query, id=visitor.id))["notes"]
    assert [note["text"] for note in notes] == ["Has two dogs.", "Gone."]
    assert all(note["author"].startswith("USER:") for note in notes)
    with pytest.raises(GraphQLFailed) as failed:
        await visitor.visitor(query, id=visitor.id)
    assert failed.value.code == "UNAUTHENTICATED"
    assert "dogs" not in str([event.data for event in await events_of(api, desk.queue)])
    async with nothing_changes(api, desk.queue):
        for text in ("", "   ", "x" * 2001, "a\0b"):
            answer = await desk.refused("sessionAddNote", visitor, text=text)
            assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "text")
    await assert_sound(api, desk.queue)


async def test_a_note_about_somebody_at_a_counter_leaves_them_there(api: Api, desk: Desk) -> None:
    board = "query($ids: [ID!]!) { display(queueIds: $ids) { queues { nowServing { ticketNumber counterName } } } }"
    await desk.join()
    called = await desk.call()
    before = await desk.business.admin(board, ids=[desk.queue])
    assert before["queues"][0]["nowServing"][0]["counterName"] is not None
    await desk.do("sessionAddNote", called["id"], text="Is deaf in one ear.")
    assert await desk.business.admin(board, ids=[desk.queue]) == before
    told = (await events_of(api, desk.queue))[-1].data["session"]
    assert told["counter_name"] == before["queues"][0]["nowServing"][0]["counterName"]
