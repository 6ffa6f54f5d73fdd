"""Links by which whoever has got a message opts out of more of them. Reads and writes nothing.

A link names a tenant, a channel and what the address is recognised by, signed: it needs no row that could be gone, it
works for as long as the installation's secret, and neither it nor its page says whose address it is.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Final, NamedTuple
from uuid import UUID

from app.core.crypto import derive_key
from app.notifications.models import NotificationChannel
from app.notifications.preferences.repository import Address, index_of

PATH: Final = "/notifications/opt-out"
_VERSION: Final = b"\x01"
# What is signed for one channel must not be read as another's: a code never changes its meaning.
_CODES: Final = {NotificationChannel.EMAIL: 1, NotificationChannel.SMS: 2, NotificationChannel.WHATSAPP: 3}
_CHANNELS: Final = {code: channel for channel, code in _CODES.items()}
_INDEX_BYTES: Final = 16
_MAC_BYTES: Final = 16
_LENGTH: Final = 1 + 16 + 1 + _INDEX_BYTES + _MAC_BYTES


class OptOutLink(NamedTuple):
    """What a link says."""

    tenant_id: UUID
    address: Address


def opt_out_url(
    secret: str, base_url: str, tenant_id: UUID, channel: NotificationChannel, recipient: str
) -> str | None:
    """Where one click opts a recipient out; None on channels on which nobody opts out by address.

    Of a tenant whose block has begun in this process.
    """
    if (code := _CODES.get(channel)) is None:
        return None
    said = _VERSION + tenant_id.bytes + bytes([code]) + index_of(tenant_id, channel, recipient)
    token = urlsafe_b64encode(said + _mac(secret, said)).rstrip(b"=").decode()
    return f"{base_url}{PATH}/{token}"


def read_token(secret: str, token: str) -> OptOutLink | None:
    """What a link says that we have signed; None for anything else."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (ValueError, Base64Error):
        return None
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(raw) != _LENGTH or not hmac.compare_digest(mac, _mac(secret, said)):
        return None
    channel = _CHANNELS.get(said[17])
    return None if channel is None else OptOutLink(UUID(bytes=said[1:17]), (channel, said[18:]))


def _mac(secret: str, said: bytes) -> bytes:
    return hmac.digest(derive_key(secret, "opt-out links"), said, "sha256")[:_MAC_BYTES]
