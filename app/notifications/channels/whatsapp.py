"""WhatsApp's Cloud API: approved templates, free text to those who have just written, and its callbacks. No templates
of ours: what WhatsApp has approved is filled in with the values our own text was made from.

WhatsApp knows no idempotency key: what was sent twice arrives twice. Our key travels along and comes back in reports.
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import orjson
from pydantic import Field

from app.core.outbound import Answer
from app.notifications.channels.http import BaseUrl, HttpOptions, ask, masked, read_json, refusal, retry_after
from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackReading,
    CallbackRequest,
    Inbound,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    StatusReport,
    TryLater,
)
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.texts import Value

_LONGEST_TEXT = 4_096
_LONGEST_PARAMETER = 1_024
# Theirs, by what they mean for us. https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
_FOR_NOW = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016})
_OURS = frozenset({0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010, *range(200, 300)})
_NOT_THERE = frozenset({131026})
_HAS_NOT_WRITTEN = 131047

Number = Annotated[str, Field(pattern=r"^[0-9]{1,32}$")]


class WhatsAppTemplate(Settings):
    """A template as WhatsApp has approved it."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,512}$", description="Its name there.")
    languages: Mapping[str, Annotated[str, Field(pattern=r"^[A-Za-z_]{2,16}$")]] = Field(
        min_length=1,
        max_length=50,
        description="Its languages there by ours, e.g. `en: en_US`; the first is used for those that are not named.",
    )
    parameters: tuple[Annotated[str, Field(max_length=64)], ...] = Field(
        default=(), max_length=20, description="Variables that fill in the body's `{{1}}`, `{{2}}`, …, in order."
    )


class WhatsAppOptions(HttpOptions):
    """What can be chosen."""

    phone_number_id: Number = Field(description="Id of the number that sends, as the developers' console shows it.")
    templates: Mapping[NotificationKind, WhatsAppTemplate] = Field(
        default={},
        description=(
            "By kind of message. Kinds without one are sent as free text, which WhatsApp delivers for 24 hours after "
            "the recipient has written."
        ),
    )
    base_url: BaseUrl = Field(default="https://graph.facebook.com", description="Where the Graph API is.")
    api_version: str = Field(default="v23.0", pattern=r"^v[0-9]{1,3}\.[0-9]$", description="Version of the Graph API.")


class WhatsAppCredentials(Settings):
    """What the developers' console gives, and one word of your own."""

    access_token: str = Field(min_length=1, max_length=1_000, description="Of a system user, with whatsapp_business_*.")
    app_secret: str = Field(min_length=1, max_length=200, description="Signs the callbacks.")
    verify_token: str = Field(
        min_length=8, max_length=200, description="A word you choose; give it there when you enter the callback URL."
    )


