"""Web Push: an encrypted message to the push service of a browser, signed with the business's key (VAPID). Encryption
and signature are the library's; which browsers there are is `devices/`' business.

A message that was sent twice is shown once: it has a tag, which the browser replaces, and a topic, which the push
service replaces while it waits.
"""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from webpush import WebPush as Encryption  # type: ignore[import-untyped]  # has types, and no py.typed
from webpush import WebPushSubscription

from app.core.outbound import Answer
from app.notifications.channels.http import HttpOptions, ask, masked, refusal
from app.notifications.channels.interface import Accepted, Message, Outcome, Provider, Refused, Settings
from app.notifications.models import NotificationChannel, NotificationKind

# Push services take 4,096 bytes, of which encryption needs some hundred.
_MOST_BYTES = 3_600
# How long a message waits for a browser that is closed: a call that arrives tomorrow helps nobody.
_SOON_SECONDS = 3_600
_LATER_SECONDS = 24 * 3_600
_AT_ONCE = frozenset(
    {NotificationKind.CALLED, NotificationKind.RECALLED, NotificationKind.PEOPLE_AHEAD, NotificationKind.WAIT_BELOW}
)
# The signature may be a day old; clocks differ.
_SIGNED_FOR_SECONDS = 12 * 3_600


class PushKeys(BaseModel):
    """What a browser says it decrypts with."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    p256dh: str = Field(max_length=100)
    auth: str = Field(max_length=40)

    @field_validator("p256dh")
    @classmethod
    def _is_point(cls, value: str) -> str:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(value))
        return value.rstrip("=")

    @field_validator("auth")
    @classmethod
    def _is_secret(cls, value: str) -> str:
        if len(unpadded(value)) != 16:
            raise ValueError("has not 16 bytes")
        return value.rstrip("=")


class BrowserAddress(BaseModel):
    """Where a browser is: `Message.to` of one, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["WEB_PUSH"] = "WEB_PUSH"
    endpoint: str = Field(max_length=1_000, pattern=r"^https?://[!-~]+$")
    keys: PushKeys


class WebPushOptions(HttpOptions):
    """What can be chosen."""

    contact: str = Field(
        max_length=200,
        pattern=r"^[^\s@]+@[^\s@]+$",
        description="The address a push service may write to when something is the matter. Apple's wants a real one.",
    )


class WebPushCredentials(Settings):
    """The key the browsers were told of when they subscribed."""

    private_key: str = Field(max_length=1_000, description="The VAPID key (P-256) as PEM (PKCS #8).")

    @field_validator("private_key")
    @classmethod
    def _is_key(cls, value: str) -> str:
        _key(value)
        return value


class WebPush(Provider[WebPushOptions, WebPushCredentials]):
    """Every push service there is: each browser brings the address of its own."""

    name: ClassVar = "WEB_PUSH"
    title: ClassVar = "Web Push (VAPID)"
    channels: ClassVar = frozenset({NotificationChannel.PUSH})
    Options: ClassVar = WebPushOptions
    Credentials: ClassVar = WebPushCredentials
    repeats_safely: ClassVar = True
    servers_vary: ClassVar = True

    def carries(self, message: Message) -> bool:
        """Only to browsers."""
        return _address(message) is not None

    async def send(self, message: Message) -> Outcome:
        """Encrypt it for the browser, and leave it with its push service."""
        address = _address(message)
        if address is None:
            return Refused("The device is no browser.")
        url = urlsplit(address.endpoint)
        sealed = self._encryption().get(
            orjson.dumps(shown(message)),
            WebPushSubscription.model_validate(address.model_dump(exclude={"kind"})),
            subscriber=self.options.contact,
            ttl=_SOON_SECONDS if message.kind in _AT_ONCE else _LATER_SECONDS,
        )
        headers: Mapping[str, str] = {
            "TTL": sealed.headers["ttl"],
            "Content-Encoding": sealed.headers["content-encoding"],
            "Authorization": sealed.headers["authorization"],
            "Content-Type": "application/octet-stream",
            "Urgency": "high" if message.kind in _AT_ONCE else "normal",
            "Topic": base64.urlsafe_b64encode(sha256(message.key.encode()).digest())[:32].decode(),
        }
        answer = await ask(
            self.around,
            address.endpoint,
            headers,
            sealed.encrypted,
            timeout_seconds=self.options.timeout_seconds,
        )
        if not isinstance(answer, Answer):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(masked(answer.headers.get("location", "").rpartition("/")[2]) or None)
        if answer.status in (404, 410):
            return Refused(f"The push service answered {answer.status}: the browser has unsubscribed.", is_gone=True)
        words = answer.body.decode("utf-8", "replace")
        return refusal(answer, words, address.endpoint, url.path.rpartition("/")[2], who="The push service")

    def _encryption(self) -> Encryption:
        private = self.credentials.private_key.encode()
        public = _key(self.credentials.private_key).public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return Encryption(private_key=private, public_key=pem, expiration=_SIGNED_FOR_SECONDS)


def shown(message: Message) -> dict[str, str]:
    """What the service worker is given: enough to show it, and to know it again. Cut to what push services take."""
    said = {
        "title": message.subject.strip(),
        "body": message.body.strip(),
        "tag": message.key,
        "lang": message.language,
    }
    said["kind"] = message.kind.value
    if message.link is not None:
        said["url"] = message.link
    over = len(orjson.dumps(said)) - _MOST_BYTES
    if over > 0:
        said["body"] = said["body"].encode()[: -over - 3].decode("utf-8", "ignore") + "…"
    return said


def application_server_key(private_key: str) -> str:
    """What a browser subscribes with: the public key of a private one."""
    point = (
        _key(private_key)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    """The bytes of base64url with or without its padding; `ValueError` if it is none."""
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("is no key of the curve P-256")
    return key


def _address(message: Message) -> BrowserAddress | None:
    try:
        return BrowserAddress.model_validate_json(message.to)
    except ValidationError:
        return None
