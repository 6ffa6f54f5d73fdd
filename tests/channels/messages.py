"""A message to send, and the adapters of e-mail and SMS with what each stand-in wants to be given."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.notifications.channels.interface import Message, Provider, Surroundings
from app.notifications.channels.registry import PROVIDERS
from app.notifications.models import NotificationChannel, NotificationKind
from tests.support.stand_ins import amazon, sendgrid, twilio
from tests.support.stand_ins.frame import AROUND, Reply, StandIn

MAIL = Message(
    key="0192d3a4b5c6d7e8f90a1b2c3d4e5f60.0a1b2c3d",
    channel=NotificationChannel.EMAIL,
    kind=NotificationKind.CALLED,
    to="anna@example.com",
    subject="A042: Sie sind dran – jetzt",
    body="Bitte kommen Sie zu Schalter 3.\n",
    language="de",
    written_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    unsubscribe_url="https://queue.example/notifications/opt-out?t=abc",
)
SMS = replace(MAIL, channel=NotificationChannel.SMS, to="+4930901820", unsubscribe_url=None)
CALLBACK = AROUND.callback_url or ""


@dataclass(frozen=True)
class Adapter:
    """One adapter and its stand-in. `refusal` is how the provider says that it never will be sent."""

    name: str
    stand_in: Callable[[], StandIn]
    options: dict[str, Any]
    credentials: dict[str, str]
    wrong: dict[str, str]
    message: Message
    refusal: Reply

    def __str__(self) -> str:
        return self.name

    def at(self, base: str, around: Surroundings = AROUND, **changes: Any) -> Provider[Any, Any]:
        """The adapter, as a tenant has configured it: from JSON."""
        credentials = changes.pop("credentials", self.credentials)
        kind = PROVIDERS[self.name]
        options = {**self.options, "baseUrl": base, "timeoutSeconds": 5, **changes}
        return kind(kind.Options.model_validate(options), kind.Credentials.model_validate(credentials), around)


TWILIO = Adapter(
    "TWILIO",
    twilio.Twilio,
    {"accountSid": twilio.ACCOUNT, "sender": twilio.SENDER},
    {"authToken": twilio.TOKEN},
    {"authToken": "another"},
    SMS,
    twilio.error(400, 21211, f"The 'To' number {SMS.to} is not a valid phone number."),
)
SENDGRID = Adapter(
    "SENDGRID",
    sendgrid.SendGrid,
    {"sender": "Bäckerei <no-reply@shop.example>"},
    {"apiKey": sendgrid.API_KEY},
    {"apiKey": "SG.another"},
    MAIL,
    sendgrid.error(400, f"{MAIL.to} is not an address.", "personalizations.0.to.0.email"),
)
_AWS = {"accessKeyId": amazon.KEY_ID, "secretAccessKey": amazon.SECRET}
SES = Adapter(
    "SES",
    amazon.Amazon,
    {"region": amazon.REGION, "sender": "Bäckerei <no-reply@shop.example>", "topicArn": amazon.TOPIC},
    _AWS,
    {**_AWS, "secretAccessKey": "another"},
    MAIL,
    amazon.mail_error(400, "BadRequestException", f"Illegal address {MAIL.to}"),
)
SNS = Adapter(
    "SNS",
    amazon.Amazon,
    {"region": amazon.REGION, "senderId": "Library", "originationNumber": "+4915112345678", "topicArn": amazon.TOPIC},
    _AWS,
    {**_AWS, "secretAccessKey": "another"},
    SMS,
    amazon.text_error(400, "InvalidParameter", f"Invalid parameter: PhoneNumber {SMS.to}"),
)
ADAPTERS = (TWILIO, SENDGRID, SES, SNS)
