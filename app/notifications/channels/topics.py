"""What an Amazon SNS topic posts to us: signed notifications, and the question whether we want them.

A signature says that SNS wrote it, which it does for everybody: so only the topic that was configured is believed, and
neither the certificate nor the confirmation is fetched from anywhere but SNS.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from app.core.outbound import NoAnswer, fetch
from app.notifications.channels.interface import BadCallback, CallbackRequest, Surroundings

_CERTIFICATE_BYTES = 20_000
_WITHIN_SECONDS = 4.0
_MOST_KEPT = 32
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}

# A certificate's address has its serial number in it: what stands there does not change.
_certificates: dict[str, Certificate] = {}


async def notified(
    request: CallbackRequest, topic_arn: str | None, topic_url: str, around: Surroundings
) -> dict[str, object] | None:
    """What a topic's notification says; None for the messages about the subscription itself. Raises `BadCallback`."""
    posted = _strings(request.body)
    if topic_arn is None or posted.get("TopicArn") != topic_arn:
        raise BadCallback("it is from another topic than the one that is configured")
    kind = posted.get("Type", "")
    if kind not in _SIGNED:
        raise BadCallback("it is no message of a topic")
    certificate = await _certificate(posted.get("SigningCertURL", ""), topic_url, around)
    _verify(certificate, kind, posted)
    if kind == "SubscriptionConfirmation":
        await _confirm(posted.get("SubscribeURL", ""), topic_url, around)
        return None
    if kind != "Notification":
        return None
    try:
        said = orjson.loads(posted["Message"])
    except (KeyError, orjson.JSONDecodeError):
        return None  # what SES posts first: "Successfully validated SNS topic …"
    return said if isinstance(said, dict) else None


def _strings(body: bytes) -> dict[str, str]:
    try:
        posted = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadCallback("it is no JSON") from None
    if not isinstance(posted, dict):
        raise BadCallback("it is no message of a topic")
    return {name: value for name, value in posted.items() if isinstance(value, str)}


async def _certificate(url: str, topic_url: str, around: Surroundings) -> Certificate:
    if not (_is_below(url, topic_url) and urlsplit(url).path.endswith(".pem")):
        raise BadCallback("its certificate is not at Amazon SNS")
    certificate = _certificates.get(url)
    if certificate is None:
        pem = await _fetched(url, "the certificate", around)
        try:
            certificate = load_pem_x509_certificate(pem)
        except ValueError:
            raise BadCallback("its certificate cannot be read") from None
        if len(_certificates) >= _MOST_KEPT:
            _certificates.clear()
        _certificates[url] = certificate
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        raise BadCallback("its certificate is not valid now")
    return certificate


def _verify(certificate: Certificate, kind: str, posted: Mapping[str, str]) -> None:
    algorithm = _HASHES.get(posted.get("SignatureVersion", ""))
    key = certificate.public_key()
    if algorithm is None or not isinstance(key, rsa.RSAPublicKey):
        raise BadCallback("it is signed in an unknown way")
    text = "".join(f"{name}\n{posted[name]}\n" for name in _SIGNED[kind] if name in posted)
    try:
        signature = base64.b64decode(posted.get("Signature", ""), validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature):
        raise BadCallback("its signature is wrong") from None


async def _confirm(url: str, topic_url: str, around: Surroundings) -> None:
    if not _is_below(url, topic_url):
        raise BadCallback("it asks to confirm somewhere else than at Amazon SNS")
    await _fetched(url, "the confirmation", around)


async def _fetched(url: str, what: str, around: Surroundings) -> bytes:
    try:
        answer = await fetch(
            url, timeout_seconds=_WITHIN_SECONDS, body_bytes=_CERTIFICATE_BYTES, allowed=around.allowed
        )
    except NoAnswer as problem:
        raise BadCallback(f"{what}: {problem.reason}") from None
    if answer.status != 200:
        raise BadCallback(f"{what}: Amazon SNS answered {answer.status}")
    return answer.body


def _is_below(url: str, base: str) -> bool:
    """Whether an address is one of a server's: the same scheme, name and port, and nobody's name before it."""
    try:
        asked, wanted = urlsplit(url), urlsplit(base)
        return (asked.scheme, asked.netloc.lower()) == (wanted.scheme, wanted.netloc.lower())
    except ValueError:
        return False
