"""Admission tokens as text: signed from a session's row, and read again with every claim checked. Stores nothing.

The text follows from the row, so whoever asks twice, in whichever process, gets the same token, and
one that was never handed out is lost to nobody. (After a rotation the same claims are signed with the new key.) Whether
the place is still there is asked by `service.py`; a site that verifies offline learns of it by the expiry.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from app.admission.errors import AdmissionInvalid
from app.admission.models import AdmissionState
from app.admission.rules import Claims
from app.core.errors import NotFound
from app.core.ids import Ref, decode, encode
from app.identity.keyring import Key, KeyRing
from app.identity.models import KeyPurpose

TYPE = "admission+jwt"
CLAIMS = ("iss", "aud", "sub", "queue", "tenant", "state", "iat", "exp", "jti", "aph")
"""All of them are in every token but the last, which is in those that are bound to a network address."""

# Some 1 KB each. Signing one with RSA costs 250 µs, and a visitor's devices and reloads ask for the same one.
_KEPT = 4_096
# What a `datetime` can hold.
_LAST_SECOND = 253_402_300_799
_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,1024}\.[A-Za-z0-9_-]{1,4096}\.[A-Za-z0-9_-]{1,1024}")
_ID = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Header:
    """Which key a token says it is signed with."""

    kid: str
    algorithm: str


class AdmissionTokens:
    """Makes and reads admission tokens with this installation's keys."""

    def __init__(self, issuer: str, keys: KeyRing) -> None:
        self.issuer = issuer
        self._keys = keys
        self._made: OrderedDict[tuple[str, Claims], str] = OrderedDict()

    async def write(self, claims: Claims) -> str:
        """The token that says this."""
        signer = await self._keys.signer(KeyPurpose.ADMISSION)
        known = signer.kid, claims
        token = self._made.get(known)
        if token is None:
            token = self._made[known] = signed(claims, signer, self.issuer)
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(known)
        return token

    async def read(self, token: str) -> Claims:
        """What a token of ours says, expired or not. `AdmissionInvalid` for any other text."""
        header = header_of(token)
        key = await self._keys.verifier(KeyPurpose.ADMISSION, header.kid)
        if key is None or key.algorithm != header.algorithm:
            raise AdmissionInvalid
        return verified(token, key, self.issuer)


def signed(claims: Claims, key: Key, issuer: str) -> str:
    """A token."""
    queue = encode("Queue", claims.tenant_id, claims.queue_id)
    said: dict[str, Any] = {
        "iss": issuer,
        "aud": queue,
        "sub": encode("Session", claims.tenant_id, claims.session_id),
        "queue": queue,
        "tenant": encode("Tenant", claims.tenant_id, claims.tenant_id),
        "state": claims.state.value,
        "iat": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
        "jti": f"{claims.session_id.hex}.{claims.number}",
    }
    if claims.address_hash is not None:
        said["aph"] = claims.address_hash
    return jwt.encode({"alg": key.algorithm, "typ": TYPE, "kid": key.kid}, said, key.key, [key.algorithm])


def header_of(token: str) -> Header:
    """What the header says. `AdmissionInvalid` unless it is one of an admission token."""
    if not _SHAPE.fullmatch(token):
        raise AdmissionInvalid
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError):
        raise AdmissionInvalid from None
    match header:
        case {"alg": "RS256" | "Ed25519" as algorithm, "typ": "admission+jwt", "kid": str(kid)}:
            return Header(kid, algorithm)
    raise AdmissionInvalid


def verified(token: str, key: Key, issuer: str) -> Claims:
    """What a token says that this key has signed. `AdmissionInvalid` if it has not, or the token says anything else.

    The expiry is read, not judged: of an expired token its session can still tell what happened.
    """
    try:
        said = jwt.decode(token, key.key, [key.algorithm]).claims
        queue, session = _ref("Queue", said["aud"]), _ref("Session", said["sub"])
        tenant = _ref("Tenant", said["tenant"])
        session_hex, number = _number(said["jti"])
        is_whole = (
            said["iss"] == issuer
            and said["queue"] == said["aud"]
            and {queue.tenant_id, session.tenant_id, tenant.id} == {tenant.tenant_id}
            and session.id.hex == session_hex
        )
        if not is_whole:
            raise AdmissionInvalid
        return Claims(
            tenant_id=tenant.tenant_id,
            queue_id=queue.id,
            session_id=session.id,
            number=number,
            state=AdmissionState(said["state"]),
            issued_at=_time(said["iat"]),
            expires_at=_time(said["exp"]),
            address_hash=_optional_text(said.get("aph")),
        )
    except (JoseError, KeyError, ValueError, TypeError, AttributeError, OverflowError, NotFound):
        # Whatever is wrong with a stranger's bytes, the answer is the same.
        raise AdmissionInvalid from None


def _ref(kind: str, id: object) -> Ref:
    if not isinstance(id, str):
        raise AdmissionInvalid
    return decode(kind, id)


def _number(id: object) -> tuple[str, int]:
    found = _ID.fullmatch(id) if isinstance(id, str) else None
    if found is None:
        raise AdmissionInvalid
    return found[1], int(found[2])


def _time(seconds: object) -> datetime:
    if type(seconds) is not int or not 0 <= seconds <= _LAST_SECOND:
        raise AdmissionInvalid
    return datetime.fromtimestamp(seconds, UTC)


def _optional_text(text: object) -> str | None:
    if text is not None and not isinstance(text, str):
        raise AdmissionInvalid
    return text
