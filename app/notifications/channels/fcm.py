"""Firebase Cloud Messaging, HTTP v1: messages to apps. The service account's assertion is signed by the library; its
access token is kept in the process until shortly before it ends.

A message that was sent twice is shown once: it has a tag (Android), a collapse id (iOS) and a topic (browsers).
"""

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

import orjson
from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.core.outbound import Answer
from app.notifications.channels.http import BaseUrl, HttpOptions, ask, masked, read_json, refusal, retry_after
from app.notifications.channels.interface import (
    Accepted,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    Settings,
    TryLater,
)
from app.notifications.channels.webpush import shown
from app.notifications.models import NotificationChannel, NotificationKind

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTED_FOR_SECONDS = 3_600
# A token is used no longer than this before its end: it has to live until the request has arrived.
_SPARE_SECONDS = 60
_SOON_SECONDS = 3_600
_LATER_SECONDS = 24 * 3_600
_AT_ONCE = frozenset(
    {NotificationKind.CALLED, NotificationKind.RECALLED, NotificationKind.PEOPLE_AHEAD, NotificationKind.WAIT_BELOW}
)
_GONE = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})


class AppAddress(BaseModel):
    """Where an app is: `Message.to` of one, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["FCM"] = "FCM"
    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.-]{20,4096}$")]


class FcmOptions(HttpOptions):
    """What can be chosen."""

    project_id: str = Field(pattern=r"^[a-z0-9-]{4,40}$", description="The Firebase project.")
    base_url: BaseUrl = Field(default="https://fcm.googleapis.com", description="Where FCM is.")
    token_url: BaseUrl = Field(default="https://oauth2.googleapis.com/token", description="Where it signs in.")


class FcmCredentials(Settings):
    """Of a service account with the role Firebase Cloud Messaging API Admin: three values of its JSON file."""

    client_email: str = Field(max_length=200, pattern=r"^\S+@\S+$", description="`client_email` of the file.")
    private_key_id: str = Field(max_length=100, description="`private_key_id` of the file.")
    private_key: str = Field(max_length=10_000, description="`private_key` of the file, a PEM text.")

    @field_validator("private_key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        try:
            key = serialization.load_pem_private_key(value.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("is no private key in PEM") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("is no RSA key")
        return value


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    ends_at: float  # of the process's steady clock

    def __repr__(self) -> str:
        return "_Token(…)"


class _Tokens:
    """The access tokens of this process, by service account."""

    def __init__(self) -> None:
        self._tokens: dict[bytes, _Token] = {}

    def kept(self, account: bytes) -> str | None:
        """One that is still good."""
        token = self._tokens.get(account)
        return token.value if token is not None and token.ends_at > time.monotonic() else None

    def forget(self, account: bytes, value: str) -> None:
        """It was not believed; another one may be there already."""
        if (token := self._tokens.get(account)) is not None and token.value == value:
            del self._tokens[account]

    async def get(self, account: bytes, provider: "Fcm") -> str | TryLater:
        """One that is good, asked for if there is none."""
        if (kept := self.kept(account)) is not None:
            return kept
        found = await provider.sign_in()
        if isinstance(found, _Token):
            self._tokens = {key: each for key, each in self._tokens.items() if each.ends_at > time.monotonic()}
            self._tokens[account] = found
            return found.value
        return found


_tokens = _Tokens()


class Fcm(Provider[FcmOptions, FcmCredentials]):
    """One Firebase project."""

    name: ClassVar = "FCM"
    title: ClassVar = "Firebase Cloud Messaging"
    channels: ClassVar = frozenset({NotificationChannel.PUSH})
    Options: ClassVar = FcmOptions
    Credentials: ClassVar = FcmCredentials
    repeats_safely: ClassVar = True

    def carries(self, message: Message) -> bool:
        """Only to apps."""
        return _address(message) is not None

    async def send(self, message: Message) -> Outcome:
        """Sign in unless we are, and leave it with FCM."""
        address = _address(message)
        if address is None:
            return Refused("The device is no app.")
        account = self._account()
        token = await _tokens.get(account, self)
        if isinstance(token, TryLater):
            return token
        answer = await self._ask(
            f"{self.options.base_url}/v1/projects/{self.options.project_id}/messages:send",
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            orjson.dumps({"message": _message(message, address.token)}),
        )
        if not isinstance(answer, Answer):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(read_json(answer, lambda found: found["name"]))
        if answer.status == 401:
            _tokens.forget(account, token)
        return _refusal(answer, address.token, token)

    async def sign_in(self) -> _Token | TryLater:
        """An access token for the service account (RFC 7523)."""
        credentials = self.credentials
        assertion = sign_jwt_bearer_assertion(
            RSAKey.import_key(credentials.private_key),
            credentials.client_email,
            self.options.token_url,
            expires_at=int(time.time()) + _ASSERTED_FOR_SECONDS,
            claims={"scope": _SCOPE},
            header={"alg": "RS256", "kid": credentials.private_key_id},
        )
        answer = await self._ask(
            self.options.token_url,
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({"grant_type": _GRANT, "assertion": assertion}).encode(),
        )
        if not isinstance(answer, Answer):
            return TryLater(f"Signing in with Google: {answer.reason}")
        if answer.status != 200:
            words = read_json(answer, lambda found: f"{found['error']} {found.get('error_description', '')}") or ""
            said = masked(f"Signing in with Google: {answer.status} {words}".strip(), credentials.client_email)
            return TryLater(said, retry_after(answer), is_ours=400 <= answer.status < 429)
        try:
            found = orjson.loads(answer.body)
            seconds = float(found["expires_in"]) - _SPARE_SECONDS
            return _Token(str(found["access_token"]), time.monotonic() + seconds)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return TryLater("Signing in with Google: the answer cannot be read.")

    async def _ask(self, url: str, headers: dict[str, str], body: bytes) -> Answer | TryLater | InDoubt:
        # Two of them have to fit into what sending may take.
        timeout_seconds = min(self.options.timeout_seconds, 14.0)
        return await ask(self.around, url, headers, body, timeout_seconds=timeout_seconds)

    def _account(self) -> bytes:
        parts = (self.options.token_url, self.credentials.client_email, self.credentials.private_key)
        return sha256("\x00".join(parts).encode()).digest()


def _message(message: Message, token: str) -> dict[str, Any]:
    said = shown(message)
    at_once = message.kind in _AT_ONCE
    seconds = _SOON_SECONDS if at_once else _LATER_SECONDS
    return {
        "token": token,
        "notification": {"title": said["title"], "body": said["body"]},
        # What the app knows it by, and opens.
        "data": {name: said[name] for name in ("tag", "kind", "lang", "url") if name in said},
        "android": {
            "priority": "HIGH" if at_once else "NORMAL",
            "ttl": f"{seconds}s",
            "notification": {"tag": said["tag"]},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": said["tag"],
                "apns-priority": "10" if at_once else "5",
                "apns-expiration": str(int(message.written_at.timestamp()) + seconds),
            },
            "payload": {"aps": {"sound": "default"}},
        },
    }


def _refusal(answer: Answer, *private: str) -> TryLater | Refused:
    try:
        error = orjson.loads(answer.body)["error"]
        codes = [each["errorCode"] for each in error.get("details", ()) if "errorCode" in each]
        code, words = str(codes[0] if codes else error["status"]), str(error["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        code, words = "", ""
    if code in _GONE:
        return Refused(f"FCM answered {answer.status} {code}: the app is not installed there any more.", is_gone=True)
    if code == "THIRD_PARTY_AUTH_ERROR":
        said = masked(f"FCM answered {answer.status} {code}: {words}", *private)
        return TryLater(f"{said} The project's key for Apple or Web Push is wrong.", is_ours=True)
    return refusal(answer, f"{code} {words}".strip(), *private, who="FCM")


def _address(message: Message) -> AppAddress | None:
    try:
        return AppAddress.model_validate_json(message.to)
    except ValidationError:
        return None
