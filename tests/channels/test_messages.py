"""What each provider is sent, to the letter: senders, texts, ways out. What all do is in `test_sending.py`."""

from dataclasses import replace

import pytest

from app.notifications.channels.installation import installed, why_none
from app.notifications.channels.interface import Accepted, Refused, Surroundings, TryLater
from app.notifications.models import NotificationChannel
from app.settings import Settings, load_settings
from tests.channels.messages import CALLBACK, MAIL, SENDGRID, SES, SMS, SNS, TWILIO
from tests.support.stand_ins.amazon import Amazon, mail_error, text_error
from tests.support.stand_ins.frame import AROUND, Reply, standing_in
from tests.support.stand_ins.sendgrid import SendGrid
from tests.support.stand_ins.sendgrid import error as sendgrid_error
from tests.support.stand_ins.twilio import SENDER, Twilio
from tests.support.stand_ins.twilio import error as twilio_error

OUT = MAIL.unsubscribe_url


@pytest.mark.parametrize(
    ("sender", "field"), [(SENDER, "From"), ("City Lib", "From"), ("MG" + "f" * 32, "MessagingServiceSid")]
)
async def test_twilio_is_told_the_sender_and_where_to_report(sender: str, field: str) -> None:
    async with standing_in(Twilio()) as there:
        assert isinstance(await TWILIO.at(there.base, sender=sender).send(SMS), Accepted)
        quiet = TWILIO.at(there.base, Surroundings(allowed=AROUND.allowed))
        assert isinstance(await quiet.send(SMS), Accepted)
    to_all = {"To": SMS.to, "Body": "Bitte kommen Sie zu Schalter 3."}
    assert there.taken == [{**to_all, field: sender, "StatusCallback": CALLBACK}, {**to_all, "From": SENDER}]


@pytest.mark.parametrize(
    ("status", "code", "ends"),
    [
        (400, 21610, (Refused, True)),  # they said STOP
        (400, 21614, (Refused, True)),
        (400, 21617, (Refused, False)),  # too long
        (400, 21606, (TryLater, True)),  # the sender is not ours
        (400, 63038, (TryLater, True)),
        (429, 20429, (TryLater, False)),
        (404, 20404, (TryLater, True)),
    ],
)
async def test_what_twilios_codes_mean(status: int, code: int, ends: tuple[type, bool]) -> None:
    async with standing_in(Twilio()) as there:
        there.orders = [twilio_error(status, code, "No.")]
        outcome = await TWILIO.at(there.base).send(SMS)
    flag = outcome.is_gone if isinstance(outcome, Refused) else isinstance(outcome, TryLater) and outcome.is_ours
    assert (type(outcome), flag) == ends


async def test_sendgrid_is_sent_plain_text_with_a_way_out_and_nothing_that_watches() -> None:
    async with standing_in(SendGrid()) as there:
        assert isinstance(await SENDGRID.at(there.base).send(MAIL), Accepted)
    off = {"enable": False}
    assert there.taken == [
        {
            "personalizations": [{"to": [{"email": "anna@example.com"}], "custom_args": {"key": MAIL.key}}],
            "from": {"email": "no-reply@shop.example", "name": "Bäckerei"},
            "subject": MAIL.subject,
            "content": [{"type": "text/plain", "value": MAIL.body}],
            "headers": {
                "Message-ID": f"<{MAIL.key}@shop.example>",
                "Auto-Submitted": "auto-generated",
                "X-Auto-Response-Suppress": "All",
                "Content-Language": "de",
                "List-Unsubscribe": f"<{OUT}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "tracking_settings": {
                "click_tracking": {**off, "enable_text": False},
                "open_tracking": off,
                "subscription_tracking": off,
            },
        }
    ]


async def test_a_sender_sendgrid_does_not_know_is_somebodys_to_put_right() -> None:
    async with standing_in(SendGrid()) as there:
        outcome = await SENDGRID.at(there.base, sender="other@shop.example").send(MAIL)
        there.orders = [sendgrid_error(400, "The from email does not contain a valid address.", "from.email")]
        outcome_2 = await SENDGRID.at(there.base).send(MAIL)
    assert isinstance(outcome, TryLater)
    assert isinstance(outcome_2, TryLater)
    assert (outcome.is_ours, outcome_2.is_ours) == (True, True)


