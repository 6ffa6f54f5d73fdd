"""Who visitors are at the CRM: found, shown to staff alone, written down there; and what if it is away."""

from typing import Any

import pytest

from app.core.ids import parse
from app.identity.accounts.codes import Codes
from app.identity.models import Role
from app.privacy import work
from app.privacy.models import PrivacyRequest
from tests.integrations.conftest import World
from tests.support.api import GraphQLFailed
from tests.support.stand_ins.frame import Asked, Reply, Silence, StandIn, standing_in
from tests.support.stand_ins.hubspot import HubSpotStandIn

ADA = {
    "email": "ada@private.example",
    "phone": "+49 30 901820",
    "firstname": "Ada",
    "lastname": "Lovelace",
    "company": "Analytical Engines",
}


async def test_a_visitor_is_found_shown_to_staff_and_written_down(world: World, hubspot: HubSpotStandIn) -> None:
    hubspot.contacts = {"101": dict(ADA), "102": {"email": "other@private.example"}}
    await world.hubspot(
        hubspot, accountId="7", show=["company", "phone"], write={"last_visit": "joinedAt", "visit_status": "status"}
    )
    queue = await world.business.queue()
    counter = await world.business.counter(queue)
    joined = await world.business.join(queue, contact={"email": "ada@private.example"})
    assert await world.settle() == ["integrations.customer"]
    shown = (await world.session(joined))["customer"]
    assert shown.pop("lookedUpAt")
    assert shown == {
        "status": "FOUND",
        "name": "Ada Lovelace",
        "url": "https://app.hubspot.com/contacts/7/contact/101",
        "error": None,
        "fields": [
            {"name": "company", "value": "Analytical Engines"},
            {"name": "phone", "value": "+49 30 901820"},
        ],
    }
    assert hubspot.contacts["101"]["visit_status"] == "WAITING"
    assert hubspot.contacts["101"]["last_visit"].startswith(f"{world.clock.now():%Y-%m-%d}")
    assert (await world.session(joined, joined.visitor))["customer"] is None, "it is nobody's but the staff's"
    await world.business.call_next(queue, counter)
    await world.business.serve(joined.id)
    asked = len(hubspot.asked)
    assert await world.settle() == ["integrations.customer"]
    assert hubspot.contacts["101"]["visit_status"] == "COMPLETED"
    assert [each.method for each in hubspot.asked[asked:]] == ["PATCH"], "who is known is not looked for again"
    assert hubspot.refused == []
    assert "visit_status" not in hubspot.contacts["102"]


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ({"phone": "+49 30 901820"}, "FOUND"),
        ({"email": "nobody@private.example", "phone": "+49 30 901820"}, "FOUND"),
        ({"email": "nobody@private.example"}, "NOT_FOUND"),
    ],
)
async def test_the_number_is_asked_for_after_the_address(
    world: World, hubspot: HubSpotStandIn, contact: dict[str, str], status: str
) -> None:
    hubspot.contacts = {"101": dict(ADA)}
    await world.hubspot(hubspot)
    joined = await world.business.join(await world.business.queue(), contact=contact)
    await world.settle()
    assert (await world.session(joined))["customer"]["status"] == status
    assert hubspot.refused == []


async def test_nobody_is_asked_about_a_visitor_who_gave_nothing_or_where_it_is_off(
    world: World, hubspot: HubSpotStandIn
) -> None:
    queue = await world.business.queue()
    await world.business.join(queue, contact={"email": "ada@private.example"})
    assert await world.settle() == [], "without a CRM there is no job"
    integration = await world.hubspot(hubspot)
    joined = await world.business.join(queue)
    assert await world.settle() == ["integrations.customer"]
    await world.business.admin(
        "mutation($i: IntegrationUpdateInput!) { integrationUpdate(input: $i) { __typename } }",
        i={"integrationId": integration, "enabled": False},
    )
    await world.business.join(queue, contact={"email": "ada@private.example"})
    assert await world.settle() == []
    assert hubspot.asked == []
    assert (await world.session(joined))["customer"] is None


