"""Alerts through the API: rules, what is refused, the feed, and who sees what of the installation."""

import asyncio
from typing import Any

import pytest

from app.alerts import service as alerts_service
from app.alerts.graphql import queries
from app.alerts.live import topic
from app.alerts.looking import look
from app.alerts.models import AlertMetric
from app.alerts.repository_readings import answers
from app.alerts.rules import MAX_RULES
from app.core.ids import parse
from app.identity.models import Role
from tests.contract.operations import operation
from tests.support.alerts import raised
from tests.support.api import Api, Business, Caller, GraphQLFailed
from tests.support.holdings import platform
from tests.support.ws_client import Subscription

GOOD: dict[str, Any] = {"name": "Crowd", "metric": "WAITING_COUNT", "threshold": 1, "forSeconds": 0}


async def made(caller: Caller, **given: Any) -> dict[str, Any]:
    answer = await caller(operation("AlertRuleCreate"), create=GOOD | given)
    assert answer["__typename"] == "AlertRuleCreateSuccess", answer
    rule: dict[str, Any] = answer["alertRule"]
    return rule


async def rules(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await caller(operation("AlertRules"))
    return found


async def change(caller: Caller, rule_id: str, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await caller(operation("AlertRuleUpdate"), update={"alertRuleId": rule_id, **given})
    return answer


async def looked(business: Business) -> None:
    """One look of a worker, and the ring that follows it."""
    runtime = business.api.runtime
    found = await look(runtime.dbs.system, runtime.dbs.app, runtime.settings, set(AlertMetric))
    for rung in found.rung:
        await runtime.bus.publish(rung, b"")


async def test_a_rule_is_made_changed_listed_and_deleted(business: Business) -> None:
    queue_id = await business.queue()
    quiet = {"starts": "20:00:00", "ends": "07:00:00"}
    rule = await made(business.admin, queueId=queue_id, quietHours=quiet, channels=["CHAT"], clearThreshold=0.5)
    shown = {key: value for key, value in rule.items() if key not in ("id", "createdAt", "updatedAt", "queue")}
    assert shown == {
        "name": "Crowd",
        "metric": "WAITING_COUNT",
        "threshold": 1,
        "clearThreshold": 0.5,
        "forSeconds": 0,
        "clearForSeconds": 60,
        "windowMinutes": None,
        "leastCount": None,
        "severity": "WARNING",
        "quietHours": quiet,
        "tellsStaff": True,
        "userIds": [],
        "channels": ["CHAT"],
        "choice": "FIRST",
        "tellsResolved": True,
        "isEnabled": True,
        "revision": 1,
    }
    assert rule["queue"]["id"] == queue_id
    changed = await change(business.admin, rule["id"], quietHours=None, severity="CRITICAL", revision=1)
    assert changed["alertRule"] | {"updatedAt": ""} == rule | {
        "quietHours": None,
        "severity": "CRITICAL",
        "revision": 2,
        "updatedAt": "",
    }
    assert (await change(business.admin, rule["id"], severity="CRITICAL"))["alertRule"]["revision"] == 2
    assert await rules(business.admin) == [changed["alertRule"]]
    # Who has looked at what it was before is told so, and nothing happens.
    stale = await change(business.admin, rule["id"], threshold=9, revision=1)
    assert (stale["__typename"], stale["revision"]) == ("AlertRuleChangedError", 2)
    given = {"alertRuleId": rule["id"], "revision": 1}
    refused = await business.admin(operation("AlertRuleDelete"), delete=given)
    assert (refused["__typename"], refused["revision"]) == ("AlertRuleChangedError", 2)
    assert await rules(business.admin) == [changed["alertRule"]]
    deleted = await business.admin(operation("AlertRuleDelete"), delete=given | {"revision": 2})
    assert deleted == {"__typename": "AlertRuleDeleteSuccess", "alertRuleId": rule["id"]}
    assert await rules(business.admin) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"threshold": 1_000_001}, "threshold"),
        ({"clearThreshold": 2}, "clearThreshold"),
        ({"quietHours": {"starts": "22:00", "ends": "22:00"}}, "quietHours"),
        ({"channels": ["EMAIL"], "tellsStaff": False}, "channels"),
    ],
)
async def test_what_nobody_could_follow_is_refused_and_nothing_is_saved(
    business: Business, given: dict[str, Any], field: str
) -> None:
    refused = await business.admin(operation("AlertRuleCreate"), create=GOOD | given)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    rule = await made(business.admin)
    changes = {key: value for key, value in given.items() if key != "quietHours"} or {"forSeconds": -1}
    refused = await change(business.admin, rule["id"], **changes)
    assert refused["__typename"] == "InvalidInputError"
    assert await rules(business.admin) == [rule]


