"""Tokens on the wire: good ones, forged ones, old ones."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from app.core.actor import ANONYMOUS, ActorKind
from app.core.crypto import derive_key
from app.core.errors import TokenExpired, Unauthenticated
from app.identity.authentication import Authenticator, bearer_token
from app.identity.errors import TokenInvalid, TokenRevoked
from app.identity.models import KeyPurpose, Role
from app.identity.permissions import MATRIX
from tests.identity.house import NOW, House


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")
    return json.loads(padded(header)), json.loads(padded(claims)), signature


def padded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def keyed(key: bytes, text: str) -> str:
    # By hand: the library itself refuses a public key as a secret.
    return urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).rstrip(b"=").decode()


async def test_nobody_without_a_token(house: House) -> None:
    assert await house.authenticator.authenticate(None) is ANONYMOUS


async def test_an_access_token_says_who_where_and_until_when(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    header, claims, _ = parts(granted.access_token)
    assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")
    assert header["kid"] in {key["kid"] for key in (await house.authenticator.jwks())["keys"]}
    assert claims["sub"] == str(shop.admin.id)
    assert claims["tid"] == str(shop.id)
    assert claims["roles"] == ["ADMIN"]
    assert claims["pv"] == 1
    assert (claims["iss"], claims["aud"]) == ("urn:virtual-queue", "virtual-queue")
    assert claims["exp"] - claims["iat"] == 900
    assert set(claims) == {"iss", "aud", "sub", "tid", "roles", "pv", "lid", "jti", "iat", "exp"}

    actor = await house.authenticator.authenticate(granted.access_token)
    assert (actor.kind, actor.tenant_id, actor.id) == (ActorKind.USER, shop.id, shop.admin.id)
    assert actor.permissions == MATRIX[Role.ADMIN]
    assert actor.expires_at == NOW + timedelta(seconds=900)


async def test_anybody_can_verify_it_with_the_published_keys(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    keys = {key["kid"]: key for key in (await house.authenticator.jwks())["keys"]}
    assert all(set(key) == {"kty", "n", "e", "use", "alg", "kid"} for key in keys.values()), "no private half"
    header, _, _ = parts(granted.access_token)
    read = jwt.decode(granted.access_token, RSAKey.import_key(keys[header["kid"]]), ["RS256"])
    assert read.claims["tid"] == str(shop.id)


async def test_it_ends_on_the_second(house: House) -> None:
    shop = await house.business()
    granted = await house.signed_in(shop)
    house.clock.advance(seconds=899)
    actor = await house.authenticator.authenticate(granted.access_token)
    house.clock.advance(seconds=1)
    with pytest.raises(TokenExpired):
        await house.authenticator.authenticate(granted.access_token)
    with pytest.raises(TokenExpired):
        await house.authenticator.reauthenticate(actor)


async def test_a_session_token_is_always_the_same_and_stands_for_one_session(house: House) -> None:
    shop = await house.business()
    session_id = uuid4()
    token = house.authenticator.session_token(shop.id, session_id, NOW)
    assert token == house.authenticator.session_token(shop.id, session_id, NOW)
    actor = await house.authenticator.authenticate(token)
    assert (actor.kind, actor.tenant_id, actor.id) == (ActorKind.VISITOR, shop.id, session_id)
    assert actor.permissions == frozenset()
    house.clock.advance(days=7)
    with pytest.raises(TokenExpired):
        await house.authenticator.authenticate(token)


async def test_a_session_token_is_written_as_the_library_writes_it(house: House) -> None:
    session_id, tenant_id = uuid4(), uuid4()
    token = house.authenticator.session_token(tenant_id, session_id, NOW)
    _, claims, _ = parts(token)
    assert (claims["sub"], claims["tid"]) == (str(session_id), str(tenant_id))
    key = OctKey.import_key(derive_key(house.settings.secret, "session tokens"))
    assert token == jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key, ["HS256"])


async def test_session_tokens_of_another_installation(house: House) -> None:
    shop = await house.business()
    elsewhere = Authenticator(house.settings.model_copy(update={"secret_key": "another-secret-" * 4}), house.dbs)
    with pytest.raises(TokenInvalid):
        await house.authenticator.authenticate(elsewhere.session_token(shop.id, uuid4(), NOW))


async def test_a_session_token_of_a_tenant_that_is_gone(house: House) -> None:
    with pytest.raises(TokenRevoked):
        await house.authenticator.authenticate(house.authenticator.session_token(uuid4(), uuid4(), NOW))


async def forgeries(house: House) -> dict[str, str]:
    """Tokens that must not pass, each made from a good one."""
    shop = await house.business()
    good = (await house.signed_in(shop)).access_token
    header, claims, signature = parts(good)
    published = {key["kid"]: key for key in (await house.authenticator.jwks())["keys"]}[header["kid"]]
    public_pem = RSAKey.import_key(published).as_pem(private=False)
    active = await house.authenticator.keys.signer(KeyPurpose.ACCESS)
    kid, signer = active.kid, active.key
    own = RSAKey.generate_key(2048)
    visitor_key = OctKey.import_key(derive_key(house.settings.secret, "session tokens"))
    confused = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    visitor = house.authenticator.session_token(shop.id, uuid4(), NOW)
    visitor_header, visitor_claims, visitor_signature = parts(visitor)

    def signed(changes: dict[str, Any], header_changes: dict[str, Any] | None = None, key: Any = signer) -> str:
        return jwt.encode({**header, **(header_changes or {})}, {**claims, **changes}, key, ["RS256"])

    def without(name: str) -> str:
        return jwt.encode(header, {key: value for key, value in claims.items() if key != name}, signer, ["RS256"])

    def as_visitor(changes: dict[str, Any], key: Any = visitor_key) -> str:
        return jwt.encode({"alg": "HS256"}, {**visitor_claims, **changes}, key, ["HS256"])

    return {
        "alg none": f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{part(claims)}.AA",
        "alg None": f"{part({'alg': 'None'})}.{part(claims)}.AA",
        "alg missing": f"{part({'kid': kid})}.{part(claims)}.AA",
        "no signature": f"{part(header)}.{part(claims)}.",
        "HS256 with the public key": f"{confused}.{keyed(public_pem, confused)}",
        "another algorithm of the same key": jwt.encode({**header, "alg": "RS512"}, claims, signer, ["RS512"]),
        "tampered": f"{part(header)}.{part({**claims, 'roles': ['SUPER_ADMIN']})}.{signature}",
        "another session": f"{part(visitor_header)}.{part(visitor_claims | {'sub': str(uuid4())})}.{visitor_signature}",
        "own key, our kid": signed({}, key=own),
        "own key, own kid": signed({}, {"kid": own.thumbprint()}, own),
        "own key in the header": signed({}, {"kid": own.thumbprint(), "jwk": own.as_dict(private=False)}, own),
        "unknown kid": signed({}, {"kid": "A" * 43}),
        "kid of another shape": signed({}, {"kid": "../../etc/passwd"}),
        "no kid": jwt.encode({"alg": "RS256", "typ": "at+jwt"}, claims, signer, ["RS256"]),
        "another use": signed({}, {"typ": "JWT"}),
        "critical extension": f"{part({**header, 'crit': ['x']})}.{part(claims)}.{signature}",
        "wrong issuer": signed({"iss": "https://evil.example"}),
        "wrong audience": signed({"aud": "another-service"}),
        "audience among others": signed({"aud": ["virtual-queue", "another"]}),
        "no issuer": without("iss"),
        "no audience": without("aud"),
        "no expiry": without("exp"),
        "no tenant": without("tid"),
        "no version": without("pv"),
        "no login": without("lid"),
        "expiry as text": signed({"exp": "9999999999"}),
        "expiry beyond time": signed({"exp": 10**18}),
        "expiry not a number": signed({"exp": True}),
        "tenant not an id": signed({"tid": "everything"}),
        "tenant a list": signed({"tid": [str(shop.id)]}),
        "version true": signed({"pv": True}),
        "access claims signed as a visitor": jwt.encode({"alg": "HS256"}, claims, visitor_key, ["HS256"]),
        "session of another type": as_visitor({"typ": "access"}),
        "session without end": as_visitor({"exp": None}),
        "session signed with an empty key": f"{part(visitor_header)}.{part(visitor_claims)}.AA",
        "not a token": "not-a-token",
        "empty": "",
        "two parts": "e30.e30",
        "claims not an object": f"{part(visitor_header)}.W10.AA",
        "very long": "e30." + "A" * 100_000 + ".AA",
        "not ASCII": "é.é.é",
    }


async def test_forgeries(house: House) -> None:
    answers = {}
    for name, token in (await forgeries(house)).items():
        try:
            answers[name] = str(await house.authenticator.authenticate(token))
        except Unauthenticated as problem:
            answers[name] = type(problem).__name__
    assert answers == dict.fromkeys(answers, TokenInvalid.__name__)


async def test_an_expired_forgery_is_called_a_forgery(house: House) -> None:
    """Whoever cannot sign learns nothing from the answer, and is not asked to refresh."""
    tokens = await forgeries(house)
    house.clock.advance(days=30)
    for name in ("tampered", "own key, our kid", "HS256 with the public key"):
        with pytest.raises(TokenInvalid):
            await house.authenticator.authenticate(tokens[name])


async def test_a_genuine_token_with_made_up_owner(house: House) -> None:
    shop = await house.business()
    other = await house.business()
    granted = await house.signed_in(shop)
    header, claims, _ = parts(granted.access_token)
    signer = (await house.authenticator.keys.signer(KeyPurpose.ACCESS)).key
    for changes in ({"tid": str(other.id)}, {"sub": str(other.admin.id)}, {"lid": str(UUID(int=1))}):
        token = jwt.encode(header, {**claims, **changes}, signer, ["RS256"])
        with pytest.raises(TokenRevoked):
            await house.authenticator.authenticate(token)


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("BEARER abc", "abc")],
)
def test_the_authorization_header(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize("header", ["", "abc", "Basic YTpi", "Bearer", "Bearer "])
def test_other_schemes(header: str) -> None:
    with pytest.raises(TokenInvalid):
        bearer_token(header)
