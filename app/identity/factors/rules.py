"""Codes of authenticator apps (RFC 6238), recovery codes, telephone numbers, as functions of plain values.

Reads and writes nothing, and decides nothing about a user.
"""

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime

import phonenumbers
import pyotp
import segno

STEP_SECONDS = 30
RECOVERY_CODES = 10
# Clocks of telephones are off, and people type slowly: one step to either side, as RFC 6238 recommends.
_DRIFT_STEPS = 1
# Crockford's base 32: no I, L, O or U, which are read as 1, 1, 0 and as an insult. 50 bits, tried through limits only.
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans("ILO", "110", "- ")
_RECOVERY_LENGTH = 10
_TOTP_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_totp_secret() -> str:
    """160 random bits, in the base 32 that apps and people read."""
    return pyotp.random_base32(32)


def provisioning_uri(secret: str, account: str, business: str) -> str:
    """What an app is told by way of the QR code."""
    # The label is `business:account`: a colon in either would be read as the one between them.
    return pyotp.TOTP(secret).provisioning_uri(name=account.replace(":", " "), issuer_name=business.replace(":", " "))


def qr_code(uri: str) -> str:
    """An image of it, as a `data:` URI of SVG."""
    return segno.make(uri, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#ffffff")


def step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """The step whose code this is, if it is near the present and later than `after`; None otherwise."""
    compact = "".join(code.split())
    if not _TOTP_CODE.fullmatch(compact):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in range(max(present - _DRIFT_STEPS, after + 1), present + _DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), compact):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes to be written down, `7K2QF-9R0MX`."""
    texts = ("".join(secrets.choice(_SIGNS) for _ in range(_RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES))
    return [f"{text[:5]}-{text[5:]}" for text in texts]


def read_recovery_code(text: str) -> str | None:
    """A recovery code as it is hashed, however it was typed; None for what cannot be one."""
    if len(text) > 64:
        return None
    signs = text.upper().translate(_MISREAD)
    return signs if len(signs) == _RECOVERY_LENGTH and set(signs) <= set(_SIGNS) else None


def dialled(phone: str | None) -> str | None:
    """A telephone number as `+4930901820`; None unless it is one, with its country."""
    try:
        parsed = phonenumbers.parse(phone or "", None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_required(role: str, required_for: Iterable[str]) -> bool:
    """Whether the tenant asks a user of this role for a second factor."""
    return role in required_for
