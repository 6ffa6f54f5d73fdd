"""Texts that go out and have to come back: states, codes, challenges, and what a browser keeps sealed. Stores nothing.

A code names its tenant, so that the database can be bound to it before anything is read. What a browser keeps is sealed
with the installation's secret and bound to the one place where it is given back.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from uuid import UUID

from cryptography.exceptions import InvalidTag

from app.core.crypto import decrypt, derive_key, encrypt

_CODE = re.compile(r"vqs_[A-Za-z0-9_-]{64}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_PREFIX = "vqs_"


class Unsealable(Exception):
    """Not sealed by us, not for this place, or changed."""


def new_secret() -> str:
    """256 random bits: a state, a nonce, or the verifier of PKCE (RFC 7636 asks for 43 to 128 characters)."""
    return secrets.token_urlsafe(32)


def new_code(tenant_id: UUID) -> str:
    """A code somebody fetches a sign-in with."""
    return _PREFIX + urlsafe_b64encode(tenant_id.bytes + secrets.token_bytes(32)).decode()


def tenant_of_code(code: str) -> UUID | None:
    """The tenant a code names; None if it is none."""
    if not _CODE.fullmatch(code):
        return None
    return UUID(bytes=urlsafe_b64decode(code.removeprefix(_PREFIX))[:16])


def hashed(secret: str) -> str:
    """For what is kept of 256 random bits: a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_challenge(text: str) -> bool:
    """Whether it is what S256 of PKCE gives."""
    return _CHALLENGE.fullmatch(text) is not None


def answers(challenge: str, verifier: str) -> bool:
    """Whether a verifier is the one a challenge was made of, by S256."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


class Sealer:
    """Seals for a purpose each, with keys derived from the installation's secret."""

    def __init__(self, secret: str) -> None:
        self._texts = derive_key(secret, "provider texts")
        self._client_secrets = derive_key(secret, "provider client secrets")

    def seal_text(self, plain: bytes, place: str) -> str:
        """What somebody else keeps for us, to be given back at one place only."""
        return urlsafe_b64encode(encrypt(self._texts, plain, place)).rstrip(b"=").decode()

    def unseal_text(self, text: str, place: str) -> bytes:
        """What was sealed; `Unsealable`."""
        try:
            return decrypt(self._texts, urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)), place)
        except (InvalidTag, ValueError, Base64Error):
            raise Unsealable from None

    def seal_client_secret(self, client_secret: str, provider_id: UUID) -> bytes:
        """As a provider's row keeps it."""
        return encrypt(self._client_secrets, client_secret.encode(), str(provider_id))

    def unseal_client_secret(self, sealed: bytes, provider_id: UUID) -> str:
        """To be shown to the provider; `InvalidTag` if the installation's secret is another now."""
        return decrypt(self._client_secrets, sealed, str(provider_id)).decode()
