"""Admission tokens, read and checked against keys without asking anybody. Where the keys are from is not known here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import extract_compact

TYPE = "admission+jwt"
# Which key an algorithm is used with. Symmetric ones and `none` are not among them, whatever a token asks for.
ALGORITHMS: Mapping[str, type[RSAKey | OKPKey]] = {"RS256": RSAKey, "Ed25519": OKPKey}

_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,3072}\.[A-Za-z0-9_-]{1,1024}")
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the service and the one algorithm it is for."""

    algorithm: str
    key: RSAKey | OKPKey


@dataclass(frozen=True, slots=True)
class Admission:
    """What a good token says."""

    token: str
    session_id: str
    token_id: str
    is_inside: bool
    """Whether its place has been entered; else it is the ticket of somebody who was just released."""
    issued_at: int
    expires_at: int
    is_bound: bool
    """Whether it is good for one network address only (the queue's `bindAddress`): the service knows which."""

    @property
    def renew_at(self) -> float:
        """Half of its life."""
        return (self.issued_at + self.expires_at) / 2


@dataclass(frozen=True, slots=True)
class Expected:
    """Whose tokens are good here."""

    issuer: str
    audience: str
    leeway_seconds: float


def key_id(token: str) -> str | None:
    """The key a token says it was signed with; null if it is no admission token at all."""
    if not _SHAPE.fullmatch(token):
        return None
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
    match header:
        case {"typ": "admission+jwt", "alg": str(algorithm), "kid": str(kid)} if algorithm in ALGORITHMS:
            return kid
    return None


def verify(token: str, key: Key, expected: Expected, now: float) -> Admission | None:
    """The admission of a token whose every claim is good, null of any other."""
    try:
        decoded = jwt.decode(token, key.key, [key.algorithm])
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
    match decoded.claims:
        case {
            "iss": str(issuer),
            "aud": audience,
            "sub": str(session),
            "jti": str(id),
            "iat": int(issued_at),
            "exp": int(expires_at),
            "state": "RELEASED" | "INSIDE" as state,
        }:
            pass
        case _:
            return None
    if decoded.header.get("typ") != TYPE or issuer != expected.issuer:
        return None
    if audience != expected.audience and audience != [expected.audience]:
        return None
    if not 0 <= issued_at <= now + expected.leeway_seconds or not now < expires_at <= _LAST_SECOND:
        return None
    is_bound = decoded.claims.get("aph") is not None
    return Admission(token, session, id, state == "INSIDE", issued_at, expires_at, is_bound)


def keys_of(jwks: Any) -> dict[str, Key]:
    """The keys of a JSON Web Key Set that sign tokens, by id. What is not understood is left out."""
    found: dict[str, Key] = {}
    for entry in jwks.get("keys", ()) if isinstance(jwks, dict) else ():
        match entry:
            case {"kid": str(kid), "alg": str(algorithm)} if algorithm in ALGORITHMS:
                try:
                    found[kid] = Key(algorithm, ALGORITHMS[algorithm].import_key(entry))
                except (JoseError, ValueError, TypeError, KeyError):
                    continue
    return found