class WhatsApp(Provider[WhatsAppOptions, WhatsAppCredentials]):
    """One number of a business."""

    name: ClassVar = "WHATSAPP_CLOUD"
    title: ClassVar = "WhatsApp Cloud API"
    channels: ClassVar = frozenset({NotificationChannel.WHATSAPP})
    Options: ClassVar = WhatsAppOptions
    Credentials: ClassVar = WhatsAppCredentials
    reports: ClassVar = True

    async def send(self, message: Message) -> Outcome:
        """As a template where one is named for this kind, else as text."""
        said = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": message.to.removeprefix("+"),
            "biz_opaque_callback_data": message.key,
            **self._content(message),
        }
        options = self.options
        answer = await ask(
            self.around,
            f"{options.base_url}/{options.api_version}/{options.phone_number_id}/messages",
            {"Authorization": f"Bearer {self.credentials.access_token}", "Content-Type": "application/json"},
            orjson.dumps(said),
            timeout_seconds=options.timeout_seconds,
        )
        if not isinstance(answer, Answer):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(read_json(answer, lambda found: found["messages"][0]["id"]))
        return self._refusal(answer, message)

    def _content(self, message: Message) -> dict[str, Any]:
        template = self.options.templates.get(message.kind)
        if template is None:
            return {"type": "text", "text": {"preview_url": False, "body": message.body.strip()[:_LONGEST_TEXT]}}
        parameters = [{"type": "text", "text": _parameter(message.values.get(name))} for name in template.parameters]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        language = {"code": _language(template, message.language)}
        return {
            "type": "template",
            "template": {"name": template.name, "language": language, "components": components},
        }

    def _refusal(self, answer: Answer, message: Message) -> TryLater | Refused:
        code, words = _error(answer)
        private = (message.to, message.body.strip(), self.credentials.access_token)
        said = masked(f"WhatsApp answered {answer.status} {words}".strip(), *private)
        if code == _HAS_NOT_WRITTEN:
            return Refused(f"{said} Name a template for {message.kind.value} in the provider's options.")
        if code in _NOT_THERE:
            return Refused(said, is_gone=True)
        if code in _OURS or code in _FOR_NOW:
            return TryLater(said, retry_after(answer), is_ours=code in _OURS)
        return refusal(answer, words, *private, who="WhatsApp")

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """The challenge when the address is entered there; else statuses and messages, signed with the app's secret."""
        if not request.body:
            return self._challenge(request.url)
        given = request.headers.get("x-hub-signature-256", "")
        wanted = "sha256=" + hmac.new(self.credentials.app_secret.encode(), request.body, sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise BadCallback("X-Hub-Signature-256 is not that of the body")
        try:
            values = [each for each in _values(orjson.loads(request.body)) if self._is_mine(each)]
            return CallbackReading(
                reports=[_report(status) for value in values for status in value.get("statuses", ())],
                inbound=[found for value in values for each in value.get("messages", ()) if (found := _inbound(each))],
            )
        except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, OSError):
            raise BadCallback("the body cannot be read") from None

    def _challenge(self, url: str) -> CallbackReading:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        given = query.get("hub.verify_token", "")
        if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(
            given.encode(), self.credentials.verify_token.encode()
        ):
            raise BadCallback("hub.verify_token is not the one that was chosen")
        challenge = query.get("hub.challenge", "")
        # Ours to say back, on our own domain: digits and letters, nothing else.
        if not challenge.isascii() or not challenge.isalnum() or len(challenge) > 200:
            raise BadCallback("hub.challenge is none")
        return CallbackReading(answer=challenge)

    def _is_mine(self, value: Mapping[str, Any]) -> bool:
        """One address hears of all numbers of an account."""
        return bool(value["metadata"]["phone_number_id"] == self.options.phone_number_id)


def _values(body: Any) -> Iterator[dict[str, Any]]:
    if body["object"] != "whatsapp_business_account":
        return
    for entry in body["entry"]:
        for change in entry["changes"]:
            if change["field"] == "messages":
                yield change["value"]


def _report(status: dict[str, Any]) -> StatusReport:
    is_delivered = {"delivered": True, "read": True, "failed": False}.get(status["status"])
    reason, is_gone = None, False
    if errors := status.get("errors"):
        code, title = errors[0]["code"], errors[0].get("title", "")
        reason = masked(f"WhatsApp says {code} {title}", status.get("recipient_id", ""))
        is_gone = code in _NOT_THERE
    occurred_at = datetime.fromtimestamp(int(status["timestamp"]), UTC)
    return StatusReport(str(status["id"]), is_delivered, occurred_at, reason, is_gone)


def _inbound(message: dict[str, Any]) -> Inbound | None:
    """What somebody has written, or the button they have pressed; pictures and the like say nothing to us."""
    match message:
        case {"type": "text", "text": {"body": str(text)}} | {"type": "button", "button": {"text": str(text)}}:
            pass
        case {"type": "interactive", "interactive": {"button_reply": {"title": str(text)}}}:
            pass
        case _:
            return None
    return Inbound(str(message["id"]), NotificationChannel.WHATSAPP, f"+{int(message['from'])}", text)


def _error(answer: Answer) -> tuple[int | None, str]:
    try:
        error = orjson.loads(answer.body)["error"]
        details = error.get("error_data", {}).get("details", "") if isinstance(error.get("error_data"), dict) else ""
        return int(error["code"]), f"{error['message']} {details}".strip()
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None, ""


def _language(template: WhatsAppTemplate, language: str) -> str:
    """`de-CH`, then `de`, then the first there is."""
    languages = template.languages
    for wanted in (language, language.split("-")[0]):
        if wanted in languages:
            return languages[wanted]
    return next(iter(languages.values()))


def _parameter(value: Value) -> str:
    """What WhatsApp takes: one line, not empty."""
    text = "" if value is None else " ".join(str(value).split())
    return text[:_LONGEST_PARAMETER] or "–"
