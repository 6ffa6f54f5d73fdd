"""SendGrid as far as it matters: Mail Send, and batches of events that its own library takes for signed."""

import base64
import json
import secrets
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, EmailStr, Field, ValidationError
from sendgrid.helpers.eventwebhook import EventWebhook

from app.notifications.channels.interface import CallbackRequest
from tests.support.stand_ins.frame import Asked, Reply, StandIn

API_KEY, SENDER = "SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbb", "no-reply@shop.example"
# What it sets itself, whatever anybody asks for.
_RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Address(_Strict):
    email: EmailStr
    name: str | None = None


class _Personalization(_Strict):
    to: list[_Address] = Field(min_length=1, max_length=1_000)
    custom_args: dict[str, str] = {}


class _Content(_Strict):
    type: Literal["text/plain"]
    value: str = Field(min_length=1)


class _Tracking(_Strict):
    click_tracking: dict[str, bool]
    open_tracking: dict[str, bool]
    subscription_tracking: dict[str, bool]


class _Mail(_Strict):
    personalizations: list[_Personalization] = Field(min_length=1, max_length=1_000)
    from_: _Address = Field(alias="from")
    subject: str = Field(min_length=1)
    content: list[_Content] = Field(min_length=1)
    headers: dict[str, str]
    tracking_settings: _Tracking


class SendGrid(StandIn):
    """It takes what SendGrid takes, and has no idempotency: what is sent twice is in `taken` twice."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """As the console shows it."""
        der = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    async def take(self, asked: Asked) -> Reply:
        if (asked.method, asked.target) != ("POST", "/v3/mail/send"):
            return self.refuse("address", error(404, "not found"))
        if asked.headers.get("authorization") != f"Bearer {API_KEY}":
            return self.refuse("authentication", error(401, "The provided authorization grant is invalid"))
        if asked.headers.get("content-type") != "application/json":
            return self.refuse("content type", error(415, "Content-Type should be application/json."))
        try:
            mail = _Mail.model_validate_json(asked.body)
        except ValidationError as problem:
            first = problem.errors()[0]
            return self.refuse("schema", error(400, first["msg"], ".".join(map(str, first["loc"]))))
        if mail.from_.email != SENDER:
            message = "The from address does not match a verified Sender Identity."
            return self.refuse("sender", error(403, message, "from"))
        if bad := {name.lower() for name in mail.headers} & _RESERVED:
            return self.refuse("headers", error(400, f"reserved: {bad}", "headers"))
        self.taken.append(asked.json())
        self.ids.append(secrets.token_urlsafe(16).replace(".", "-"))
        return Reply(202, b"", {"X-Message-Id": self.ids[-1]})

    def events(self, url: str, *events: dict[str, Any], timestamp: str = "1795262400") -> CallbackRequest:
        """A batch. An event is given its message by `sg_message_id`, to which SendGrid adds its machines."""
        full = [
            {
                "email": "anna@example.com",
                "timestamp": 1795262400,
                "sg_event_id": secrets.token_urlsafe(8),
                **event,
                "sg_message_id": f"{event['sg_message_id']}.recvd-5f54b5d587-8c2kz-1-65A1-2.0",
            }
            for event in events
        ]
        return self.events_as_they_are(url, full, timestamp)

    def events_as_they_are(self, url: str, events: list[Any], timestamp: str = "1795262400") -> CallbackRequest:
        """A batch, signed so that their own library believes it."""
        body = json.dumps(events).encode()
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        text = base64.b64encode(signature).decode()
        assert EventWebhook(self.public_key).verify_signature(body.decode(), text, timestamp)
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": text,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": "application/json",
        }
        return CallbackRequest(url, headers, body)


def error(status: int, message: str, field: str | None = None, **headers: str) -> Reply:
    """How SendGrid says no."""
    return Reply.json({"errors": [{"message": message, "field": field, "help": None}]}, status, **headers)
