"""WhatsApp against a server that knows its templates and windows, and callbacks it has signed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackRequest,
    Inbound,
    InDoubt,
    Refused,
    StatusReport,
    TryLater,
)
from app.notifications.channels.whatsapp import WhatsApp, WhatsAppCredentials, WhatsAppOptions
from app.notifications.models import NotificationChannel, NotificationKind
from tests.channels.messages import SMS
from tests.support.stand_ins import whatsapp
from tests.support.stand_ins.frame import AROUND, HangUp, Reply, Silence, standing_in
from tests.support.stand_ins.whatsapp import APP_SECRET, NUMBER_ID, TOKEN, VERIFY, callback, error

MESSAGE = replace(
    SMS,
    channel=NotificationChannel.WHATSAPP,
    values={"ticketNumber": "A042", "counterName": "Counter\n3", "empty": None},
)
CALLED = {
    "name": "queue_called",
    "languages": {"en": "en_US", "de": "de"},
    "parameters": ["ticketNumber", "counterName"],
}
NUMBER = MESSAGE.to.removeprefix("+")


def provider(base: str = "https://graph.example", called: dict[str, Any] | None = CALLED, **given: Any) -> WhatsApp:
    options = {"phoneNumberId": NUMBER_ID, "baseUrl": base, "templates": {} if called is None else {"CALLED": called}}
    credentials = {"accessToken": TOKEN, "appSecret": APP_SECRET, "verifyToken": VERIFY} | given.pop("credentials", {})
    return WhatsApp(
        WhatsAppOptions.model_validate(options | given), WhatsAppCredentials.model_validate(credentials), AROUND
    )


async def test_a_template_is_filled_in_with_the_values() -> None:
    async with standing_in(whatsapp.WhatsApp()) as there:
        outcome = await provider(there.base).send(replace(MESSAGE, language="de-CH"))
    assert there.refused == []
    assert outcome == Accepted(there.ids[0])
    [taken] = there.taken
    assert taken.template is not None
    assert (taken.to, taken.template.language.code, taken.biz_opaque_callback_data) == (NUMBER, "de", MESSAGE.key)
    assert [each.text for each in taken.template.components[0].parameters] == ["A042", "Counter 3"]


async def test_what_is_empty_is_a_dash_and_another_language_is_the_first() -> None:
    async with standing_in(whatsapp.WhatsApp()) as there:
        called = CALLED | {"parameters": ["ticketNumber", "empty"]}
        assert isinstance(await provider(there.base, called).send(replace(MESSAGE, language="fr")), Accepted)
    [taken] = there.taken
    assert taken.template is not None
    assert taken.template.language.code == "en_US"
    assert [each.text for each in taken.template.components[0].parameters] == ["A042", "–"]


async def test_text_goes_to_who_has_written_and_else_says_what_is_missing() -> None:
    async with standing_in(whatsapp.WhatsApp()) as there:
        here = provider(there.base, None)
        refused = await here.send(MESSAGE)
        there.have_written.add(NUMBER)
        assert isinstance(await here.send(MESSAGE), Accepted)
    assert isinstance(refused, Refused)
    assert "Name a template for CALLED" in refused.reason
    [taken] = there.taken
    assert taken.text is not None
    assert taken.text.body == MESSAGE.body.strip()


@pytest.mark.parametrize(
    ("reply", "outcome", "is_ours"),
    [
        (error(401, 190, "Expired"), TryLater, True),
        (error(400, 131031, "Account locked"), TryLater, True),
        (error(429, 130429, "Rate limit hit"), TryLater, False),
        (error(400, 131056, "Too many to this number"), TryLater, False),
        (error(500, 131000, "Something went wrong"), TryLater, False),
        (Reply(503, b"<html>"), TryLater, False),
        (error(404, 132001, "Template does not exist"), TryLater, True),
        (error(400, 131026, f"Message undeliverable to {NUMBER}"), Refused, None),
        (error(400, 100, "Invalid parameter"), Refused, None),
    ],
)
async def test_what_its_errors_mean(reply: Reply, outcome: type, is_ours: bool | None) -> None:
    async with standing_in(whatsapp.WhatsApp()) as there:
        there.orders = [reply]
        found = await provider(there.base).send(MESSAGE)
    assert isinstance(found, outcome)
    assert getattr(found, "is_ours", None) == is_ours
    assert isinstance(found, TryLater | Refused)
    assert NUMBER not in found.reason
    assert getattr(found, "is_gone", False) == (b"131026" in reply.body)


@pytest.mark.parametrize("order", [HangUp(after_taking=True), Silence(after_taking=True)], ids=str)
async def test_who_does_not_answer_may_have_taken_it(order: HangUp | Silence) -> None:
    async with standing_in(whatsapp.WhatsApp()) as there:
        there.orders = [order]
        assert isinstance(await provider(there.base, timeoutSeconds=0.3).send(MESSAGE), InDoubt)
    assert len(there.ids) == 1


async def test_statuses_and_answers_are_read() -> None:
    at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    status = {"timestamp": str(int(at.timestamp())), "recipient_id": NUMBER}
    failed = {"errors": [{"code": 131026, "title": f"Undeliverable {NUMBER}"}]}
    reading = await provider().read_callback(
        callback(
            {
                "statuses": [
                    {"id": "wamid.1", "status": "sent", **status},
                    {"id": "wamid.1", "status": "read", **status},
                ]
            },
            {"statuses": [{"id": "wamid.2", "status": "failed", **status, **failed}]},
            {"messages": [{"id": "wamid.3", "from": NUMBER, "timestamp": "1", "type": "text", "text": {"body": "L"}}]},
            {"messages": [{"id": "wamid.4", "from": NUMBER, "timestamp": "1", "type": "image", "image": {"id": "1"}}]},
            {
                "messages": [
                    {"id": "wamid.5", "from": NUMBER, "timestamp": "1", "type": "button", "button": {"text": "M"}}
                ]
            },
        )
    )
    assert list(reading.reports) == [
        StatusReport("wamid.1", None, at),
        StatusReport("wamid.1", True, at),
        StatusReport("wamid.2", False, at, "WhatsApp says 131026 Undeliverable …", is_gone=True),
    ]
    assert list(reading.inbound) == [
        Inbound("wamid.3", NotificationChannel.WHATSAPP, MESSAGE.to, "L"),
        Inbound("wamid.5", NotificationChannel.WHATSAPP, MESSAGE.to, "M"),
    ]


async def test_what_concerns_another_number_of_the_account_is_passed_over() -> None:
    said = {"messages": [{"id": "1", "from": NUMBER, "type": "text", "text": {"body": "L"}}]}
    reading = await provider().read_callback(callback(said, number_id="1"))
    assert (list(reading.reports), list(reading.inbound)) == ([], [])


async def test_nothing_is_believed_that_is_not_signed() -> None:
    said = callback({"statuses": []})
    for headers in ({}, {"x-hub-signature-256": "sha256="}, callback(secret="another").headers):
        with pytest.raises(BadCallback, match="Signature"):
            await provider().read_callback(CallbackRequest(said.url, headers, said.body))
    with pytest.raises(BadCallback, match="Signature"):
        await provider().read_callback(CallbackRequest(said.url, said.headers, said.body + b" "))


@pytest.mark.parametrize(
    "value",
    [
        {"statuses": 1},
        {"statuses": ["x"]},
        {"messages": [{"type": "text", "text": {"body": "L"}}]},
        {"statuses": [{"id": "1", "status": "read", "timestamp": "9" * 40}]},
    ],
)
async def test_what_cannot_be_read_is_no_crash(value: dict[str, Any]) -> None:
    with pytest.raises(BadCallback, match="cannot be read"):
        await provider().read_callback(callback(value))


async def test_the_challenge_is_answered_for_the_word_that_was_chosen() -> None:
    url = "https://queue.example/callbacks/1?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    reading = await provider().read_callback(CallbackRequest(url + VERIFY, {}, b""))
    assert reading.answer == "1158201444"
    for bad in (url + "another", url, url.replace("1158201444", "%3Cscript%3E") + VERIFY):
        with pytest.raises(BadCallback):
            await provider().read_callback(CallbackRequest(bad, {}, b""))


async def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="phoneNumberId"):
        provider(phoneNumberId="+49")
    with pytest.raises(ValueError, match="languages"):
        provider(called={"name": "x", "languages": {}})
    assert NotificationKind.CALLED in provider().options.templates
