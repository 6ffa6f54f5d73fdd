"""WhatsApp's Cloud API as far as it matters: templates it has approved, text to those who have written, callbacks."""

import hmac
import json
import secrets
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.notifications.channels.interface import CallbackRequest
from tests.support.stand_ins.frame import Asked, Reply, StandIn

NUMBER_ID, TOKEN, APP_SECRET, VERIFY = "106540352242922", "EAAGtoken", "an-app-secret", "chosen-word"
# Name, languages, how many parameters.
APPROVED = {"queue_called": ({"en_US", "de"}, 2)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Parameter(_Strict):
    type: Literal["text"]
    # Not empty, no line breaks, no tabs, no more than four spaces.
    text: str = Field(pattern=r"^\S+( \S+)*$", max_length=1_024)


class _Component(_Strict):
    type: Literal["body"]
    parameters: list[_Parameter] = Field(min_length=1)


class _Language(_Strict):
    code: str


class _Template(_Strict):
    name: str
    language: _Language
    components: list[_Component]


class _Text(_Strict):
    preview_url: bool
    body: str = Field(min_length=1, max_length=4_096)


class _Message(_Strict):
    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"]
    to: str = Field(pattern=r"^[1-9][0-9]{5,14}$")
    biz_opaque_callback_data: str = Field(max_length=512)
    type: Literal["text", "template"]
    text: _Text | None = None
    template: _Template | None = None


class WhatsApp(StandIn):
    """It has no idempotency: what is sent twice is in `taken` twice. `have_written`: to whom text may be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[_Message] = []
        self.ids: list[str] = []
        self.have_written: set[str] = set()

    async def take(self, asked: Asked) -> Reply:
        if (asked.method, asked.path) != ("POST", f"/v23.0/{NUMBER_ID}/messages"):
            return self.refuse("path", error(404, 100, "Unsupported post request."))
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.refuse("token", error(401, 190, "Invalid OAuth access token."))
        try:
            message = _Message.model_validate(asked.json())
        except ValidationError as problem:
            return self.refuse("schema", error(400, 100, f"(#100) Invalid parameter {problem.errors()[0]['loc']}"))
        if message.template is not None:
            languages, count = APPROVED.get(message.template.name, (set(), 0))
            if message.template.language.code not in languages:
                return self.refuse("template", error(404, 132001, "Template name does not exist in the translation"))
            if sum(len(each.parameters) for each in message.template.components) != count:
                return self.refuse("parameters", error(400, 132000, "Number of parameters does not match"))
        elif message.text is None or message.to not in self.have_written:
            return self.refuse("window", error(400, 131047, "Re-engagement message"))
        id = f"wamid.{secrets.token_hex(12)}"
        self.taken.append(message)
        self.ids.append(id)
        contact = {"input": message.to, "wa_id": message.to}
        return Reply.json({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": id}]})


def error(status: int, code: int, message: str, details: str = "") -> Reply:
    """As the Graph API says no."""
    said: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    if details:
        said["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return Reply.json({"error": said}, status)


def callback(*values: dict[str, Any], secret: str = APP_SECRET, number_id: str = NUMBER_ID) -> CallbackRequest:
    """What it posts about these values of its field `messages`."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number_id}
    changes = [
        {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        for value in values
    ]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
    signature = hmac.new(secret.encode(), body, sha256).hexdigest()
    return CallbackRequest("https://queue.example/callbacks/1", {"x-hub-signature-256": f"sha256={signature}"}, body)