async def test_only_users_who_can_sign_in_are_told(business: Business) -> None:
    user = (await (await business.user(Role.STAFF))("{ viewer { ... on User { id } } }"))["id"]
    assert (await made(business.admin, userIds=[user]))["userIds"] == [user]
    refused = await business.admin(operation("AlertRuleCreate"), create=GOOD | {"userIds": [user, user]})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "userIds")
    other = await business.api.new_business()
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await made(other.admin, userIds=[user])


async def test_a_rule_outlasts_who_is_told(business: Business) -> None:
    """Somebody is removed: the rule can be changed and disabled, and nobody who is gone is named anew."""
    user = (await (await business.user(Role.STAFF))("{ viewer { ... on User { id } } }"))["id"]
    rule = await made(business.admin, userIds=[user])
    _, ref = parse(user)
    async with business.api.runtime.dbs.system.write(ref.tenant_id) as tx:
        await tx.rows("update users set status = 'INACTIVE' where id = $1", ref.id)
    changed = await change(business.admin, rule["id"], threshold=7, userIds=[user])
    assert changed["alertRule"]["threshold"] == 7, changed
    disabled = await change(business.admin, rule["id"], isEnabled=False)
    assert disabled["alertRule"]["isEnabled"] is False
    refused = await business.admin(operation("AlertRuleCreate"), create=GOOD | {"userIds": [user]})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "userIds")


async def test_contenders_make_no_more_rules_than_there_may_be(business: Business) -> None:
    for _ in range(MAX_RULES - 1):
        await made(business.admin)
    answers = await asyncio.gather(*(business.admin(operation("AlertRuleCreate"), create=GOOD) for _ in range(4)))
    kinds = sorted(answer["__typename"] for answer in answers)
    assert kinds == ["AlertRuleCreateSuccess"] + ["LimitReachedError"] * 3
    assert len(await rules(business.admin)) == MAX_RULES


async def next_of(feed: Subscription) -> dict[str, Any]:
    item: dict[str, Any] = await feed.item()
    return item


async def test_the_feed_begins_with_what_is_open_and_ends_as_a_fresh_query_would(business: Business) -> None:
    queue_id = await business.queue()
    staff = await business.user(Role.STAFF)
    rule = await made(business.admin, clearForSeconds=0)
    async with staff.socket() as socket:
        feed = await socket.subscribe(operation("AlertRaised"), {})
        first = await next_of(feed)
        assert first == {"revision": 1, "openCount": 0, "alerts": [], "raised": []}
        for _ in range(2):
            await business.join(queue_id)
        await looked(business)
        second = await next_of(feed)
        [alert] = second["alerts"]
        assert (second["revision"], second["openCount"], second["raised"]) == (2, 1, [{"id": alert["id"]}])
        assert (alert["status"], alert["value"], alert["queue"]["id"], alert["ruleId"]) == (
            "FIRING",
            2,
            queue_id,
            rule["id"],
        )
        done = await staff(operation("AlertAcknowledge"), input={"alertId": alert["id"]})
        third = await next_of(feed)
        assert third["alerts"] == [done["alert"]]
        assert (third["raised"], done["alert"]["status"]) == ([], "ACKNOWLEDGED")
        viewer = await staff("{ viewer { ... on User { id } } }")
        assert done["alert"]["acknowledgedById"] == viewer["id"]
        await business.call_next(queue_id, await business.counter(queue_id))
        await looked(business)
        last = await next_of(feed)
        assert (last["revision"], last["openCount"], last["alerts"]) == (4, 0, [])
    listed = await staff(operation("AlertList"), first=10, filter={"statuses": ["RESOLVED"]})
    [over] = [edge["node"] for edge in listed["edges"]]
    assert (over["id"], over["resolution"], over["revision"]) == (alert["id"], "CLEARED", 3)
    assert (await staff(operation("AlertList"), first=10, filter={"statuses": ["FIRING"]}))["edges"] == []
    late = await staff(operation("AlertAcknowledge"), input={"alertId": alert["id"]})
    assert late["__typename"] == "AlertIsOverError"


