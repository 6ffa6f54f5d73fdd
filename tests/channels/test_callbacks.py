"""What providers report, signed as their own libraries sign it: understood if it is theirs, refused if it is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.notifications.channels.interface import (
    BadCallback,
    CallbackReading,
    CallbackRequest,
    Inbound,
    StatusReport,
    Surroundings,
)
from app.notifications.models import NotificationChannel
from tests.channels.messages import CALLBACK, MAIL, SENDGRID, SES, SNS, TWILIO
from tests.support.stand_ins.amazon import Amazon, altered
from tests.support.stand_ins.frame import standing_in
from tests.support.stand_ins.sendgrid import SendGrid
from tests.support.stand_ins.twilio import Twilio, signed

SMS = NotificationChannel.SMS
WHEN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BY_TWILIO = TWILIO.at("https://api.twilio.com")


async def refusal(provider: Any, callback: CallbackRequest) -> str:
    with pytest.raises(BadCallback) as refused:
        await provider.read_callback(callback)
    return str(refused.value)


@pytest.mark.parametrize(
    ("status", "code", "report"),
    [
        ("queued", None, StatusReport("SM1", None)),
        ("sent", None, StatusReport("SM1", None)),
        ("delivered", None, StatusReport("SM1", True)),
        ("read", None, StatusReport("SM1", True)),
        ("undelivered", 30005, StatusReport("SM1", False, None, "Twilio reported undelivered, error 30005.", True)),
        ("failed", 30008, StatusReport("SM1", False, None, "Twilio reported failed, error 30008.", False)),
        ("failed", None, StatusReport("SM1", False, None, "Twilio reported failed.", False)),
    ],
)
async def test_twilio_reports_what_became_of_a_message(status: str, code: int | None, report: StatusReport) -> None:
    callback = Twilio().status(CALLBACK, "SM1", status, code)
    assert await BY_TWILIO.read_callback(callback) == CallbackReading(reports=[report])


async def test_an_answer_by_sms_is_read_and_not_answered_by_twilio() -> None:
    reading = await BY_TWILIO.read_callback(Twilio().inbound(CALLBACK, "+4930901820", " Stopp + más", "SM7"))
    assert reading.inbound == [Inbound("SM7", SMS, "+4930901820", " Stopp + más")]
    assert (reading.reports, reading.content_type) == ((), "text/xml")
    assert reading.answer.endswith("<Response/>")


async def test_messages_of_other_channels_of_theirs_are_nobodys() -> None:
    reading = await BY_TWILIO.read_callback(Twilio().inbound(CALLBACK, "whatsapp:+4930901820", "M"))
    assert (reading.inbound, reading.reports) == ((), ())


@pytest.mark.parametrize("signed_as", ["https://queue.example/callbacks/1", "https://queue.example:443/callbacks/1"])
@pytest.mark.parametrize("asked_as", ["https://queue.example/callbacks/1", "https://queue.example:443/callbacks/1"])
async def test_a_standard_port_may_be_written_or_not(signed_as: str, asked_as: str) -> None:
    callback = replace(Twilio().status(signed_as, "SM1", "delivered"), url=asked_as)
    assert (await BY_TWILIO.read_callback(callback)).reports


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"headers": {}}, "its signature is wrong"),
        ({"headers": {"X-Twilio-Signature": "é"}}, "its signature is wrong"),
        ({"url": "https://queue.example/callbacks/2"}, "its signature is wrong"),
        ({"body": b"MessageSid=SM1&MessageStatus=delivered"}, "its signature is wrong"),
        ({"body": b"\xff\xfe"}, "it is no form"),
        ({"body": b"?"}, "it is no form"),
        ({"body": b""}, "its signature is wrong"),
    ],
)
async def test_what_twilio_has_not_signed_is_not_believed(change: dict[str, Any], reason: str) -> None:
    callback = Twilio().status(CALLBACK, "SM1", "delivered")
    assert await refusal(BY_TWILIO, replace(callback, **change)) == reason


async def test_what_is_about_somebody_elses_account_is_not_believed() -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "AccountSid": "AC" + "9" * 32}
    assert await refusal(BY_TWILIO, signed(CALLBACK, form)) == "it is about another account"
    assert await refusal(BY_TWILIO, signed(CALLBACK, form, token="another")) == "its signature is wrong"
    assert await refusal(BY_TWILIO, signed(CALLBACK, {"MessageStatus": "sent"})) == "it names no message"


SENDGRID_EVENTS: list[tuple[dict[str, Any], StatusReport | None]] = [
    ({"event": "processed"}, StatusReport("m1", None, WHEN)),
    (
        {"event": "deferred", "response": "451 <anna@example.com> later"},
        StatusReport("m1", None, WHEN, "SendGrid reported deferred: 451 <…> later"),
    ),
    ({"event": "delivered", "response": "250 OK"}, StatusReport("m1", True, WHEN)),
    ({"event": "open"}, StatusReport("m1", True, WHEN)),
    (
        {"event": "bounce", "type": "bounce", "reason": "550 no anna@example.com"},
        StatusReport("m1", False, WHEN, "SendGrid reported bounce: 550 no …", is_gone=True),
    ),
    (
        {"event": "bounce", "type": "blocked", "reason": "554 spam"},
        StatusReport("m1", False, WHEN, "SendGrid reported bounce: 554 spam"),
    ),
    (
        {"event": "dropped", "reason": "Bounced Address"},
        StatusReport("m1", False, WHEN, "SendGrid reported dropped: Bounced Address", is_gone=True),
    ),
    (
        {"event": "spamreport"},
        StatusReport("m1", True, WHEN, "The recipient reported the message as spam.", is_gone=True),
    ),
    ({"event": "account_status_change"}, None),
]


async def test_sendgrid_reports_in_batches_and_names_a_message_as_it_did_when_it_took_it() -> None:
    async with standing_in(SendGrid()) as there:
        provider = SENDGRID.at(there.base, webhookPublicKey=there.public_key)
        await provider.send(MAIL)
        [id] = there.ids
        callback = there.events(CALLBACK, *({**event, "sg_message_id": id} for event, _ in SENDGRID_EVENTS))
        reading = await provider.read_callback(callback)
    assert list(reading.reports) == [
        replace(report, provider_message_id=id) for _, report in SENDGRID_EVENTS if report is not None
    ]


async def test_what_sendgrid_has_not_signed_is_not_believed() -> None:
    there, other = SendGrid(), SendGrid()
    provider = SENDGRID.at("https://api.sendgrid.com", webhookPublicKey=there.public_key)
    callback = there.events(CALLBACK, {"event": "delivered", "sg_message_id": "m1"})
    assert len((await provider.read_callback(callback)).reports) == 1
    wrong = "its signature is wrong"
    assert await refusal(provider, replace(callback, body=callback.body + b" ")) == wrong
    assert await refusal(provider, replace(callback, headers={})) == wrong
    name = "X-Twilio-Email-Event-Webhook-Timestamp"
    assert await refusal(provider, replace(callback, headers={**callback.headers, name: "1795262401"})) == wrong
    assert await refusal(provider, other.events(CALLBACK, {"event": "delivered", "sg_message_id": "m1"})) == wrong
    without_key = SENDGRID.at("https://api.sendgrid.com")
    assert await refusal(without_key, callback) == "no verification key is configured"


@pytest.mark.parametrize("key", ["abc", "MIIB", "", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="])
def test_a_verification_key_is_one(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        SENDGRID.at("https://api.sendgrid.com", webhookPublicKey=key)


def test_a_verification_key_may_be_wrapped() -> None:
    key = SendGrid().public_key
    pem = f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n"
    assert SENDGRID.at("https://api.sendgrid.com", webhookPublicKey=pem).options.webhook_public_key == key


def event(kind: str, **parts: Any) -> dict[str, Any]:
    """What a configuration set publishes."""
    return {"eventType": kind, "mail": {"messageId": "m1", "timestamp": "2026-11-21T11:59:00.000Z"}, **parts}


AT = {"timestamp": "2026-11-21T12:00:00.000Z"}
RECIPIENT = {"emailAddress": "anna@example.com", "diagnosticCode": "smtp; 550 no anna@example.com"}
SES_EVENTS: list[tuple[dict[str, Any], StatusReport | None]] = [
    (event("Send", send={}), StatusReport("m1", None)),
    (event("Delivery", delivery=AT), StatusReport("m1", True, WHEN)),
    ({"notificationType": "Delivery", "mail": {"messageId": "m1"}, "delivery": AT}, StatusReport("m1", True, WHEN)),
    (
        event("Bounce", bounce={**AT, "bounceType": "Permanent", "bouncedRecipients": [RECIPIENT]}),
        StatusReport("m1", False, WHEN, "It bounced (Permanent): smtp; 550 no …", is_gone=True),
    ),
    (
        event("Bounce", bounce={**AT, "bounceType": "Transient", "bounceSubType": "MailboxFull"}),
        StatusReport("m1", False, WHEN, "It bounced (Transient MailboxFull):"),
    ),
    (
        event("Complaint", complaint=AT),
        StatusReport("m1", True, WHEN, "The recipient reported the message as spam.", is_gone=True),
    ),
    (event("Reject", reject={"reason": "Bad content"}), StatusReport("m1", False, None, "SES reported Reject.")),
    (event("Delivery", delivery={"timestamp": "2026-11-21T12:00:00"}), StatusReport("m1", True)),
    (event("Whatever"), None),
    ({"mail": "?"}, None),
]


@pytest.mark.parametrize("version", ["1", "2"])
async def test_ses_reports_through_its_topic(version: str) -> None:
    async with standing_in(Amazon()) as there:
        provider = SES.at(there.base, topicBaseUrl=there.base)
        readings = [
            await provider.read_callback(there.notification(CALLBACK, said, version=version)) for said, _ in SES_EVENTS
        ]
        assert (await provider.read_callback(there.notification(CALLBACK, "Successfully validated"))).reports == []
    assert [list(reading.reports) for reading in readings] == [
        [] if report is None else [report] for _, report in SES_EVENTS
    ]
    assert len(there.asked) == 1, "the certificate is fetched once"


async def test_an_answer_by_sms_comes_through_the_topic() -> None:
    said = {"originationNumber": "+4930901820", "messageBody": "M", "inboundMessageId": "i1", "messageKeyword": "K"}
    async with standing_in(Amazon()) as there:
        provider = SNS.at(there.base, topicBaseUrl=there.base)
        reading = await provider.read_callback(there.notification(CALLBACK, said))
        assert reading.inbound == [Inbound("i1", SMS, "+4930901820", "M")]
        for other in ({**said, "originationNumber": "12345"}, {"hello": 1}, [said], "text"):
            assert await provider.read_callback(there.notification(CALLBACK, other)) == CallbackReading()


async def test_a_subscription_is_confirmed_where_sns_is_and_nowhere_else() -> None:
    async with standing_in(Amazon()) as there, standing_in(Amazon()) as elsewhere:
        provider = SES.at(there.base, topicBaseUrl=there.base)
        assert await provider.read_callback(there.confirmation(CALLBACK)) == CallbackReading(reports=[])
        assert there.confirmed == ["confirm-1"]
        said = await refusal(provider, there.confirmation(CALLBACK, at=elsewhere.base))
        assert said == "it asks to confirm somewhere else than at Amazon SNS"
        assert elsewhere.asked == []
        assert there.confirmed == ["confirm-1"]


async def test_what_sns_has_not_signed_for_our_topic_is_not_believed() -> None:
    async with standing_in(Amazon()) as there, standing_in(Amazon()) as elsewhere:
        provider = SES.at(there.base, topicBaseUrl=there.base)
        callback = there.notification(CALLBACK, event("Delivery", delivery=AT))
        another_topic = "it is from another topic than the one that is configured"
        wrong = "its signature is wrong"
        # Anybody has topics at Amazon, whose messages Amazon signs.
        assert await refusal(provider, altered(callback, TopicArn="arn:aws:sns:eu-central-1:9:x")) == another_topic
        no_topic = SES.at(there.base, topicBaseUrl=there.base, topicArn=None)
        assert await refusal(no_topic, callback) == another_topic
        assert await refusal(no_topic, replace(callback, body=b'{"Type":"Notification"}')) == another_topic
        assert await refusal(provider, altered(callback, Message="{}")) == wrong
        assert await refusal(provider, altered(callback, Signature="?")) == wrong
        assert await refusal(provider, altered(callback, SignatureVersion="3")) == "it is signed in an unknown way"
        assert await refusal(provider, altered(callback, Type="Other")) == "it is no message of a topic"
        for address in (
            f"{elsewhere.base}/SimpleNotificationService-1.pem",
            f"{there.base}@{elsewhere.base.removeprefix('http://')}/x.pem",
            f"{there.base}/other.txt",
            "http://[/x.pem",
            "",
        ):
            assert await refusal(provider, altered(callback, SigningCertURL=address)) == (
                "its certificate is not at Amazon SNS"
            )
        assert elsewhere.asked == []
        for body in (b"[]", b"1"):
            assert await refusal(provider, replace(callback, body=body)) == "it is no message of a topic"
        assert await refusal(provider, replace(callback, body=b"{")) == "it is no JSON"


async def test_a_certificate_that_has_ended_or_cannot_be_had_signs_nothing() -> None:
    async with standing_in(Amazon()) as there:
        there.not_after = datetime.now(UTC) - timedelta(seconds=1)
        provider = SES.at(there.base, topicBaseUrl=there.base)
        callback = there.notification(CALLBACK, event("Delivery", delivery=AT))
        assert await refusal(provider, callback) == "its certificate is not valid now"
    async with standing_in(Amazon()) as there:
        callback = there.notification(CALLBACK, event("Delivery", delivery=AT))
        provider = SES.at(there.base, topicBaseUrl=there.base)
        missing = altered(callback, SigningCertURL=f"{there.base}/none.pem")
        assert await refusal(provider, missing) == "the certificate: Amazon SNS answered 404"
        fenced = SES.at(there.base, around=Surroundings(), topicBaseUrl=there.base)
        assert "internal network" in await refusal(fenced, callback)


def test_amazons_own_address_is_the_topics_region() -> None:
    options = SES.at("https://x.example", topicArn="arn:aws:sns:us-east-1:123456789012:t").options
    assert options.topic_url == "https://sns.us-east-1.amazonaws.com"
    china = SES.at("https://x.example", topicArn=None, region="cn-north-1", baseUrl=None).options
    assert (china.topic_url, china.service_url("email")) == (
        "https://sns.cn-north-1.amazonaws.com.cn",
        "https://email.cn-north-1.amazonaws.com.cn",
    )
