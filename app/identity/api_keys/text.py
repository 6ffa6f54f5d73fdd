"""An API key as text: made, and taken apart again. Whether it opens anything is not known here.

`vqk_` name (11) `_` tenant (22) secret (43) checksum (6), all in base 62: one word for whoever double-clicks it, and a
pattern that scanners for leaked secrets find, `vqk_[0-9A-Za-z]{11}_[0-9A-Za-z]{71}`, and tell from a lookalike by the
checksum (CRC-32 of all before it), which also spares the database what was mistyped. The tenant is in it because the
database is bound to one before anything is read; nobody gains by changing it: the secret is looked for in that tenant.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from uuid import UUID

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX_BYTES, _PREFIX_DIGITS = 8, 11
_TENANT_DIGITS = 22
_SECRET_BYTES, _SECRET_DIGITS = 32, 43
_CHECKSUM_DIGITS = 6

BEGINNING = "vqk_"
PATTERN = re.compile(
    rf"(?P<prefix>{BEGINNING}[0-9A-Za-z]{{{_PREFIX_DIGITS}}})_(?P<tenant>[0-9A-Za-z]{{{_TENANT_DIGITS}}})"
    rf"[0-9A-Za-z]{{{_SECRET_DIGITS}}}(?P<checksum>[0-9A-Za-z]{{{_CHECKSUM_DIGITS}}})"
)


@dataclass(frozen=True, slots=True)
class KeyText:
    """What a key's text says."""

    tenant_id: UUID
    prefix: str
    hash: str

    def is_of(self, stored_hash: str) -> bool:
        """Whether it is the text whose hash was stored; takes as long for a near miss as for a far one."""
        return hmac.compare_digest(self.hash, stored_hash)


def new_key_text(tenant_id: UUID) -> str:
    """A text nobody has seen before."""
    prefix = BEGINNING + _written(int.from_bytes(secrets.token_bytes(_PREFIX_BYTES)), _PREFIX_DIGITS)
    tenant = _written(tenant_id.int, _TENANT_DIGITS)
    secret = _written(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_DIGITS)
    body = f"{prefix}_{tenant}{secret}"
    return body + _checksum(body)


def read_key_text(text: str) -> KeyText | None:
    """A key's text taken apart; None if it is none, or was mistyped."""
    found = PATTERN.fullmatch(text)
    if found is None or found["checksum"] != _checksum(text[:-_CHECKSUM_DIGITS]):
        return None
    tenant = _read(found["tenant"])
    if tenant >= 1 << 128:
        return None
    # The secret is 256 random bits: nobody finds it by trying, however fast the hash. A slow one, as passwords need,
    # would cost every request 30 ms and protect from nothing.
    return KeyText(UUID(int=tenant), found["prefix"], hashlib.sha256(text.encode()).hexdigest())


def looks_like_a_key(token: str) -> bool:
    """Whether a bearer token wants to be an API key."""
    return token.startswith(BEGINNING)


def _written(number: int, digits: int) -> str:
    written = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        written = _DIGITS[digit] + written
    return written


def _read(written: str) -> int:
    number = 0
    for digit in written:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return number


def _checksum(body: str) -> str:
    return _written(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)
