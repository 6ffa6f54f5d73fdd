"""The audit log over the API, by the contract's operations: what it shows, what filters find, and to whom."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.core.ids import decode, encode
from app.identity.models import Role
from tests.audit.conftest import Verify
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed

ENTRIES = operation("AuditEntryList")


async def entries(caller: Caller, first: int = 100, after: str | None = None, **filter: Any) -> list[dict[str, Any]]:
    answer = await caller(ENTRIES, first=first, after=after, filter=filter)
    return [edge["node"] for edge in answer["edges"]]


async def own_id(caller: Caller) -> str:
    viewer = await caller("{ viewer { ... on User { id } } }")
    return str(viewer["id"])


async def rename(business: Business, queue: str, name: str, by: Caller | None = None) -> None:
    answer = await (by or business.admin)(
        "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename } }", i={"queueId": queue, "name": name}
    )
    assert answer == {"__typename": "QueueUpdateSuccess"}


async def test_an_entry_says_who_what_when_and_from_where(business: Business) -> None:
    queue = await business.queue(name="Passports")
    await rename(business, queue, "Visas")
    newest = (await entries(business.admin))[0]
    assert newest["type"] == "QUEUE_UPDATED"
    assert (newest["objectType"], newest["objectId"], newest["revision"]) == ("queue", queue, 2)
    assert newest["changes"] == [{"field": "name", "before": "Passports", "after": "Visas"}]
    who = newest["actor"]
    assert (who["kind"], who["id"]) == ("USER", await own_id(business.admin))
    assert who["user"] == {"id": who["id"], "email": f"admin@{business.slug}.example"}
    assert (newest["address"], newest["agent"].split("/")[0]) == ("127.0.0.1", "python-httpx")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(newest["occurredAt"])) < timedelta(minutes=1)
    assert newest["data"]["changes"] == {"name": "Visas"}


async def test_pages_go_back_to_the_beginning(business: Business) -> None:
    queue = await business.queue()
    for number in range(4):
        await rename(business, queue, f"Queue {number}")
    whole = await entries(business.admin)
    assert whole[-1]["type"] in {"TENANT_CREATED", "USER_CREATED"}
    times = [entry["occurredAt"] for entry in whole]
    assert times == sorted(times, reverse=True)
    paged: list[dict[str, Any]] = []
    after = None
    while True:
        answer = await business.admin(ENTRIES, first=2, after=after, filter={})
        paged += [edge["node"] for edge in answer["edges"]]
        after = answer["pageInfo"]["endCursor"]
        if not answer["pageInfo"]["hasNextPage"]:
            break

    def told(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
        return [(entry["type"], entry["objectId"], entry["revision"]) for entry in found]

    assert told(paged) == told(whole)


async def test_filters_find_exactly_theirs(business: Business) -> None:
    manager = await business.user(Role.MANAGER)
    queue, other = await business.queue(), await business.queue()
    await rename(business, queue, "By the administrator")
    await rename(business, queue, "By the manager", manager)
    await rename(business, other, "The other")
    joined = await business.join(queue)

    async def found(**filter: Any) -> list[tuple[str, str]]:
        return [(entry["type"], entry["objectId"]) for entry in await entries(business.admin, **filter)]

    theirs = await found(actorId=await own_id(manager))
    assert [name for name, _ in theirs] == ["QUEUE_UPDATED", "LOGIN_OPENED"]
    assert theirs[0] == ("QUEUE_UPDATED", queue)
    assert await found(types=["QUEUE_UPDATED"]) == [("QUEUE_UPDATED", other)] + [("QUEUE_UPDATED", queue)] * 2
    assert await found(objectId=other) == [("QUEUE_UPDATED", other), ("QUEUE_CREATED", other)]
    assert await found(actorKind="ANONYMOUS") == [("SESSION_JOINED", queue)]
    assert await found(actorKind="API_KEY") == []
    cancelled = await business.act("sessionCancel", joined.id, joined.visitor)
    assert cancelled["__typename"] == "SessionCancelSuccess"
    assert await found(actorId=joined.id) == [("SESSION_CANCELLED", queue)]
    assert await found(actorKind="VISITOR") == [("SESSION_CANCELLED", queue)]
    newest = (await entries(business.admin))[0]
    assert await found(request=newest["request"]) == [("SESSION_CANCELLED", queue)]
    assert await found(since=newest["occurredAt"]) == [("SESSION_CANCELLED", queue)]
    assert await found(until=newest["occurredAt"], types=["SESSION_CANCELLED"]) == []
    assert await found(request="no such request") == []


async def test_the_newest_seal_covers_what_is_shown_as_sealed(business: Business, check: Verify) -> None:
    await check(decode("Queue", await business.queue()).tenant_id)
    head = await business.admin(operation("AuditSealNewest"))
    verdict = await check(decode("User", await own_id(business.admin)).tenant_id)
    assert (head["number"], head["seal"]) == (verdict.head.number, verdict.head.seal.hex())
    assert {entry["isSealed"] for entry in await entries(business.admin)} == {True}


async def test_a_place_in_a_lottery_is_not_told_before_it_opens(business: Business) -> None:
    queue = await business.queue(mode="METERED", releaseRatePerMinute=1)
    now = datetime.now(UTC)
    planned = await business.admin(
        "mutation($i: ScheduledEventCreateInput!) { scheduledEventCreate(input: $i) { __typename } }",
        i={
            "queueId": queue,
            "name": "Sale",
            "startsAt": (now + timedelta(hours=1)).isoformat(),
            "endsAt": (now + timedelta(hours=2)).isoformat(),
            "prequeueStartsAt": (now - timedelta(seconds=1)).isoformat(),
            "drawsLots": True,
        },
    )
    assert planned == {"__typename": "ScheduledEventCreateSuccess"}
    joined = await business.join(queue)
    await business.act("sessionHold", joined.id)
    told = await entries(business.admin, objectId=queue)
    assert [entry["type"] for entry in told[:2]] == ["SESSION_HELD", "SESSION_JOINED"]
    assert {entry["data"]["session"]["rankSequence"] for entry in told[:2]} == {None}
    assert not [change for entry in told for change in entry["changes"] if "rank" in change["field"]]
    assert not [
        change
        for entry in told
        for change in entry["changes"]
        if change["field"].endswith("seed") and change["after"] != "•••"
    ]


async def test_others_see_nothing_of_it(api: Api, business: Business) -> None:
    other = await api.new_business()
    queue = await business.queue()
    assert {entry["objectId"] for entry in await entries(other.admin)}.isdisjoint({queue})
    for filter in ({"objectId": queue}, {"actorId": await own_id(business.admin)}):
        with pytest.raises(GraphQLFailed) as refused:
            await entries(other.admin, **filter)
        assert refused.value.code == "NOT_FOUND"
    for caller, code in ((api.anonymous, "UNAUTHENTICATED"), (await business.user(Role.MANAGER), "FORBIDDEN")):
        for document in (ENTRIES, operation("AuditSealNewest")):
            with pytest.raises(GraphQLFailed) as refused:
                await caller(document)
            assert refused.value.code == code


@pytest.mark.parametrize(
    ("filter", "code"),
    [
        ({"types": ["X"] * 21}, "BAD_USER_INPUT"),
        ({"actorId": "no id"}, "NOT_FOUND"),
        ({"objectId": "no id"}, "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_meant_is_refused(business: Business, filter: dict[str, Any], code: str) -> None:
    with pytest.raises(GraphQLFailed) as refused:
        await entries(business.admin, **filter)
    assert refused.value.code == code


async def test_only_callers_can_be_actors(business: Business) -> None:
    tenant_id = decode("User", await own_id(business.admin)).tenant_id
    with pytest.raises(GraphQLFailed) as refused:
        await entries(business.admin, actorId=encode("Counter", tenant_id, uuid4()))
    assert refused.value.code == "NOT_FOUND"
