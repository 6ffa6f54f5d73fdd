"""Twilio as far as it matters: Messages.json, and callbacks signed by Twilio's own library."""

import base64
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

from app.notifications.channels.interface import CallbackRequest
from tests.support.stand_ins.frame import Asked, Reply, StandIn

ACCOUNT, TOKEN, SENDER = "AC" + "0123456789abcdef" * 2, "to/ken:1", "+15005550006"
_OURS = {SENDER, "City Lib"}
_SERVICES = {"MG" + "f" * 32}


class Twilio(StandIn):
    """It takes what Twilio takes, and has no idempotency: `taken` has everything that was sent, twice if it was."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[dict[str, str]] = []
        self.sids: list[str] = []

    @property
    def sms_url(self) -> str:
        """As VQ_SMS_URL."""
        return f"twilio+http://{ACCOUNT}:to%2Fken%3A1@{urlsplit(self.base).netloc}?from=%2B15005550006"

    async def take(self, asked: Asked) -> Reply:
        if (asked.method, asked.target) != ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"):
            return self.refuse("address", error(404, 20404, f"{asked.target} was not found"))
        wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            return self.refuse("authentication", error(401, 20003, "Authenticate"))
        if asked.headers.get("content-type") != "application/x-www-form-urlencoded":
            return self.refuse("content type", error(415, 20415, "Unsupported Media Type"))
        form = asked.form()
        if unknown := set(form) - {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}:
            return self.refuse("fields", error(400, 20001, f"unknown: {unknown}"))
        if not re.fullmatch(r"\+[1-9][0-9]{5,14}", form.get("To", "")):
            return self.refuse("to", error(400, 21211, f"The 'To' number {form.get('To')} is not valid."))
        if (form.get("From") in _OURS) == (form.get("MessagingServiceSid") in _SERVICES):
            return self.refuse("sender", error(400, 21606, "The 'From' number is not yours."))
        if not 1 <= len(form.get("Body", "")) <= 1_600:
            return self.refuse("body", error(400, 21602, "Message body is required."))
        if "StatusCallback" in form and urlsplit(form["StatusCallback"]).scheme not in ("http", "https"):
            return self.refuse("callback", error(400, 21609, "StatusCallback is no address."))
        self.taken.append(form)
        self.sids.append("SM" + secrets.token_hex(16))
        return Reply.json({"sid": self.sids[-1], "status": "queued", "to": form["To"], "body": form["Body"]}, 201)

    def status(self, url: str, sid: str, status: str, error_code: int | None = None) -> CallbackRequest:
        """What became of a message."""
        form = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, "AccountSid": ACCOUNT}
        form |= {"To": "+4930901820", "From": SENDER, "ApiVersion": "2010-04-01"}
        return signed(url, form if error_code is None else {**form, "ErrorCode": str(error_code)})

    def inbound(self, url: str, sender: str, text: str, sid: str | None = None) -> CallbackRequest:
        """What somebody has sent to our number."""
        sid = sid or "SM" + secrets.token_hex(16)
        form = {"MessageSid": sid, "SmsMessageSid": sid, "SmsSid": sid, "SmsStatus": "received", "NumMedia": "0"}
        form |= {"AccountSid": ACCOUNT, "From": sender, "To": SENDER, "Body": text, "FromState": ""}
        return signed(url, form)


def signed(url: str, form: Mapping[str, str], token: str = TOKEN) -> CallbackRequest:
    """A callback as Twilio's library signs it."""
    signature = RequestValidator(token).compute_signature(url, dict(form))
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return CallbackRequest(url, headers, urlencode(form).encode())


def error(status: int, code: int, message: str, **headers: str) -> Reply:
    """How Twilio says no."""
    value = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Reply.json({**value, "status": status}, status, **headers)
