"""Signing in with a real OpenID provider, from the button to the token: the contract's operations, both pages."""

import pytest

from tests.contract.operations import operation
from tests.providers.journey import FRONT_END, RETURN, Traveller, registered
from tests.support.api import Api, Business

pytestmark = pytest.mark.processes

RULES = [
    {"claim": "groups", "value": "queue-managers", "role": "MANAGER"},
    {"claim": "groups", "value": "all", "role": "STAFF"},
]


async def test_the_whole_way(api: Api, business: Business, op: str, traveller: Traveller) -> None:
    made = await registered(business, op, scopes=["groups"], roleRules=RULES)
    (button,) = await api.anonymous(operation("LoginProviderList"), tenantSlug=business.slug)
    assert (button["name"], button["slug"], button["kind"]) == ("Staff account", "sso", "OIDC")
    assert button["startUrl"].endswith(f"/auth/{business.slug}/sso/start")

    shown = await traveller.sign_in(business.slug, "sso", "anna")
    assert shown.address is not None
    assert shown.address.startswith(f"{RETURN}&code=vqs_")
    assert traveller.cookies == {}, "what the browser kept is used up"
    code = shown.parameters["code"]
    answer = await traveller.exchange(code)
    user = answer["user"]
    assert (user["email"], user["firstName"], user["lastName"]) == ("anna@staff.example", "Anna", "Ng")
    assert user["role"] == "MANAGER"
    again = await traveller.exchange(code)
    assert again["__typename"] == "LoginCodeInvalidError"

    # The second time they are known.
    second = Traveller(api)
    viewer = await (await second.signed_in(business.slug, "sso", "anna"))(operation("OwnIdentities"))
    assert viewer["id"] == user["id"]
    (identity,) = viewer["identities"]
    assert (identity["providerName"], identity["email"]) == (made["name"], "anna@staff.example")
    assert identity["lastUsedAt"] is not None


async def test_back_to_the_front_end_that_asked(business: Business, op: str, traveller: Traveller) -> None:
    await registered(business, op, defaultRole="CUSTOMER")
    departure = await traveller.set_out(business.slug, "sso", f"{FRONT_END}/deep/page")
    assert departure.headers["cache-control"] == "no-store"
    shown = await traveller.come_back(await traveller.travel(departure, "ben"))
    assert shown.address is not None
    assert shown.address.startswith(f"{FRONT_END}/deep/page?code=")
