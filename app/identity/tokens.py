"""Tokens as text: made, and read again with every claim checked. Not asked here: whether their owner is still welcome.

Users carry tokens that others verify with the published keys (RS256, or Ed25519 by setting); visitors HS256 ones, which
only we read and which cost microseconds, because a thousand people may join in a second. Which of the two a token
claims to be decides the one key and the one algorithm it is verified with, so neither can pass for the other. Tokens
for protected sites are made in `app/admission`: their keys verify nothing here.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import extract_compact

from app.core.clock import Clock
from app.core.crypto import derive_key
from app.core.errors import TokenExpired
from app.identity.errors import TokenInvalid
from app.identity.keyring import KeyRing, PrivateKey
from app.identity.models import KeyPurpose, User
from app.settings import Settings

AUDIENCE = "virtual-queue"
_ACCESS_TYPE = "at+jwt"
_VISITOR_ALGORITHM = "HS256"
# What a `datetime` can hold.
_LAST_SECOND = 253_402_300_799
_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,2048}\.[A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,1024}")


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a user's access token says."""

    tenant_id: UUID
    user_id: UUID
    login_id: UUID
    permission_version: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """What a visitor's session token says."""

    tenant_id: UUID
    session_id: UUID
    expires_at: datetime


class Tokens:
    """Makes and reads tokens with this installation's keys."""

    def __init__(self, settings: Settings, clock: Clock, keys: KeyRing) -> None:
        self._clock = clock
        self._keys = keys
        self._visitor_secret = derive_key(settings.secret, "session tokens")
        self._visitor_key = OctKey.import_key(self._visitor_secret)
        self._issuer = settings.issuer
        self.access_seconds = settings.access_token_seconds
        self.refresh_seconds = settings.refresh_token_seconds
        self._session_seconds = settings.session_token_seconds

    async def access_token(self, user: User, login_id: UUID) -> str:
        """A fresh token for a user's sign-in."""
        signer = await self._keys.signer(KeyPurpose.ACCESS)
        now = int(self._clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user.id),
            "tid": str(user.tenant_id),
            # Not the base of a custom role: others who read the token would take it for what it is not.
            "roles": [user.role.value if user.custom_role_id is None else f"CUSTOM:{user.custom_role_id}"],
            "pv": user.permission_version,
            "lid": str(login_id),
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + self.access_seconds,
        }
        header = {"alg": signer.algorithm, "typ": _ACCESS_TYPE, "kid": signer.kid}
        return jwt.encode(header, claims, signer.key, [signer.algorithm])

    def session_token(self, tenant_id: UUID, session_id: UUID, joined_at: datetime) -> str:
        """The token of a session: always the same one, so that a repeated join gives it again."""
        joined = int(joined_at.timestamp())
        claims = {
            "sub": str(session_id),
            "tid": str(tenant_id),
            "typ": "session",
            "iat": joined,
            "exp": joined + self._session_seconds,
        }
        # What the library writes, letter by letter, at a tenth of its price: every join signs one.
        signed = _VISITOR_HEAD + _base64(orjson.dumps(claims))
        return (signed + b"." + _base64(hmac.digest(self._visitor_secret, signed, "sha256"))).decode()

    async def read(self, token: str) -> AccessClaims | SessionClaims:
        """The claims of a token of ours. Raises `TokenInvalid`, and `TokenExpired` once it is known to be ours."""
        if not _SHAPE.fullmatch(token):
            raise TokenInvalid
        try:
            header = extract_compact(token.encode()).headers()
            match header:
                case {"alg": "RS256" | "Ed25519" as algorithm, "typ": "at+jwt", "kid": str(kid)}:
                    key = await self._keys.verifier(KeyPurpose.ACCESS, kid)
                    if key is None or key.algorithm != algorithm:
                        raise TokenInvalid
                    return self._access_claims(_verified(token, key.key, key.algorithm))
                case {"alg": "HS256"}:
                    return self._session_claims(_verified(token, self._visitor_key, _VISITOR_ALGORITHM))
        except (JoseError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            # Whatever is wrong with a stranger's bytes, the answer is the same.
            raise TokenInvalid from None
        raise TokenInvalid

    def _access_claims(self, claims: dict[str, Any]) -> AccessClaims:
        if claims["iss"] != self._issuer or claims["aud"] != AUDIENCE or type(claims["pv"]) is not int:
            raise TokenInvalid
        return AccessClaims(
            tenant_id=UUID(claims["tid"]),
            user_id=UUID(claims["sub"]),
            login_id=UUID(claims["lid"]),
            permission_version=claims["pv"],
            expires_at=self._expiry(claims),
        )

    def _session_claims(self, claims: dict[str, Any]) -> SessionClaims:
        if claims["typ"] != "session":
            raise TokenInvalid
        return SessionClaims(
            tenant_id=UUID(claims["tid"]), session_id=UUID(claims["sub"]), expires_at=self._expiry(claims)
        )

    def _expiry(self, claims: dict[str, Any]) -> datetime:
        # The library's decode() does not look at it.
        if type(claims["exp"]) is not int or not 0 <= claims["exp"] <= _LAST_SECOND:
            raise TokenInvalid
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        if expires_at <= self._clock.now():
            raise TokenExpired
        return expires_at


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


_VISITOR_HEAD = _base64(orjson.dumps({"typ": "JWT", "alg": _VISITOR_ALGORITHM})) + b"."


def _verified(token: str, key: PrivateKey | OctKey, algorithm: str) -> dict[str, Any]:
    return jwt.decode(token, key, [algorithm]).claims