async def test_ses_is_sent_the_mail_as_it_is_written_down() -> None:
    async with standing_in(Amazon()) as there:
        provider = SES.at(there.base, configurationSet="events")
        assert isinstance(await provider.send(replace(MAIL, to="anna@müller.example")), Accepted)
        assert isinstance(await provider.send(replace(MAIL, unsubscribe_url=None)), Accepted)
    first, second = there.mails
    assert (str(first["From"]), str(first["To"])) == ("Bäckerei <no-reply@shop.example>", "anna@xn--mller-kva.example")
    assert (str(first["Subject"]), first.get_content().replace("\r\n", "\n")) == (MAIL.subject, MAIL.body)
    assert first.get_content_type() == "text/plain"
    assert str(first["Message-ID"]) == f"<{MAIL.key}@shop.example>"
    assert "".join(str(first["List-Unsubscribe"]).split()) == f"<{OUT}>"
    assert str(first["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert second["List-Unsubscribe"] is None
    sent = there.asked[0].json()
    assert sent["ConfigurationSetName"] == "events"
    assert sent["EmailTags"] == [{"Name": "key", "Value": MAIL.key.replace(".", "-")}]


@pytest.mark.parametrize(
    "recipient", ["anna@example.com, b@example.com", "anna", "anna@example.com\r\nBcc: b@c.example"]
)
async def test_what_is_not_exactly_one_address_reaches_nobody(recipient: str) -> None:
    async with standing_in(Amazon()) as amazon, standing_in(SendGrid()) as sendgrid:
        outcomes = [
            await adapter.at(there.base).send(replace(MAIL, to=recipient))
            for adapter, there in ((SES, amazon), (SENDGRID, sendgrid))
        ]
        assert amazon.asked == sendgrid.asked == []
    assert outcomes == [Refused("This is not an address mail can be sent to.", is_gone=True)] * 2


async def test_a_subject_cannot_carry_headers_to_ses() -> None:
    async with standing_in(Amazon()) as there:
        outcome = await SES.at(there.base).send(replace(MAIL, subject="Hello\r\nBcc: victim@example.com"))
        assert there.asked == []
    assert outcome == Refused("The message cannot be written as an e-mail.")


@pytest.mark.parametrize(
    ("code", "text", "is_ours"),
    [
        ("TooManyRequestsException", "slower", False),
        ("LimitExceededException", "Daily quota", False),
        ("MessageRejected", "Email address is not verified: x", True),
        ("AccountSuspendedException", "", True),
        ("SendingPausedException", "", True),
        ("MailFromDomainNotVerifiedException", "", True),
    ],
)
async def test_what_ses_says_with_400_and_does_not_mean_the_message(code: str, text: str, is_ours: bool) -> None:
    async with standing_in(Amazon()) as there:
        there.orders = [mail_error(400, code, text)]
        outcome = await SES.at(there.base).send(MAIL)
    assert isinstance(outcome, TryLater)
    assert (outcome.is_ours, code in outcome.reason) == (is_ours, True)


async def test_sns_is_told_sender_and_number_and_that_it_cannot_wait() -> None:
    async with standing_in(Amazon()) as there:
        assert isinstance(await SNS.at(there.base).send(SMS), Accepted)
        bare = SNS.at(there.base, senderId=None, originationNumber=None)
        assert isinstance(await bare.send(SMS), Accepted)
    full, plain = there.texts
    assert (full["PhoneNumber"], full["Message"]) == (SMS.to, "Bitte kommen Sie zu Schalter 3.")
    assert (full["AWS.SNS.SMS.SenderID"], full["AWS.MM.SMS.OriginationNumber"]) == ("Library", "+4915112345678")
    assert full["AWS.SNS.SMS.SMSType"] == plain["AWS.SNS.SMS.SMSType"] == "Transactional"
    assert not [name for name in plain if "Sender" in name or "Origination" in name]


async def test_who_opted_out_at_sns_is_not_to_be_tried_again() -> None:
    async with standing_in(Amazon()) as there:
        there.orders = [
            text_error(400, "InvalidParameter", f"Phone number {SMS.to} is opted out"),
            text_error(400, "Throttling", "Rate exceeded"),
            text_error(403, "InvalidClientTokenId", "The security token is invalid"),
        ]
        provider = SNS.at(there.base)
        opted_out, throttled, forbidden = [await provider.send(SMS) for _ in range(3)]
    assert opted_out == Refused("Amazon answered 400 InvalidParameter Phone number … is opted out", is_gone=True)
    assert isinstance(throttled, TryLater)
    assert isinstance(forbidden, TryLater)
    assert (throttled.is_ours, forbidden.is_ours) == (False, True)


async def test_the_installations_twilio_may_be_on_this_machine_and_reports_to_nobody() -> None:
    async with standing_in(Twilio()) as there:
        there.orders = [Reply.json({"code": 20429, "message": "Too many"}, 429)]
        provider = installed(load_settings(sms_url=there.sms_url), NotificationChannel.SMS)
        assert provider is not None
        assert isinstance(await provider.send(SMS), TryLater)
        assert isinstance(await provider.send(SMS), Accepted)
    assert there.taken == [{"To": SMS.to, "Body": "Bitte kommen Sie zu Schalter 3.", "From": SENDER}]


@pytest.mark.parametrize(
    ("channel", "settings", "reason"),
    [
        (NotificationChannel.EMAIL, {}, "VQ_SMTP_URL is not set"),
        (NotificationChannel.SMS, {}, "VQ_SMS_URL is not set"),
        (NotificationChannel.SMS, {"sms_url": "mailto:{phone}@sms.example"}, "VQ_SMTP_URL is not set"),
        (NotificationChannel.PUSH, {}, "messageProviderCreate"),
    ],
)
def test_where_nobody_is_installed_it_is_said_what_to_set(
    channel: NotificationChannel, settings: dict[str, str], reason: str
) -> None:
    chosen = Settings(**settings)  # type: ignore[arg-type]
    assert installed(chosen, channel) is None
    assert reason in why_none(chosen, channel)
