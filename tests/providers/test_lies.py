"""An OpenID provider that lies, in each way by itself: nobody is let in. And the same one when it is honest."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from time import time
from typing import Any

import pytest
from joserfc.jwk import OctKey

from tests.providers.journey import RETURN, Traveller, believe, forget, refused
from tests.providers.stand_in import CLIENT, SECRET, Lies, StandIn, publish
from tests.support.api import Api, Business


@pytest.fixture(scope="module")
async def shop(api: Api, stand_in_server: StandIn) -> Business:
    """A business that believes the stand-in."""
    business = await api.new_business()
    await believe(business, stand_in_server, defaultRole="CUSTOMER")
    return business


async def users(shop: Business) -> list[str]:
    page = await shop.admin("{ users(first: 100) { edges { node { email } } } }")
    return [edge["node"]["email"] for edge in page["edges"]]


async def test_it_is_honest(shop: Business, honest: StandIn, traveller: Traveller) -> None:
    await traveller.signed_in(shop.slug, "sso")
    assert honest.refused == []
    assert "userinfo" not in honest.asked, "the ID token has said it all"


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"], ["private_key_jwt"], None])
async def test_ways_to_show_a_secret(
    shop: Business, honest: StandIn, traveller: Traveller, methods: list[str] | None, api: Api
) -> None:
    forget(api)
    if methods is None:
        honest.lies.metadata = {"token_endpoint_auth_methods_supported": None}
    else:
        honest.auth_methods = methods
    await traveller.signed_in(shop.slug, "sso")
    assert honest.refused == []


async def test_what_only_userinfo_says(shop: Business, honest: StandIn, traveller: Traveller) -> None:
    honest.userinfo_only = True
    viewer = await (await traveller.signed_in(shop.slug, "sso"))("{ viewer { ... on User { email firstName } } }")
    assert viewer == {"email": "anna@staff.example", "firstName": "Anna"}


async def test_a_key_that_is_new(api: Api, shop: Business, honest: StandIn, traveller: Traveller) -> None:
    await traveller.signed_in(shop.slug, "sso")
    forget(api)
    await Traveller(api).signed_in(shop.slug, "sso")
    asked = honest.asked.count("keys")
    honest.lies.sign = lambda header, claims: honest.signed({"alg": "ES256", "kid": "two"}, claims, honest.next_key)
    refused(await Traveller(api).sign_in(shop.slug, "sso"), "provider_failed")
    # Looked for again, but not on everybody's word.
    refused(await Traveller(api).sign_in(shop.slug, "sso"), "provider_failed")
    assert honest.asked.count("keys") == asked
    honest.published = publish(honest.key, honest.next_key)
    forget(api)
    await Traveller(api).signed_in(shop.slug, "sso")


NOW = int(time())
# Headers and claims to a token.
Sign = Callable[[dict[str, Any], dict[str, Any]], str]


def _unsigned(honest: StandIn) -> Sign:
    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        body = honest.signed(header, claims, honest.key).split(".")[1]
        return f"{_base64(json.dumps({'alg': 'none'}).encode())}.{body}."

    return sign


def _with_secret(honest: StandIn) -> Sign:
    key = OctKey.import_key(SECRET)
    return lambda header, claims: honest.signed(header | {"alg": "HS256"}, claims, key)


def _with_public_key(honest: StandIn) -> Sign:
    # What was published, used as if it were a secret.
    secret = honest.key.as_pem(private=False)

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = [_base64(json.dumps(part).encode()) for part in (header | {"alg": "HS256"}, claims)]
        return ".".join([*parts, _base64(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])

    return sign


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _by_somebody_else(honest: StandIn) -> Sign:
    return lambda header, claims: honest.signed(header, claims, honest.other_key)


SIGNATURES = {"none": _unsigned, "secret": _with_secret, "public key": _with_public_key, "other key": _by_somebody_else}


@pytest.mark.parametrize("how", SIGNATURES)
async def test_signatures(shop: Business, honest: StandIn, traveller: Traveller, how: str) -> None:
    before = await users(shop)
    honest.lies.sign = SIGNATURES[how](honest)
    refused(await traveller.sign_in(shop.slug, "sso"), "provider_failed")
    assert await users(shop) == before
    assert honest.refused == []


LIES = {
    "another nonce": Lies(claims={"nonce": "x" * 43}),
    "no nonce": Lies(without=("nonce",)),
    "another audience": Lies(claims={"aud": "somebody-else"}),
    "another audience, by way of us": Lies(claims={"aud": "somebody-else", "azp": CLIENT}),
    "no audience": Lies(without=("aud",)),
    "somebody else's as well, without azp": Lies(claims={"aud": [CLIENT, "somebody-else"]}),
    "for somebody else": Lies(claims={"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}),
    "another issuer": Lies(claims={"iss": "https://evil.example"}),
    "no issuer": Lies(without=("iss",)),
    "expired": Lies(claims={"exp": NOW - 120}),
    "no end": Lies(without=("exp",)),
    "from the future": Lies(claims={"nbf": NOW + 3_600}),
    "no beginning": Lies(without=("iat",)),
    "another access token's": Lies(claims={"at_hash": "x" * 22}),
    "nobody": Lies(without=("sub",)),
    "a number": Lies(claims={"sub": 7}),
    "an unknown key": Lies(header={"kid": "three"}),
    "no ID token": Lies(token={"access_token": "x", "token_type": "Bearer"}),
    "an ID token that is none": Lies(token={"access_token": "x", "id_token": "x.y.z"}),
    "an ID token that is no text": Lies(token={"access_token": "x", "id_token": 7}),
    "an error": Lies(token={"error": "server_error"}),
    "an error of its own": Lies(token={"error": {"code": 190}}),
    "a list": Lies(token=["access_token"]),  # type: ignore[arg-type]
    "two people": Lies(without=("email",), userinfo={"sub": "somebody-else"}),
    "no code": Lies(answer={"code": ""}),
    "somebody else's code": Lies(answer={"code": "x"}),
    "another issuer's answer": Lies(answer={"iss": "https://evil.example"}),
    "an error instead": Lies(answer={"error": "server_error"}),
}


@pytest.mark.parametrize("lie", LIES)
async def test_lies(shop: Business, honest: StandIn, traveller: Traveller, lie: str) -> None:
    before = await users(shop)
    honest.lies = LIES[lie]
    refused(await traveller.sign_in(shop.slug, "sso"), "provider_failed")
    assert await users(shop) == before
    # It is for the lie, not for something that we have done wrong.
    assert honest.refused == (["code"] if lie in ("no code", "somebody else's code") else [])


@pytest.mark.parametrize("error", ["access_denied", "login_required"])
async def test_who_changes_their_mind(shop: Business, honest: StandIn, traveller: Traveller, error: str) -> None:
    honest.lies.answer = {"error": error}
    refused(await traveller.sign_in(shop.slug, "sso"), "cancelled")


DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no issuer": {"issuer": None},
    "a page of scripts": {"authorization_endpoint": "javascript:alert(1)"},
    "no TLS": {"token_endpoint": "http://login.example.com/token"},
    "an internal network": {"jwks_uri": "http://10.0.0.1/keys"},
    "no keys": {"jwks_uri": None},
    "a file": {"userinfo_endpoint": "file:///etc/passwd"},
}


@pytest.mark.parametrize("description", DESCRIPTIONS)
async def test_descriptions(api: Api, shop: Business, honest: StandIn, traveller: Traveller, description: str) -> None:
    forget(api)
    honest.lies.metadata = DESCRIPTIONS[description]
    departure = await traveller.set_out(shop.slug, "sso")
    assert departure.headers["location"] == f"{RETURN}&error=provider_failed"
    assert traveller.cookies == {}
    forget(api)


async def test_it_names_itself_and_must(api: Api, shop: Business, honest: StandIn, traveller: Traveller) -> None:
    """RFC 9207: who says that it names itself in answers has to do so."""
    forget(api)
    honest.lies.metadata = {"authorization_response_iss_parameter_supported": True}
    refused(await traveller.sign_in(shop.slug, "sso"), "provider_failed")
    honest.lies.answer = {"iss": f"{honest.base}/oidc"}
    await Traveller(api).signed_in(shop.slug, "sso")
    forget(api)