async def test_a_system_that_fails_is_asked_again_and_left_alone_meanwhile(
    world: World, hubspot: HubSpotStandIn
) -> None:
    hubspot.contacts = {"101": dict(ADA)}
    integration = await world.hubspot(hubspot)
    queue = await world.business.queue()
    hubspot.always = Reply.json({}, 500)
    joined = [await world.business.join(queue, contact={"email": "ada@private.example"}) for _ in range(7)]
    await world.settle()
    assert len(hubspot.asked) == 5, "after five failures it is left alone"
    assert (await world.session(joined[0]))["customer"]["status"] == "FAILED"
    health = await _health(world, integration)
    assert (health["isLeftAlone"], health["failureCount"]) == (True, 5)
    assert health["lastError"] == "It is busy or out of order (500)."
    world.clock.advance(seconds=29)
    await world.settle()
    assert len(hubspot.asked) == 5
    world.clock.advance(seconds=15)
    hubspot.always = None
    await world.settle()
    world.clock.advance(minutes=2)
    await world.settle()
    assert {(await world.session(each))["customer"]["status"] for each in joined} == {"FOUND"}
    health = await _health(world, integration)
    assert (health["isLeftAlone"], health["failureCount"]) == (False, 0)


async def test_what_it_refuses_is_said_and_not_asked_again(world: World, hubspot: HubSpotStandIn) -> None:
    await world.create("HUBSPOT", {"baseUrl": hubspot.base}, {"accessToken": "wrong"})
    joined = await world.business.join(await world.business.queue(), contact={"email": "ada@private.example"})
    await world.settle()
    world.clock.advance(minutes=12)
    await world.settle()
    customer = (await world.session(joined))["customer"]
    assert (customer["status"], customer["error"]) == ("FAILED", "It does not accept the credentials (401).")
    assert hubspot.refused == ["authentication"]


async def test_a_pause_it_asks_for_is_kept(world: World, hubspot: HubSpotStandIn) -> None:
    hubspot.contacts = {"101": dict(ADA)}
    await world.hubspot(hubspot)
    hubspot.orders = [Reply.json({}, 429, Retry_After="120")]
    joined = await world.business.join(await world.business.queue(), contact={"email": "ada@private.example"})
    await world.settle()
    world.clock.advance(seconds=110)
    await world.settle()
    assert len(hubspot.asked) == 1
    world.clock.advance(seconds=60)
    await world.settle()
    assert (await world.session(joined))["customer"]["status"] == "FOUND"


