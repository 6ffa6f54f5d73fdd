"""Links to export files: signed, for a quarter of an hour. Whoever has one needs nothing else. Knows no row."""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime, timedelta
from uuid import UUID

from app.core.crypto import derive_key
from app.core.ids import Ref

PATH = "/privacy/exports"
LIFETIME = timedelta(minutes=15)
_SIGNATURE_BYTES = 32


def link(base_url: str, secret: str, request: Ref, now: datetime) -> str:
    """The address of an export's file, good from now on."""
    ends_at = int((now + LIFETIME).timestamp())
    signed = request.tenant_id.bytes + request.id.bytes + struct.pack(">q", ends_at)
    text = urlsafe_b64encode(signed + _signature(secret, signed)).rstrip(b"=").decode()
    return f"{base_url}{PATH}/{text}"


def read(secret: str, text: str, now: datetime) -> Ref | None:
    """Which export the last part of a link's path opens; None for what is no link, or no longer one."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, Base64Error):
        return None
    signed, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(signed) != 40 or not hmac.compare_digest(signature, _signature(secret, signed)):
        return None
    (ends_at,) = struct.unpack(">q", signed[32:])
    if ends_at < now.timestamp():
        return None
    return Ref(UUID(bytes=signed[:16]), UUID(bytes=signed[16:32]))


def _signature(secret: str, signed: bytes) -> bytes:
    return hmac.digest(derive_key(secret, "links to exports"), signed, "sha256")
