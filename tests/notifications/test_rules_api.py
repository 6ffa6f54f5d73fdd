"""Rules of messages through the API: what staff may set, what is refused, and who may not."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from app.core.events.models import EventRow
from app.core.ids import parse
from app.notifications.telling.service import MAX_RULES
from tests.support.api import Business, GraphQLFailed

FIELDS = """id kind channels choice peopleAhead waitMinutes minutesBefore delaySeconds
  quietHours { starts ends } isEnabled revision queue { id }"""
CREATE = f"""mutation($i: MessageRuleCreateInput!) {{ messageRuleCreate(input: $i) {{ __typename
  ... on MessageRuleCreateSuccess {{ messageRule {{ {FIELDS} }} }}
  ... on UserError {{ message }} ... on InvalidInputError {{ field }}
  ... on LimitReachedError {{ limit maximum }} }} }}"""
UPDATE = f"""mutation($i: MessageRuleUpdateInput!) {{ messageRuleUpdate(input: $i) {{ __typename
  ... on MessageRuleUpdateSuccess {{ messageRule {{ {FIELDS} }} }}
  ... on UserError {{ message }} ... on InvalidInputError {{ field }} }} }}"""
DELETE = """mutation($i: MessageRuleDeleteInput!) { messageRuleDelete(input: $i) { __typename
  ... on MessageRuleDeleteSuccess { messageRuleId } ... on MessageRuleHasTextsError { message textCount } } }"""
SET = """mutation($i: NotificationTemplateSetInput!) { notificationTemplateSet(input: $i) { __typename
  ... on NotificationTemplateSetSuccess { notificationTemplate { ruleId subject } preview { body sms { segments } } }
  ... on UserError { message } ... on InvalidInputError { field }
  ... on SmsTooLongError { segments mostSegments encoding } } }"""
REMOVE = """mutation($i: NotificationTemplateRemoveInput!) { notificationTemplateRemove(input: $i) { __typename
  ... on NotificationTemplateRemoveSuccess { notificationTemplate { locale subject isBuiltIn } }
  ... on InvalidInputError { field } } }"""
RULES = f"{{ messageRules {{ {FIELDS} }} }}"
GOOD = {"kind": "COMPLETED", "channels": ["SMS", "EMAIL"]}


async def made(business: Business, **given: Any) -> dict[str, Any]:
    answer = await business.admin(CREATE, i=GOOD | given)
    assert answer["__typename"] == "MessageRuleCreateSuccess", answer
    rule: dict[str, Any] = answer["messageRule"]
    return rule


async def test_a_rule_is_made_changed_listed_and_deleted(business: Business) -> None:
    queue_id = await business.queue()
    quiet = {"starts": "22:00:00", "ends": "07:00:00"}
    rule = await made(business, queueId=queue_id, delaySeconds=60, quietHours=quiet, choice="ALL")
    assert rule | {"id": ""} == {
        "id": "",
        "kind": "COMPLETED",
        "channels": ["SMS", "EMAIL"],
        "choice": "ALL",
        "peopleAhead": None,
        "waitMinutes": None,
        "minutesBefore": None,
        "delaySeconds": 60,
        "quietHours": quiet,
        "isEnabled": True,
        "revision": 1,
        "queue": {"id": queue_id},
    }
    changed = await business.admin(UPDATE, i={"messageRuleId": rule["id"], "quietHours": None, "isEnabled": False})
    assert changed["messageRule"] == rule | {"quietHours": None, "isEnabled": False, "revision": 2}
    again = await business.admin(UPDATE, i={"messageRuleId": rule["id"], "isEnabled": False})
    assert again["messageRule"]["revision"] == 2, "it is so already"
    assert await business.admin(RULES) == [changed["messageRule"]]
    assert await business.admin("query($id: ID!) { node(id: $id) { id } }", id=rule["id"]) == {"id": rule["id"]}
    deleted = await business.admin(DELETE, i={"messageRuleId": rule["id"]})
    assert deleted == {"__typename": "MessageRuleDeleteSuccess", "messageRuleId": rule["id"]}
    assert await business.admin(RULES) == []
    tenant_id = parse(queue_id)[1].tenant_id
    async with business.api.runtime.dbs.app.read(tenant_id) as tx:
        found = await tx.exec(select(EventRow.type).where(EventRow.aggregate_type == "message_rule"))
        assert sorted(found) == ["MESSAGE_RULE_CREATED", "MESSAGE_RULE_DELETED", "MESSAGE_RULE_UPDATED"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "BROADCAST"}, "kind"),
        ({"kind": "QUEUE_ALERT"}, "kind"),
        ({"channels": []}, "channels"),
        ({"channels": ["SMS", "SMS"]}, "channels"),
        ({"channels": ["CHAT"]}, "channels"),
        ({"kind": "PEOPLE_AHEAD"}, "peopleAhead"),
        ({"kind": "PEOPLE_AHEAD", "peopleAhead": 10_001}, "peopleAhead"),
        ({"kind": "PEOPLE_AHEAD", "peopleAhead": -1}, "peopleAhead"),
        ({"peopleAhead": 3}, "peopleAhead"),
        ({"kind": "WAIT_BELOW", "waitMinutes": 0}, "waitMinutes"),
        ({"kind": "OPENING_SOON"}, "minutesBefore"),
        ({"delaySeconds": 604_801}, "delaySeconds"),
        ({"delaySeconds": -1}, "delaySeconds"),
        ({"kind": "PEOPLE_AHEAD", "peopleAhead": 3, "delaySeconds": 1}, "delaySeconds"),
        ({"quietHours": {"starts": "22:00", "ends": "22:00"}}, "quietHours"),
    ],
)
async def test_what_nobody_could_follow_is_refused_and_nothing_is_saved(
    business: Business, given: dict[str, Any], field: str
) -> None:
    before = await business.admin(RULES)
    refused = await business.admin(CREATE, i=GOOD | given)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", field)
    assert await business.admin(RULES) == before


async def test_a_change_that_makes_a_rule_impossible_is_refused(business: Business) -> None:
    rule = await made(business)
    refused = await business.admin(UPDATE, i={"messageRuleId": rule["id"], "channels": ["EMAIL"], "waitMinutes": 5})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "waitMinutes")
    assert rule in await business.admin(RULES)


async def test_another_tenants_rules_and_queues_are_not_found(business: Business) -> None:
    queue_id = await business.queue()
    rule = await made(business)
    other = await business.api.new_business()
    assert await other.admin(RULES) == []
    for document, given in (
        (CREATE, GOOD | {"queueId": queue_id}),
        (UPDATE, {"messageRuleId": rule["id"], "isEnabled": False}),
        (DELETE, {"messageRuleId": rule["id"]}),
        (SET, {"kind": "COMPLETED", "subject": "x", "body": "x", "ruleId": rule["id"]}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await other.admin(document, i=given)
        assert refused.value.code == "NOT_FOUND"
    assert rule in await business.admin(RULES)


async def test_contenders_make_no_more_rules_than_there_may_be(business: Business) -> None:
    fresh = await business.api.new_business()
    for _ in range(MAX_RULES - 2):
        await made(fresh)
    answers = await asyncio.gather(*(fresh.admin(CREATE, i=GOOD) for _ in range(5)))
    kinds = [answer["__typename"] for answer in answers]
    assert sorted(kinds) == ["LimitReachedError"] * 3 + ["MessageRuleCreateSuccess"] * 2
    [refused] = {(each["limit"], each["maximum"]) for each in answers if "limit" in each}
    assert refused == ("messageRules", MAX_RULES)
    assert len(await fresh.admin(RULES)) == MAX_RULES


async def test_a_rules_texts_are_not_lost_by_accident(business: Business) -> None:
    rule = await made(business)
    text = {"kind": "COMPLETED", "channel": "SMS", "locale": "en", "ruleId": rule["id"]}
    saved = await business.admin(SET, i=text | {"subject": "", "body": "Bye {{ ticketNumber }}"})
    assert saved["notificationTemplate"]["ruleId"] == rule["id"]
    assert saved["preview"] == {"body": "Bye A042", "sms": {"segments": 1}}
    wrong = await business.admin(SET, i=text | {"kind": "CALLED", "subject": "", "body": "x"})
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "ruleId")
    refused = await business.admin(DELETE, i={"messageRuleId": rule["id"]})
    assert (refused["__typename"], refused["textCount"]) == ("MessageRuleHasTextsError", 1)
    assert rule in await business.admin(RULES)
    deleted = await business.admin(DELETE, i={"messageRuleId": rule["id"], "deleteTexts": True})
    assert deleted["__typename"] == "MessageRuleDeleteSuccess"


async def test_a_text_message_that_is_too_long_is_refused_by_name(business: Business) -> None:
    given = {"kind": "CALLED", "channel": "SMS", "locale": "en", "subject": "", "body": "ê" * 300}
    refused = await business.admin(SET, i=given)
    assert refused.pop("message")
    assert refused == {"__typename": "SmsTooLongError", "segments": 5, "mostSegments": 4, "encoding": "UNICODE"}


async def test_a_text_of_ones_own_can_be_given_up(business: Business) -> None:
    text = {"kind": "NO_SHOW", "channel": "EMAIL", "locale": "fr"}
    await business.admin(SET, i=text | {"subject": "Mine", "body": "Mine"})
    removed = await business.admin(REMOVE, i=text)
    assert removed["notificationTemplate"] == {
        "locale": "fr",
        "subject": "{{ ticketNumber }} : rendez-vous manqué",
        "isBuiltIn": True,
    }
    again = await business.admin(REMOVE, i=text)
    assert again == {"__typename": "InvalidInputError", "field": "locale"}