class Directory(StandIn):
    """A CRM of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.visits: list[Any] = []

    async def take(self, asked: Asked) -> Reply:
        if asked.headers.get("x-token") != "s3cret":
            return self.refuse("authentication", Reply.json({}, 401))
        if asked.path == "/people" and asked.query == {"mail": "a+b&c@private.example"}:
            person = {"ref": {"no": 12}, "full": "Ada", "vip": True, "page": "javascript:alert(1)"}
            return Reply.json({"data": {"items": [person]}})
        if asked.path == "/people":
            return Reply.json({"data": {"items": []}})
        if (asked.method, asked.path) == ("POST", "/people/12/visits"):
            self.visits.append(asked.json())
            return Reply(204)
        return self.refuse("address", Reply.json({}, 404))


async def test_any_crm_is_asked_as_its_options_say(world: World) -> None:
    async with standing_in(Directory()) as directory:
        options = {
            "baseUrl": f"{directory.base}/",
            "findPath": "/people?mail={email}",
            "listAt": "data.items",
            "idAt": "ref.no",
            "nameAt": "full",
            "urlAt": "page",
            "show": {"Regular": "vip", "Nothing": "no.such"},
            "updateMethod": "POST",
            "updatePath": "/people/{id}/visits",
            "write": {"ticket": "ticketNumber", "where": "queue", "served": "servedAt"},
            "checkPath": "/people?mail=x",
            "header": "X-Token",
        }
        assert (await world.create("REST", options, {"secret": "s3cret"}))["__typename"] == "IntegrationCreateSuccess"
        joined = await world.business.join(
            await world.business.queue(name="Passports"), contact={"email": "a+b&c@private.example"}
        )
        await world.settle()
        customer = (await world.session(joined))["customer"]
        assert (customer["status"], customer["name"]) == ("FOUND", "Ada")
        assert customer["url"] is None, "nobody clicks on that"
        assert customer["fields"] == [{"name": "Regular", "value": "yes"}]
        assert directory.visits == [{"ticket": joined.ticket, "where": "Passports"}]
        assert directory.refused == []


async def test_five_seconds_are_all_it_gets(world: World, hubspot: HubSpotStandIn, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.integrations.adapters.asking.TIMEOUT_SECONDS", 0.05)
    await world.hubspot(hubspot)
    hubspot.always = Silence()
    joined = await world.business.join(await world.business.queue(), contact={"email": "ada@private.example"})
    await world.settle()
    assert (await world.session(joined))["customer"]["error"] == "No answer within 0.05 s."


async def test_what_the_crm_said_goes_with_the_person(world: World, hubspot: HubSpotStandIn) -> None:
    hubspot.contacts = {"101": dict(ADA)}
    await world.hubspot(hubspot)
    queue = await world.business.queue()
    counter = await world.business.counter(queue)
    joined = await world.business.join(queue, contact={"email": "ada@private.example"})
    await world.settle()
    await world.business.call_next(queue, counter)
    await world.business.serve(joined.id)
    await world.settle()
    dbs = world.api.runtime.dbs
    exported = await _request(world, "personExport")
    async with dbs.system.read(world.tenant_id) as tx:
        content = (await tx.get_one(PrivacyRequest, (world.tenant_id, exported))).content
        assert content is not None
        assert [row["customer"]["name"] for row in content["data"]["session_customers"]] == ["Ada Lovelace"]
    await _request(world, "personErase")
    assert (await world.session(joined))["customer"] is None


async def test_another_business_sees_none_of_it(world: World, hubspot: HubSpotStandIn) -> None:
    integration = await world.hubspot(hubspot)
    other = await world.api.new_business()
    staff = await world.business.user(Role.STAFF)
    for document, variables in (
        ("query($id: ID!) { node(id: $id) { id } }", {"id": integration}),
        (
            "mutation($i: IntegrationTestInput!) { integrationTest(input: $i) { __typename } }",
            {"i": {"integrationId": integration}},
        ),
    ):
        with pytest.raises(GraphQLFailed) as failed:
            await other.admin(document, **variables)
        assert failed.value.code == "NOT_FOUND"
        with pytest.raises(GraphQLFailed) as failed:
            await staff(document, **variables)
        assert failed.value.code == "FORBIDDEN"
    assert await other.admin("{ integrations { id } }") == []
    assert hubspot.asked == []


async def _health(world: World, integration: str) -> Any:
    found = await world.business.admin(
        "query($id: ID!) { node(id: $id) { ... on Integration { health {"
        " isLeftAlone failureCount lastError leftAloneUntil } } } }",
        id=integration,
    )
    return found["health"]


async def _request(world: World, verb: str) -> Any:
    name = verb[0].upper() + verb[1:]
    made = await world.business.admin(
        f"mutation($i: {name}Input!) {{ {verb}(input: $i) {{ __typename"
        f" ... on {name}Success {{ request {{ id }} }} ... on UserError {{ message }} }} }}",
        i={"email": "ada@private.example"},
    )
    assert made["__typename"] == f"{name}Success", made
    ref = parse(made["request"]["id"])[1]
    runtime = world.api.runtime
    await work.work(runtime.dbs.system, Codes(runtime.settings.secret), ref.tenant_id, ref.id)
    return ref.id
