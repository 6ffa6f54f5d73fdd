"""E-mail by SendGrid: one message a request, and the signed events that say what became of it."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AfterValidator, Field

from app.notifications.channels.http import BaseUrl, HttpOptions, ask, masked, read_json, refusal
from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackReading,
    CallbackRequest,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    StatusReport,
    TryLater,
)
from app.notifications.channels.mail import MailFailure, SenderAddress, message_id_for, notice_headers, plain_address
from app.notifications.models import NotificationChannel

_MOST_EVENTS = 5_000
# What they drop without asking anybody, because of what was before.
_SUPPRESSED_FOR = ("Bounced Address", "Spam Reporting Address", "Unsubscribed Address", "Invalid")


def _public_key(value: str) -> str:
    # Where it is written, it may be wrapped in lines and headers.
    text = "".join(line for line in value.split("\n") if not line.startswith("-----")).replace(" ", "").strip()
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except ValueError:
        raise ValueError("is no public key; copy the verification key of the event webhook") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("is a key of another kind; copy the verification key of the event webhook")
    return text


class SendGridOptions(HttpOptions):
    """Whom the mails come from, and whose events are believed."""

    sender: SenderAddress = Field(description="`Name <address>`; the address is a verified sender of yours there.")
    webhook_public_key: Annotated[str, AfterValidator(_public_key), Field(max_length=2_000)] | None = Field(
        default=None,
        description="The verification key of their signed event webhook. Null: their events are not believed.",
    )
    base_url: BaseUrl = Field(
        default="https://api.sendgrid.com", description="`https://api.eu.sendgrid.com` for accounts in the EU."
    )


class SendGridCredentials(Settings):
    """An API key that may send mail."""

    api_key: str = Field(min_length=1, max_length=500, pattern=r"^[!-~]+$", description="`SG.…`")


class SendGridProvider(Provider[SendGridOptions, SendGridCredentials]):
    """SendGrid's Mail Send, v3. It has no idempotency key: what is sent twice arrives twice, with one Message-ID."""

    name = "SENDGRID"
    title = "E-mail by SendGrid"
    channels = frozenset({NotificationChannel.EMAIL})
    Options = SendGridOptions
    Credentials = SendGridCredentials
    reports = True

    async def send(self, message: Message) -> Outcome:
        """One mail in plain text, without anything that watches its reader."""
        chosen = self.options
        try:
            recipient, sender = plain_address(message.to), plain_address(chosen.sender)
        except MailFailure as failure:
            return Refused(failure.reason, is_gone=failure.is_gone)
        mail: dict[str, Any] = {
            "personalizations": [{"to": [{"email": recipient.addr_spec}], "custom_args": {"key": message.key}}],
            "from": {"email": sender.addr_spec} | ({"name": sender.display_name} if sender.display_name else {}),
            "subject": message.subject,
            "content": [{"type": "text/plain", "value": message.body}],
            "headers": {
                "Message-ID": message_id_for(chosen.sender, message.key),
                **notice_headers(message.language, message.unsubscribe_url),
            },
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        if message.attachments:
            mail["attachments"] = [
                {"filename": each.name, "type": each.media_type, "content": base64.b64encode(each.content).decode()}
                for each in message.attachments
            ]
        answer = await ask(
            self.around,
            f"{chosen.base_url}/v3/mail/send",
            {"Authorization": f"Bearer {self.credentials.api_key}", "Content-Type": "application/json"},
            orjson.dumps(mail),
            timeout_seconds=chosen.timeout_seconds,
        )
        if isinstance(answer, TryLater | InDoubt):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(answer.headers.get("x-message-id"))
        words = read_json(answer, lambda said: said["errors"][0]["message"]) or ""
        field = read_json(answer, lambda said: said["errors"][0]["field"]) or ""
        judged = refusal(answer, words, message.to, recipient.addr_spec, who="SendGrid")
        if isinstance(judged, Refused) and field.startswith("from"):
            # An unverified sender: put right by its owner.
            return TryLater(judged.reason, is_ours=True)
        return judged

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """A batch of events."""
        if self.options.webhook_public_key is None:
            raise BadCallback("no verification key is configured")
        headers = {name.lower(): value for name, value in request.headers.items()}
        signature = headers.get("x-twilio-email-event-webhook-signature", "")
        timestamp = headers.get("x-twilio-email-event-webhook-timestamp", "")
        key = load_der_public_key(base64.b64decode(self.options.webhook_public_key))
        assert isinstance(key, ec.EllipticCurvePublicKey)  # as it was when it was saved
        try:
            given = base64.b64decode(signature, validate=True)
            key.verify(given, timestamp.encode() + request.body, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature):
            raise BadCallback("its signature is wrong") from None
        try:
            events = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise BadCallback("it is no JSON") from None
        if not isinstance(events, list) or len(events) > _MOST_EVENTS:
            raise BadCallback("it is no list of events")
        return CallbackReading(reports=[report for event in events if (report := _report(event)) is not None])


def _report(event: object) -> StatusReport | None:
    """What an event says of a message of ours; None if it is about something else."""
    if not isinstance(event, dict):
        return None
    name, id = event.get("event"), event.get("sg_message_id")
    if not isinstance(id, str) or not isinstance(name, str):
        return None
    # What they answered with when it was sent, and then which of their machines it went through.
    id = id.partition(".")[0]
    seconds = event.get("timestamp")
    try:
        when = datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None
    except (ValueError, OverflowError, OSError):
        when = None
    said = event.get("reason") or event.get("response") or ""
    reason = masked(f"SendGrid reported {name}: {said}", str(event.get("email", "")))
    match name:
        case "delivered" | "open" | "click" | "unsubscribe" | "group_unsubscribe":
            return StatusReport(id, is_delivered=True, occurred_at=when)
        case "spamreport":
            # It arrived, and is not to happen again.
            return StatusReport(id, True, when, "The recipient reported the message as spam.", is_gone=True)
        case "bounce":
            return StatusReport(id, False, when, reason, is_gone=event.get("type") != "blocked")
        case "dropped":
            return StatusReport(id, False, when, reason, is_gone=str(said).startswith(_SUPPRESSED_FOR))
        case "processed" | "deferred":
            return StatusReport(id, None, when, reason if name == "deferred" else None)
    return None