async def test_what_was_not_shown_for_want_of_room_is_not_raised_when_it_is(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_OPEN", 2)
    tenant_id = parse(await business.queue())[1].tenant_id
    made_of = []
    for number in range(4):
        rule = await made(business.admin, name=f"Rule {number}")
        made_of.append((rule["id"], await raised(business.api, tenant_id, rule["id"])))
    async with business.admin.socket() as socket:
        feed = await socket.subscribe(operation("AlertRaised"), {})
        first = await next_of(feed)
        assert ([each["id"] for each in first["alerts"]], first["openCount"]) == ([made_of[3][1], made_of[2][1]], 4)
        await change(business.admin, made_of[3][0], isEnabled=False)
        second = await next_of(feed)
        assert [each["id"] for each in second["alerts"]] == [made_of[2][1], made_of[1][1]]
        assert (second["openCount"], second["raised"]) == (3, [])
        rule = await made(business.admin, name="Another")
        new = await raised(business.api, tenant_id, rule["id"])
        await business.api.runtime.bus.publish(topic(tenant_id), b"")
        assert (await next_of(feed))["raised"] == [{"id": new}]


async def test_alerts_are_paged_and_another_tenants_are_not_found(business: Business) -> None:
    queue_id = await business.queue()
    tenant_id = parse(queue_id)[1].tenant_id
    ids = []
    for number in range(3):
        rule = await made(business.admin, name=f"Rule {number}", severity=("INFO", "WARNING", "CRITICAL")[number])
        ids.append(await raised(business.api, tenant_id, rule["id"], queue_id))
    first = await business.admin(operation("AlertList"), first=2)
    rest = await business.admin(operation("AlertList"), first=2, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["id"] for edge in first["edges"] + rest["edges"]] == ids[::-1]
    assert not rest["pageInfo"]["hasNextPage"]
    wanted = {"queueId": queue_id, "alertRuleId": rule["id"]}
    assert [each["node"]["id"] for each in (await business.admin(operation("AlertList"), filter=wanted))["edges"]] == [
        ids[2]
    ]
    other = await business.api.new_business()
    assert (await other.admin(operation("AlertList"), first=10))["edges"] == []
    assert await rules(other.admin) == []
    for document, given in (
        ("AlertAcknowledge", {"input": {"alertId": ids[0]}}),
        ("AlertRuleUpdate", {"update": {"alertRuleId": rule["id"], "isEnabled": False}}),
        ("AlertRuleDelete", {"delete": {"alertRuleId": rule["id"]}}),
        ("AlertRuleCreate", {"create": GOOD | {"queueId": queue_id}}),
    ):
        with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
            await other.admin(operation(document), **given)
    assert len(await rules(business.admin)) == 3


async def test_the_installations_alerts_are_for_who_operates_it(api: Api) -> None:
    operator = await platform(api)
    tenant_id = parse((await operator("{ tenant { id } }"))["id"])[1].tenant_id
    slug = (await operator("{ tenant { slug } }"))["slug"]
    await api.new_user(slug, f"admin@{slug}.example", Role.ADMIN)
    admin = await api.sign_in(slug, f"admin@{slug}.example")
    given: dict[str, Any] = {"metric": "DEPENDENCY_DOWN", "threshold": 0}
    with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
        await made(admin, **given)
    rule = await made(operator, **given)
    assert rule["tellsStaff"] is False
    alert_id = await raised(api, tenant_id, rule["id"])
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        await tx.rows("update alerts set metric = 'DEPENDENCY_DOWN', subject = 'REDIS' where tenant_id = $1", tenant_id)
    seen = await operator(operation("AlertList"), first=10)
    assert [(edge["node"]["id"], edge["node"]["dependency"]) for edge in seen["edges"]] == [(alert_id, "REDIS")]
    # Another administrator of the same tenant sees and does nothing of it.
    assert (await admin(operation("AlertList"), first=10))["edges"] == []
    assert await rules(admin) == []
    async with admin.socket() as socket:
        assert (await next_of(await socket.subscribe(operation("AlertRaised"), {})))["openCount"] == 0
    for document, variables in (
        (operation("AlertAcknowledge"), {"input": {"alertId": alert_id}}),
        (operation("AlertRuleUpdate"), {"update": {"alertRuleId": rule["id"], "isEnabled": False}}),
        (operation("AlertRuleDelete"), {"delete": {"alertRuleId": rule["id"]}}),
        ("query($id: ID!) { node(id: $id) { id } }", {"id": alert_id}),
        ("query($id: ID!) { node(id: $id) { id } }", {"id": rule["id"]}),
    ):
        with pytest.raises(GraphQLFailed, match="FORBIDDEN"):
            await admin(document, **variables)
    assert await rules(operator) == [rule]
    assert (await operator("query($id: ID!) { node(id: $id) { id } }", id=alert_id)) == {"id": alert_id}


async def test_what_is_answered_and_what_fails_for_our_sake_is_counted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def counts() -> tuple[int, int]:
        await api.app.state.answers.write()
        async with api.runtime.dbs.system.read(None) as tx:
            return await answers(tx, api.runtime.clock.now(), 10)

    business = await api.new_business()
    before = await counts()
    await business.admin("{ viewer { __typename } }")
    with pytest.raises(GraphQLFailed, match="NOT_FOUND"):
        await business.admin("query($id: ID!) { node(id: $id) { id } }", id="nothing")
    good = await counts()
    assert (good[0] - before[0], good[1] - before[1]) == (2, 0), "what callers do wrong is no error of ours"

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug of ours")

    with monkeypatch.context() as bug:
        bug.setattr(alerts_service, "rules_of", broken)
        # Twice in one answer, and still one answer.
        with pytest.raises(GraphQLFailed, match="INTERNAL"):
            await business.admin("{ alertRules { id } again: alertRules { id } }")
    bad = await counts()
    assert (bad[0] - good[0], bad[1] - good[1]) == (1, 1)
