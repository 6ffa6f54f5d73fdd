"""Signed addresses: what is behind one is opened by whoever has it, until its time is over. Knows no row and no route.

The key is derived for a purpose, so that a link to one kind of thing opens no other.
"""

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime
from uuid import UUID

from app.core.crypto import derive_key
from app.core.ids import Ref

_SIGNATURE_BYTES = 32
_SIGNED_BYTES = 40


def sign(secret: str, purpose: str, ref: Ref, ends_at: datetime) -> str:
    """The last part of a link's path, good until `ends_at` (whole seconds)."""
    signed = ref.tenant_id.bytes + ref.id.bytes + struct.pack(">q", int(ends_at.timestamp()))
    return urlsafe_b64encode(signed + _signature(secret, purpose, signed)).rstrip(b"=").decode()


def read(secret: str, purpose: str, text: str, now: datetime) -> Ref | None:
    """What a link opens; None for what is no link of this purpose, or no longer one."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, Base64Error):
        return None
    signed, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
    if len(signed) != _SIGNED_BYTES or not hmac.compare_digest(signature, _signature(secret, purpose, signed)):
        return None
    (ends_at,) = struct.unpack(">q", signed[32:])
    if ends_at < now.timestamp():
        return None
    return Ref(UUID(bytes=signed[:16]), UUID(bytes=signed[16:32]))


def _signature(secret: str, purpose: str, signed: bytes) -> bytes:
    return hmac.digest(derive_key(secret, purpose), signed, "sha256")
