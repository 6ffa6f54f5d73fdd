"""Integrations as administrators see them: made, changed, tried, switched off, deleted; secrets shown to nobody."""

from typing import Any

import pytest
from sqlalchemy import text

from app.identity.models import Role
from tests.integrations.conftest import World
from tests.support.api import GraphQLFailed
from tests.support.stand_ins.frame import Reply
from tests.support.stand_ins.hubspot import TOKEN, HubSpotStandIn
from tests.support.stand_ins.stripe import KEY, SECRET, StripeStandIn

LIST = """{ integrations { id kind adapter name options enabled callbackUrl revision
  health { isLeftAlone failureCount lastError } } }"""
UPDATE = """mutation($i: IntegrationUpdateInput!) { integrationUpdate(input: $i) { __typename
  ... on IntegrationUpdateSuccess { integration { name options enabled revision } }
  ... on UserError { message } ... on InvalidInputError { field } } }"""
DELETE = """mutation($i: IntegrationDeleteInput!) { integrationDelete(input: $i) { __typename
  ... on UserError { message } } }"""
TEST = """mutation($i: IntegrationTestInput!) { integrationTest(input: $i) { __typename
  ... on IntegrationTestSuccess { answer } ... on IntegrationFailedError { reason retryAfterSeconds } } }"""


async def test_what_can_be_chosen_says_what_it_wants(world: World) -> None:
    found = await world.business.admin("{ integrationAdapters { name title kind optionsSchema credentialsSchema } }")
    assert {(each["name"], each["kind"]) for each in found} >= {
        ("HUBSPOT", "CRM"),
        ("REST", "CRM"),
        ("STRIPE", "PAYMENT"),
    }
    stripe = next(each for each in found if each["name"] == "STRIPE")
    assert set(stripe["credentialsSchema"]["required"]) == {"secretKey", "webhookSecret"}
    for each in found:
        for place in (*each["optionsSchema"]["properties"].values(), *each["credentialsSchema"]["properties"].values()):
            assert place["description"], each["name"]


async def test_secrets_are_kept_sealed_and_shown_to_nobody(world: World, stripe: StripeStandIn) -> None:
    await world.stripe(stripe)
    shown = await world.business.admin.send(LIST)
    audit = await world.business.admin.send(
        "{ auditLog(first: 20) { edges { node { type changes { name before after } } } } }"
    )
    async with world.api.runtime.dbs.system.read(None) as tx:
        kept = repr((await tx.exec(text("select * from integrations"))).all())  # type: ignore[call-overload]
        logged = repr((await tx.exec(text("select data, changes from events"))).all())  # type: ignore[call-overload]
    for secret in (KEY, SECRET):
        assert not any(secret in where for where in (shown.text, audit.text, kept, logged))


BAD: list[tuple[str, Any, Any, str]] = [
    ("NONE", {}, {}, "adapter"),
    ("HUBSPOT", {}, {}, "credentials.accessToken"),
    ("HUBSPOT", {"baseUrl": "ftp://x"}, {"accessToken": "x"}, "options.baseUrl"),
    ("HUBSPOT", {"baseUrl": "https://u:p@x"}, {"accessToken": "x"}, "options.baseUrl"),
    ("HUBSPOT", {"show": ["no good"]}, {"accessToken": "x"}, "options.show.0"),
    ("HUBSPOT", {"write": {"a": "password"}}, {"accessToken": "x"}, "options.write.a"),
    ("HUBSPOT", {"other": 1}, {"accessToken": "x"}, "options.other"),
    ("HUBSPOT", {"accountId": "x" * 9000}, {"accessToken": "x"}, "options"),
    ("REST", {"baseUrl": "https://x.example"}, {"secret": "x"}, "options.findPath"),
    ("REST", {"baseUrl": "https://x.example", "findPath": "/all"}, {"secret": "x"}, "options"),
    ("REST", {"baseUrl": "https://x.example", "findPath": "/{email}/{password}"}, {"secret": "x"}, "options"),
    (
        "REST",
        {"baseUrl": "https://x.example", "findPath": "/{email}", "updatePath": "/all"},
        {"secret": "x"},
        "options",
    ),
    ("STRIPE", [], {"secretKey": "x", "webhookSecret": "y"}, "options"),
    ("STRIPE", {}, {"secretKey": "x"}, "credentials.webhookSecret"),
    ("STRIPE", {}, {"secretKey": "x\u0000", "webhookSecret": "y"}, "credentials"),
]


@pytest.mark.parametrize(("adapter", "options", "credentials", "field"), BAD)
async def test_what_does_not_fit_is_named(
    world: World, adapter: str, options: Any, credentials: Any, field: str
) -> None:
    answer = await world.create(adapter, options, credentials)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)
    assert await world.business.admin("{ integrations { id } }") == []


