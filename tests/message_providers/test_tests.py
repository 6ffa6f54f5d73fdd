"""A test that goes the real way: an HTTP request to a provider that checks it, and what it says shown to staff."""

from typing import Any

import pytest

from tests.contract.operations import operation
from tests.message_providers.conftest import TOKEN, Twilio, account, created, listed
from tests.support.api import Business
from tests.support.stand_ins.frame import HangUp, Reply

NUMBER = "+49 30 901820"


async def tried(business: Business, made: dict[str, Any], **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await business.admin(
        operation("MessageProviderTest"), input={"messageProviderId": made["id"]} | values
    )
    return answer


async def test_what_the_provider_takes(business: Business, twilio: Twilio) -> None:
    made = await created(business.admin, **account(twilio.base, name="Our SMS"))
    answer = await tried(business, made, to=NUMBER)
    assert answer["report"]["outcome"] == "ACCEPTED"
    assert (answer["report"]["reason"], answer["report"]["reference"]) == (None, f"SM{1:032x}")
    assert 0 < answer["report"]["seconds"] < 30
    assert (answer["messageProvider"]["revision"], twilio.refused) == (2, [])
    form = twilio.asked[0].form()
    assert (form["To"], form["StatusCallback"]) == ("+4930901820", made["callbackUrl"])
    assert "Our SMS" in form["Body"]


async def test_what_it_says_of_a_wrong_password_reaches_staff_and_the_breaker(
    business: Business, twilio: Twilio
) -> None:
    made = await created(business.admin, **account(twilio.base, credentials={"authToken": "wrong"}))
    report = (await tried(business, made, to=NUMBER))["report"]
    assert report["outcome"] == "TRY_LATER"
    assert "20003" in report["reason"]
    assert twilio.refused == ["login"]
    (shown,) = await listed(business.admin)
    assert (shown["health"]["state"], shown["health"]["lastError"]) == ("PAUSED", report["reason"])
    # Put right, it is tried at once, and a test that comes through ends the pause.
    twilio.orders = [Reply.json({"code": 20500, "message": "Internal"}, 500)]
    await business.admin(
        operation("MessageProviderUpdate"),
        input={"messageProviderId": made["id"], "credentials": {"authToken": TOKEN}},
    )
    assert (await tried(business, made, to=NUMBER))["report"]["outcome"] == "TRY_LATER"
    report = await tried(business, made, to=NUMBER)
    assert (report["report"]["outcome"], report["messageProvider"]["health"]["failures"]) == ("ACCEPTED", 0)


async def test_a_connection_that_is_lost_leaves_it_in_doubt(business: Business, twilio: Twilio) -> None:
    made = await created(business.admin, **account(twilio.base))
    twilio.always = HangUp(after_taking=True)
    report = (await tried(business, made, to=NUMBER))["report"]
    assert (report["outcome"], report["reference"]) == ("IN_DOUBT", None)


async def test_what_is_switched_off_can_be_tested(business: Business, twilio: Twilio) -> None:
    made = await created(business.admin, **account(twilio.base, enabled=False))
    assert (await tried(business, made, to=NUMBER))["report"]["outcome"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "to"),
        ({"to": ""}, "to"),
        ({"to": "030 901820"}, "to"),
        ({"to": "somebody@shop.example"}, "to"),
        ({"to": "+49" + "1" * 9_000}, "to"),
        ({"to": NUMBER, "channel": "EMAIL"}, "channel"),
    ],
)
async def test_what_cannot_be_sent_is_not(
    business: Business, twilio: Twilio, values: dict[str, Any], field: str
) -> None:
    made = await created(business.admin, **account(twilio.base))
    answer = await tried(business, made, **values)
    assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field)
    assert twilio.asked == []
    assert await listed(business.admin) == [made]


async def test_an_internal_address_is_not_asked(business: Business) -> None:
    made = await created(business.admin, **account("http://10.0.0.1"))
    report = (await tried(business, made, to=NUMBER))["report"]
    assert (report["outcome"], "internal network" in report["reason"]) == ("TRY_LATER", True)


async def test_the_recipient_stands_nowhere_afterwards(business: Business, twilio: Twilio) -> None:
    made = await created(business.admin, **account(twilio.base))
    twilio.orders = [Reply.json({"code": 21211, "message": "Invalid 'To': +4930901820"}, 400)]
    report = (await tried(business, made, to=NUMBER))["report"]
    assert report["outcome"] == "REFUSED"
    audit = await business.admin.send("{ auditEntries(first: 50) { edges { node { type data } } } }")
    assert "MESSAGE_PROVIDER_TESTED" in audit.text
    assert "901820" not in audit.text + str(report)
