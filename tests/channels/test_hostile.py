"""Callbacks with anything in them, signed or not, and answers with anything in them: read or refused, never a crash."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackReading,
    CallbackRequest,
    Inbound,
    Refused,
    StatusReport,
    TryLater,
)
from app.notifications.models import NotificationChannel
from tests.channels.messages import ADAPTERS, CALLBACK, SENDGRID, SES, SNS, TWILIO, Adapter
from tests.support.stand_ins.amazon import Amazon
from tests.support.stand_ins.frame import Reply, standing_in
from tests.support.stand_ins.sendgrid import SendGrid
from tests.support.stand_ins.twilio import ACCOUNT, signed

SOME = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def some(names: list[str], **known: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these names, of anything or of what is known there."""
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(known[name]) | VALUES if name in known else VALUES for name in names}
    )


def texts(reading: CallbackReading) -> Iterator[str]:
    for report in reading.reports:
        yield from (report.provider_message_id, report.reason or "")
    for inbound in reading.inbound:
        yield from (inbound.id, inbound.sender, inbound.text)


def check(reading: CallbackReading) -> None:
    for text in texts(reading):
        assert "\x00" not in text
        text.encode()


EVENT = some(
    ["event", "sg_message_id", "timestamp", "reason", "response", "type", "email"],
    event=["delivered", "bounce", "dropped", "deferred", "spamreport", "processed"],
    sg_message_id=["m1.x", "", "\x00"],
    timestamp=[10**18, -(10**18), 0],
)
PART = some(
    ["timestamp", "bounceType", "bounceSubType", "bouncedRecipients"],
    timestamp=["2026-11-21T12:00:00Z", "soon"],
    bouncedRecipients=[[], [1], [{}], [{"emailAddress": 1, "diagnosticCode": "\x00"}]],
)
SES_EVENT = st.fixed_dictionaries(
    {"mail": st.just({"messageId": "m1"}) | VALUES},
    optional={
        "eventType": st.sampled_from(["Delivery", "Bounce", "Complaint", "Reject", "Send"]) | VALUES,
        "delivery": PART | VALUES,
        "bounce": PART | VALUES,
        "complaint": PART | VALUES,
    },
)


@SOME
@given(events=st.lists(EVENT | VALUES, max_size=4))
async def test_sendgrid_may_say_anything(events: list[Any]) -> None:
    there = SendGrid()
    provider = SENDGRID.at("https://api.sendgrid.com", webhookPublicKey=there.public_key)
    check(await provider.read_callback(there.events_as_they_are(CALLBACK, events)))


async def test_a_topic_may_say_anything() -> None:
    answer = some(
        ["originationNumber", "messageBody", "inboundMessageId"], originationNumber=["+4930901820", "+", "\x00"]
    )
    async with standing_in(Amazon()) as there:
        for provider in (SES.at(there.base, topicBaseUrl=there.base), SNS.at(there.base, topicBaseUrl=there.base)):
            for said in _examples(SES_EVENT | answer | VALUES):
                check(await provider.read_callback(there.notification(CALLBACK, said)))


def _examples(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """All at once, because the stand-in is in the test's loop."""
    found: list[Any] = []

    @SOME
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


@SOME
@given(
    form=st.dictionaries(
        st.sampled_from(["MessageSid", "MessageStatus", "SmsStatus", "ErrorCode", "From", "Body", "AccountSid", "é"]),
        st.sampled_from(["received", "failed", "+4930901820", "", "\x00", "٣", "99999999999999999999"]) | st.text(),
        min_size=1,
    )
)
async def test_twilio_may_say_anything(form: dict[str, str]) -> None:
    reading = TWILIO.at("https://api.twilio.com").read_callback(signed(CALLBACK, form))
    if form.get("AccountSid", ACCOUNT) != ACCOUNT or not form.get("MessageSid"):
        with pytest.raises(BadCallback, match=r"it names no message|it is about another account"):
            await reading
    else:
        check(await reading)


@SOME
@given(body=st.binary(max_size=200), headers=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=3))
async def test_what_nobody_has_signed_is_refused(body: bytes, headers: dict[str, str]) -> None:
    names = ("X-Twilio-Signature", "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp")
    request = CallbackRequest(CALLBACK, {**headers, **dict.fromkeys(names, next(iter(headers.values()), ""))}, body)
    providers = [
        TWILIO.at("https://api.twilio.com"),
        SENDGRID.at("https://api.sendgrid.com", webhookPublicKey=SendGrid().public_key),
        SES.at("https://x.example"),
        SNS.at("https://x.example"),
    ]
    for provider in providers:
        with pytest.raises(BadCallback):
            await provider.read_callback(request)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=str)
@pytest.mark.parametrize("status", [200, 400, 429])
async def test_an_answer_may_say_anything(adapter: Adapter, status: int) -> None:
    bodies = [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"sid": 7, "MessageId": {}, "code": null, "message": [], "errors": [1]}',
        b'{"sid": "a\\u0000b", "MessageId": "a\\u0000b", "code": "x", "errors": {"0": 1}}',
        b"<MessageId>a\x00b</MessageId><Code>\x00</Code>",
        b'{"sid": "' + b"x" * 5_000 + b'", "MessageId": "' + b"x" * 5_000 + b'"}',
        b'{"errors": [{"message": null, "field": 3}], "__type": 3}',
        b"[" * 60_000,
    ]
    async with standing_in(adapter.stand_in()) as there:
        there.orders = [Reply(status, body, {"X-Message-Id": "y" * 2_000}) for body in bodies]
        outcomes = [await adapter.at(there.base).send(adapter.message) for _ in bodies]
    for outcome in outcomes:
        if isinstance(outcome, Accepted):
            assert (status, len(outcome.provider_message_id or "") <= 300) == (200, True)
            assert "\x00" not in (outcome.provider_message_id or "")
        else:
            assert isinstance(outcome, TryLater if status == 429 else Refused)
            assert "\x00" not in outcome.reason
            assert len(outcome.reason) <= 300


def test_what_others_say_can_be_stored() -> None:
    report = StatusReport("i" * 400 + "\x00", False, reason="a\x00b\x1bc\ud800" + "d" * 2_000)
    assert (report.provider_message_id, report.reason) == ("i" * 300, "abc?" + "d" * 994)
    inbound = Inbound("\x001", NotificationChannel.SMS, "+1\x00", "M\x00\nmore\t!")
    assert (inbound.id, inbound.sender, inbound.text) == ("1", "+1", "M\nmore\t!")
    assert Accepted() == Accepted(None)
