"""Reports over the API, by the contract's operation: who may report, what is answered, who sees what is believed."""

from typing import Any

import pytest

from app.identity.models import Role
from app.identity.permissions import Permission
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed

HEALTH = "query($id: ID!) { queue(id: $id) { originHealth { health reason detail releasePercent pendingHealth } } }"


async def report(caller: Caller, queue_id: str, health: str, **values: Any) -> dict[str, Any]:
    given = {"queueId": queue_id, "health": health} | values
    answer: dict[str, Any] = await caller(operation("OriginHealthReport"), input=given)
    return answer


async def key(business: Business, *scopes: Permission) -> Caller:
    made = await business.admin(
        operation("ApiKeyCreate"), input={"name": "Site", "scopes": [scope.value for scope in scopes]}
    )
    return Caller(business.api, made["secret"])


async def door(business: Business, **config: Any) -> str:
    return await business.queue(**{"mode": "METERED", "releaseRatePerMinute": 60} | config)


async def test_a_site_reports_with_a_key_that_can_do_nothing_else(business: Business) -> None:
    queue_id, site = await door(business), await key(business, Permission.HEALTH_REPORT)
    told = await report(site, queue_id, "DOWN", detail="deploying")
    assert told["queue"]["originHealth"]["health"] == "DOWN"
    assert (await business.admin(HEALTH, id=queue_id))["originHealth"] == {
        "health": "DOWN",
        "reason": "REPORTED",
        "detail": "deploying",
        "releasePercent": 0.0,
        "pendingHealth": None,
    }
    told = await report(site, queue_id, "HEALTHY")
    assert (told["queue"]["originHealth"]["health"], told["queue"]["originHealth"]["pendingHealth"]) == (
        "DOWN",
        "HEALTHY",
    )
    told = await report(site, queue_id, "HEALTHY")
    assert told["queue"]["originHealth"]["health"] == "HEALTHY"
    assert told["queue"]["originHealth"]["releasePercent"] < 50
    with pytest.raises(GraphQLFailed) as refused:
        await site("{ queues(first: 1) { edges { cursor } } }")
    assert refused.value.code == "FORBIDDEN"


async def test_every_decision_is_in_the_queue_s_log(business: Business) -> None:
    queue_id = await door(business)
    for health in ("HEALTHY", "DEGRADED", "DEGRADED", "DOWN"):
        await report(business.admin, queue_id, health, detail=f"said {health}")
    log = await business.admin(
        "query($id: ID!) { queue(id: $id) { events(first: 9) { edges { node { type actor data } } } } }", id=queue_id
    )
    decided = [edge["node"] for edge in log["events"]["edges"]][1:]
    assert [each["type"] for each in decided] == ["ORIGIN_HEALTH_CHANGED"] * 3
    assert [(each["data"]["before"], each["data"]["health"], each["data"]["detail"]) for each in decided] == [
        ("UNKNOWN", "HEALTHY", "said HEALTHY"),
        ("HEALTHY", "DEGRADED", "said DEGRADED"),
        ("DEGRADED", "DOWN", "said DOWN"),
    ]
    assert {each["actor"].split(":")[0] for each in decided} == {"USER"}


async def test_what_is_refused(business: Business) -> None:
    staffed = await report(business.admin, await business.queue(), "DOWN")
    assert staffed["__typename"] == "QueueNotMeteredError"
    queue_id = await door(business)
    long = await report(business.admin, queue_id, "DOWN", detail="x" * 201)
    assert (long["__typename"], long["field"]) == ("InvalidInputError", "detail")
    assert (await business.admin(HEALTH, id=queue_id))["originHealth"] == {
        "health": "UNKNOWN",
        "reason": "NOT_TOLD",
        "detail": None,
        "releasePercent": 100.0,
        "pendingHealth": None,
    }


async def test_who_may_report(api: Api, business: Business) -> None:
    queue_id, other = await door(business), await api.new_business()
    visitor = (await business.join(queue_id)).visitor
    for caller, expected in (
        (api.anonymous, "UNAUTHENTICATED"),
        (visitor, "UNAUTHENTICATED"),
        (await business.user(Role.STAFF), "FORBIDDEN"),
        (await key(business, Permission.QUEUE_WRITE), "FORBIDDEN"),
        (other.admin, "NOT_FOUND"),
        (await key(other, Permission.HEALTH_REPORT), "NOT_FOUND"),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await report(caller, queue_id, "DOWN")
        assert refused.value.code == expected
    assert (await business.admin(HEALTH, id=queue_id))["originHealth"]["health"] == "UNKNOWN"
    assert (await report(await business.user(Role.MANAGER), queue_id, "DOWN"))["__typename"].endswith("Success")


async def test_who_sees_it(api: Api, business: Business) -> None:
    queue_id, other = await door(business), await api.new_business()
    await report(business.admin, queue_id, "DEGRADED", detail="not for everybody")
    visitor = (await business.join(queue_id)).visitor
    for caller in (api.anonymous, visitor, await business.user(Role.CUSTOMER)):
        assert (await caller(HEALTH, id=queue_id))["originHealth"] is None
    with pytest.raises(GraphQLFailed):
        await other.admin(HEALTH, id=queue_id)
    for caller in (await business.user(Role.STAFF), await key(business, Permission.HEALTH_REPORT)):
        seen = (await caller(HEALTH, id=queue_id))["originHealth"]
        assert (seen["health"], seen["releasePercent"]) == ("DEGRADED", 50.0)
    assert (await business.admin(HEALTH, id=await business.queue()))["originHealth"] is None


async def test_a_join_is_not_released_while_the_site_is_down(business: Business) -> None:
    queue_id = await door(business)
    assert (await business.join(queue_id)).position == 0
    await report(business.admin, queue_id, "DOWN")
    assert [(await business.join(queue_id)).position for _ in range(2)] == [1, 2]
