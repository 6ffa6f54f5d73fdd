"""SMS by Twilio, or by a gateway that is asked as Twilio is: sending, what became of it, and what people answer."""

import base64
import hashlib
import hmac
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import Field

from app.notifications.channels.http import BaseUrl, HttpOptions, ask, read_json, refusal
from app.notifications.channels.interface import (
    Accepted,
    BadCallback,
    CallbackReading,
    CallbackRequest,
    Inbound,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    StatusReport,
    TryLater,
)
from app.notifications.models import NotificationChannel

# Nobody can be reached there: no number, no mobile, a landline, unknown, or they have said STOP to us.
_GONE = frozenset({21211, 21217, 21214, 21610, 21614, 30005, 30006})
# Something about the sender or the account that its owner has to put right.
_OURS = frozenset({20003, 20404, 21212, 21408, 21603, 21606, 21611, 21659, 21660, 21703, 21705, 30001, 30002, 63038})
_ARRIVED = frozenset({"delivered", "read"})
_LOST = frozenset({"undelivered", "failed", "canceled"})
_NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class TwilioOptions(HttpOptions):
    """Whose account, and whom the messages come from."""

    account_sid: Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")] = Field(
        description="`AC…`, from the console's first page."
    )
    sender: Annotated[str, Field(pattern=r"^[0-9A-Za-z+&._ -]{1,40}$")] = Field(
        description="A number of yours, `+15005550006`; a name of at most 11 letters where the country allows it; or "
        "a messaging service, `MG…`."
    )
    base_url: BaseUrl = Field(
        default="https://api.twilio.com", description="Another region of theirs, or a gateway that is asked likewise."
    )


class TwilioCredentials(Settings):
    """It signs their callbacks too, so an API key cannot take its place."""

    auth_token: str = Field(min_length=1, max_length=200, description="The auth token beside the account's SID.")


class TwilioProvider(Provider[TwilioOptions, TwilioCredentials]):
    """Twilio Programmable Messaging, SMS only.

    It has no idempotency key: what is sent twice arrives twice. Callbacks are forms signed with the auth token.
    """

    name = "TWILIO"
    title = "SMS by Twilio"
    channels = frozenset({NotificationChannel.SMS})
    Options = TwilioOptions
    Credentials = TwilioCredentials
    reports = True

    async def send(self, message: Message) -> Outcome:
        """One message. Long texts are cut into parts by Twilio, and paid for as that many."""
        return await self.send_sms(message.to, message.body.strip())

    async def send_sms(self, to: str, text: str) -> Outcome:
        """A text to a number in E.164."""
        chosen = self.options
        form = {"To": to, "Body": text}
        # A pool of senders of theirs, or one number.
        form["MessagingServiceSid" if chosen.sender.startswith("MG") else "From"] = chosen.sender
        if self.around.callback_url is not None:
            form["StatusCallback"] = self.around.callback_url
        login = base64.b64encode(f"{chosen.account_sid}:{self.credentials.auth_token}".encode()).decode()
        answer = await ask(
            self.around,
            f"{chosen.base_url}/2010-04-01/Accounts/{chosen.account_sid}/Messages.json",
            {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"},
            urlencode(form).encode(),
            timeout_seconds=chosen.timeout_seconds,
        )
        if isinstance(answer, TryLater | InDoubt):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(read_json(answer, lambda said: said["sid"]))
        words = read_json(answer, lambda said: f"{said['code']} {said['message']}") or ""
        code = int(words.partition(" ")[0]) if words.partition(" ")[0].isdigit() else 0
        judged = refusal(answer, words, to, text, who="The SMS provider", is_gone=code in _GONE)
        if isinstance(judged, Refused) and code in _OURS:
            return TryLater(judged.reason, is_ours=True)
        return judged

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """A status, or a message somebody sent to our number."""
        try:
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
        except ValueError:
            raise BadCallback("it is no form") from None
        given = {name.lower(): value for name, value in request.headers.items()}.get("x-twilio-signature", "")
        # As Twilio itself does it, a standard port may be written or not.
        wanted = [_signature(self.credentials.auth_token, url, pairs) for url in _spellings(request.url)]
        if not any(hmac.compare_digest(each, given.encode()) for each in wanted):
            raise BadCallback("its signature is wrong")
        form = dict(pairs)
        if form.get("AccountSid", self.options.account_sid) != self.options.account_sid:
            raise BadCallback("it is about another account")
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        if not sid:
            raise BadCallback("it names no message")
        status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
        if status == "received":
            return _inbound(sid, form)
        return CallbackReading(reports=[_report(sid, status, form.get("ErrorCode", ""))])


def _inbound(sid: str, form: dict[str, str]) -> CallbackReading:
    sender = form.get("From", "")
    if not sender.startswith("+"):
        # Another channel of theirs (`whatsapp:+49…`), or a service's short number, which nobody waits behind.
        return CallbackReading(answer=_NO_REPLY, content_type="text/xml")
    message = Inbound(sid, NotificationChannel.SMS, sender, form.get("Body", ""))
    return CallbackReading(inbound=[message], answer=_NO_REPLY, content_type="text/xml")


def _report(sid: str, status: str, error: str) -> StatusReport:
    if status in _ARRIVED:
        return StatusReport(sid, is_delivered=True)
    if status not in _LOST:
        return StatusReport(sid, is_delivered=None)
    code = int(error) if error.isascii() and error.isdigit() else 0
    reason = f"Twilio reported {status}" + (f", error {code}." if code else ".")
    return StatusReport(sid, is_delivered=False, reason=reason, is_gone=code in _GONE)


def _signature(token: str, url: str, pairs: list[tuple[str, str]]) -> bytes:
    # The address, then every field in order; a value that comes twice counts once.
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest())


def _spellings(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.port is None:
        port = 443 if parts.scheme == "https" else 80
        return [url, parts._replace(netloc=f"{parts.netloc}:{port}").geturl()]
    return [url, parts._replace(netloc=parts.netloc.rpartition(":")[0]).geturl()]
