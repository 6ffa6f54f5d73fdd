"""Secrets of 256 random bits as text that names its tenant, so that the database can be bound before anything is read.

What a secret opens is its owner's business: refresh tokens and sign-ins that wait are two kinds, told by the prefix.
"""

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from uuid import UUID

_SECRET_BYTES = 32


def new_secret(prefix: str, tenant_id: UUID) -> str:
    """A fresh one."""
    return prefix + urlsafe_b64encode(tenant_id.bytes + secrets.token_bytes(_SECRET_BYTES)).decode()


def tenant_in(prefix: str, text: str) -> UUID | None:
    """The tenant a secret names; None for what is none of this kind."""
    try:
        raw = urlsafe_b64decode(text.removeprefix(prefix).encode("ascii"))
    except (ValueError, Base64Error):
        return None
    if not text.startswith(prefix) or len(raw) != 16 + _SECRET_BYTES:
        return None
    return UUID(bytes=raw[:16])


def hash_of(text: str) -> str:
    """How a secret is kept."""
    # 256 random bits: a fast hash is enough.
    return hashlib.sha256(text.encode()).hexdigest()
