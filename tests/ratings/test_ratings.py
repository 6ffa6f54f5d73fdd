"""Rating a visit through the API: by whom, until when, once; what staff see of it, and what the log says."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from app.core.ids import parse
from app.identity.models import Role
from app.ratings import repository, service
from app.ratings.models import RatingSource
from app.ratings.rules import Given
from tests.ratings.conftest import Tamper, Visit, serve
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.desk import open_desk
from tests.support.queue_logs import assert_sound
from tests.support.verbs import ask, done

RATINGS = """query($id: ID!, $first: Int!, $after: String, $most: Int) { queue(id: $id) {
  ratings(first: $first, after: $after, mostScore: $most) {
    edges { node { score nps comment source session { id } } } pageInfo { hasNextPage endCursor } } } }"""


async def page(caller: Caller, queue: str, **given: Any) -> dict[str, Any]:
    answer = await caller(RATINGS, **{"id": queue, "first": 10} | given)
    return dict(answer["ratings"])


async def test_said_once_changed_and_said_again(api: Api, visit: Visit) -> None:
    assert (await visit.shown())["rating"] is None
    first = await visit.rate(score=4, comment="  Quick.  ")
    assert {**first, "ratedAt": 0, "changedAt": 0} == {
        "score": 4,
        "nps": None,
        "comment": "Quick.",
        "source": "APP",
        "ratedAt": 0,
        "changedAt": 0,
    }
    assert first["ratedAt"] == first["changedAt"]
    again = await visit.rate(score=4, comment="Quick.")
    assert again == first, "nothing has happened"
    await visit.ask_for(asksNps=True)
    changed = await visit.rate(score=2, nps=3)
    assert (changed["score"], changed["nps"], changed["comment"]) == (2, 3, None)
    assert changed["ratedAt"] == first["ratedAt"] < changed["changedAt"]
    assert (await visit.shown())["rating"] == {"score": 2, "nps": 3, "comment": None, "source": "APP"}
    said = await visit.ratings_in_log()
    assert [(each["score"], each["nps"], each["source"]) for each in said] == [(4, None, "APP"), (2, 3, "APP")]
    assert all(each["session"]["id"] == str(visit.ref.id) for each in said)
    assert "Quick" not in str(said)
    # It moves nobody, and the line that was followed is the one that is stored.
    assert said[-1]["line"]["waiting_count"] == 0
    await assert_sound(api, visit.desk.queue)


async def test_what_a_queue_asks(visit: Visit) -> None:
    answer = await visit.ask_for(asksNps=True, asksComment=False, days=1)
    assert answer["__typename"] == "QueueSetFeedbackSuccess"
    document = "query($id: ID!) { queue(id: $id) { revision feedback { isAsked asksNps asksComment days } } }"
    shown = await visit.visitor.visitor(document, id=visit.desk.queue)
    assert shown["feedback"] == {"isAsked": True, "asksNps": True, "asksComment": False, "days": 1}
    assert (await visit.ask_for(asksNps=True, asksComment=False, days=1))["queue"]["revision"] == shown["revision"]
    refused = await visit.ask_for(days=0)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "feedback.days")
    assert await visit.refused(score=5, comment="Nice") == ("InvalidInputError", "comment")
    assert await visit.refused(score=5, nps=11) == ("InvalidInputError", "nps")
    await visit.ask_for(isAsked=False)
    assert await visit.refused(score=5) == ("RatingRefusedError", "NOT_ASKED")
    assert await visit.shown() == {"ratingUrl": None, "rating": None}
    assert await visit.ratings_in_log() == []


async def test_not_before_the_service_is_over_and_not_for_ever(api: Api, visit: Visit, tamper: Tamper) -> None:
    waiting = Visit(api, visit.desk, await visit.desk.join())
    gone = Visit(api, visit.desk, await visit.desk.join())
    await visit.desk.do("sessionCancel", gone.visitor)
    for other in (waiting, gone):
        assert await other.refused(score=5) == ("RatingRefusedError", "NOT_SERVED")
        assert (await other.shown())["ratingUrl"] is None
    assert (await visit.shown())["ratingUrl"] is not None
    await tamper(
        "update sessions set ended_at = now() - interval '15 days' where tenant_id = $1 and id = $2", *visit.ref
    )
    assert await visit.refused(score=5) == ("RatingRefusedError", "TOO_LATE")
    assert (await visit.shown())["ratingUrl"] is None
    await visit.ask_for(days=90)
    await visit.rate(score=5)


async def test_who_may_rate_and_who_may_read(api: Api, visit: Visit, business: Business) -> None:
    other = await api.new_business()
    stranger = await visit.desk.join()
    staff, manager = await business.user(Role.STAFF), await business.user(Role.MANAGER)
    for caller, code in (
        (api.anonymous, "UNAUTHENTICATED"),
        (stranger.visitor, "NOT_FOUND"),
        (other.admin, "NOT_FOUND"),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await ask(caller, "sessionRate", sessionId=visit.visitor.id, score=5)
        assert failed.value.code == code
    for caller, code in (
        (api.anonymous, "UNAUTHENTICATED"),
        (visit.visitor.visitor, "UNAUTHENTICATED"),
        (other.admin, "NOT_FOUND"),
        (staff, "FORBIDDEN"),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await ask(caller, "queueSetFeedback", queueId=visit.desk.queue, feedback={})
        assert failed.value.code == code
    assert await visit.ratings_in_log() == []
    said = await done(staff, "sessionRate", sessionId=visit.visitor.id, score=3, comment="Said at the desk")
    assert (said["source"], said["comment"]) == ("STAFF", None), "words are for who has `rating:read`"
    for caller, comment in ((staff, None), (manager, "Said at the desk")):
        (edge,) = (await page(caller, visit.desk.queue))["edges"]
        assert (edge["node"]["score"], edge["node"]["comment"]) == (3, comment)
        assert edge["node"]["session"]["id"] == visit.visitor.id
    for caller, code in ((api.anonymous, "UNAUTHENTICATED"), (stranger.visitor, "UNAUTHENTICATED")):
        with pytest.raises(GraphQLFailed) as failed:
            await page(caller, visit.desk.queue)
        assert failed.value.code == code
    # Another tenant's staff see the queue as the public does.
    with pytest.raises(GraphQLFailed) as failed:
        await page(other.admin, visit.desk.queue)
    assert failed.value.code in ("FORBIDDEN", "NOT_FOUND")


async def test_pages_newest_first(api: Api, business: Business) -> None:
    desk = await open_desk(business)
    for score in (5, 1, 2, 4):
        await (await serve(api, desk)).rate(score=score)
    manager = await business.user(Role.MANAGER)
    first = await page(manager, desk.queue, first=3)
    rest = await page(manager, desk.queue, first=3, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["score"] for edge in first["edges"] + rest["edges"]] == [4, 2, 1, 5]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    bad = await page(manager, desk.queue, most=2)
    assert [edge["node"]["score"] for edge in bad["edges"]] == [2, 1]
    with pytest.raises(GraphQLFailed) as failed:
        await page(manager, desk.queue, most=6)
    assert failed.value.code == "BAD_USER_INPUT"


async def test_many_at_once_are_one_rating_and_every_change_an_event(api: Api, visit: Visit) -> None:
    async def rate(score: int) -> None:
        async with api.runtime.dbs.app.write(visit.ref.tenant_id) as tx:
            await service.rate(tx, visit.ref.id, Given(score), RatingSource.LINK)

    await asyncio.gather(*(rate(1 + index % 5) for index in range(10)))
    said = await visit.ratings_in_log()
    # Whoever came right after somebody of the same opinion has changed nothing.
    assert all(one["score"] != after["score"] for one, after in pairwise(said))
    async with api.runtime.dbs.app.read(visit.ref.tenant_id) as tx:
        found = await repository.ratings_of(tx, [visit.ref.id])
    assert [row.score for row in found.values()] == [said[-1]["score"]]
    assert {each["score"] for each in said} == {1, 2, 3, 4, 5}
    await assert_sound(api, visit.desk.queue)


async def test_what_was_said_in_words_is_sealed(api: Api, visit: Visit, tamper: Tamper) -> None:
    await visit.rate(score=1, comment="canary-in-a-comment")
    (row,) = await tamper("select * from ratings where tenant_id = $1 and id = $2", *visit.ref)
    assert b"canary" not in row["comment_sealed"]
    assert parse(visit.desk.queue)[1].id == row["queue_id"]
    logged = await tamper("select data, changes from events where tenant_id = $1", visit.ref.tenant_id)
    assert "canary" not in str(logged)