async def test_of_each_kind_one_is_on(world: World, hubspot: HubSpotStandIn) -> None:
    first = await world.hubspot(hubspot)
    answer = await world.create("HUBSPOT", {}, {"accessToken": TOKEN})
    assert answer["__typename"] == "IntegrationKindTakenError"
    second = (await world.create("HUBSPOT", {}, {"accessToken": TOKEN}, enabled=False))["integration"]
    answer = await world.business.admin(UPDATE, i={"integrationId": second["id"], "enabled": True})
    assert answer["__typename"] == "IntegrationKindTakenError"
    await world.business.admin(UPDATE, i={"integrationId": first, "enabled": False})
    answer = await world.business.admin(UPDATE, i={"integrationId": second["id"], "enabled": True, "name": "Other"})
    assert answer["integration"] == {"name": "Other", "options": {}, "enabled": True, "revision": 2}
    answer = await world.business.admin(UPDATE, i={"integrationId": second["id"], "name": "Other"})
    assert answer["integration"]["revision"] == 2, "nothing has changed"
    assert [each.type for each in await world.events("INTEGRATION_UPDATED")] == ["INTEGRATION_UPDATED"] * 2


async def test_other_options_need_the_credentials_again(world: World, hubspot: HubSpotStandIn) -> None:
    """Else whoever may configure could send a token they were never shown to themselves."""
    integration = await world.hubspot(hubspot)
    before = await world.business.admin(LIST)
    elsewhere = {"baseUrl": "https://elsewhere.example"}
    answer = await world.business.admin(UPDATE, i={"integrationId": integration, "options": elsewhere})
    assert answer["__typename"] == "CredentialsRequiredError"
    assert await world.business.admin(LIST) == before
    both = {"integrationId": integration, "options": elsewhere, "credentials": {"accessToken": "another"}}
    answer = await world.business.admin(UPDATE, i=both)
    assert (answer["integration"]["options"], answer["integration"]["revision"]) == (elsewhere, 2)
    answer = await world.business.admin(UPDATE, i={"integrationId": integration, "options": elsewhere})
    assert answer["integration"]["revision"] == 2, "the same options lead nowhere else"


async def test_it_is_tried_as_it_is_configured(world: World, hubspot: HubSpotStandIn) -> None:
    integration = await world.hubspot(hubspot)
    answer = await world.business.admin(TEST, i={"integrationId": integration})
    assert answer["answer"] == "HubSpot lets us read contacts."
    hubspot.orders = [Reply.json({}, 503, Retry_After="30")]
    answer = await world.business.admin(TEST, i={"integrationId": integration})
    assert answer == {
        "__typename": "IntegrationFailedError",
        "reason": "It is busy or out of order (503).",
        "retryAfterSeconds": 30,
    }
    answer = await world.business.admin(TEST, i={"integrationId": integration})
    assert answer["reason"].startswith("It is being left alone")
    assert len(hubspot.asked) == 2
    changes = {"integrationId": integration, "credentials": {"accessToken": "other"}}
    assert (await world.business.admin(UPDATE, i=changes))["__typename"] == "IntegrationUpdateSuccess"
    answer = await world.business.admin(TEST, i={"integrationId": integration})
    assert answer["reason"] == "It does not accept the credentials (401)."


async def test_no_internal_address_is_asked(world: World) -> None:
    made = await world.create("HUBSPOT", {"baseUrl": "http://10.0.0.1:1"}, {"accessToken": "x"})
    answer = await world.business.admin(TEST, i={"integrationId": made["integration"]["id"]})
    assert answer["reason"] == "The address leads into an internal network, which is not asked."


async def test_one_that_took_money_stays(world: World, stripe: StripeStandIn, hubspot: HubSpotStandIn) -> None:
    payment, _ = await world.stripe(stripe)
    crm = await world.hubspot(hubspot)
    joined = await world.business.join(await world.paid_queue())
    await world.pay(joined)
    answer = await world.business.admin(DELETE, i={"integrationId": payment})
    assert answer["__typename"] == "IntegrationInUseError"
    answer = await world.business.admin(DELETE, i={"integrationId": crm})
    assert answer["__typename"] == "IntegrationDeleteSuccess"
    assert [each["id"] for each in await world.business.admin("{ integrations { id } }")] == [payment]


async def test_only_administrators_decide(world: World, hubspot: HubSpotStandIn) -> None:
    integration = await world.hubspot(hubspot)
    manager = await world.business.user(Role.MANAGER)
    visitor = (await world.business.join(await world.business.queue())).visitor
    strangers = (await world.api.new_business()).admin
    wanted: list[tuple[str, dict[str, Any]]] = [
        (UPDATE, {"i": {"integrationId": integration, "enabled": False}}),
        (DELETE, {"i": {"integrationId": integration}}),
        (TEST, {"i": {"integrationId": integration}}),
    ]
    for document, variables in wanted:
        for caller, code in (
            (manager, "FORBIDDEN"),
            (visitor, "UNAUTHENTICATED"),
            (world.api.anonymous, "UNAUTHENTICATED"),
            (strangers, "NOT_FOUND"),
        ):
            with pytest.raises(GraphQLFailed) as failed:
                await caller(document, **variables)
            assert failed.value.code == code
    (shown,) = await world.business.admin(LIST)
    assert (shown["id"], shown["enabled"], shown["revision"], shown["health"]) == (integration, True, 1, None)
    assert hubspot.asked == []
