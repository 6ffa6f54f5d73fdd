"""There and back: what may not come back, who may not come back, and what a code is good for."""

import asyncio
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlmodel import select

from app.core.clock import SystemClock
from app.core.errors import InvalidInput
from app.core.ids import decode
from app.core.outbound import network
from app.identity.providers.errors import LoginCodeInvalid, NotLetIn, ProviderUnavailable, ProviderUnreachable, Reason
from app.identity.providers.issuers import Issuers
from app.identity.providers.journeys import Journeys
from app.identity.providers.models import ProviderProof
from app.identity.repository_upkeep import delete_expired
from app.settings import Settings
from app.tenants.service import suspend
from tests.contract.operations import operation
from tests.identity.house import open_house
from tests.providers.by_clock import Journeyer, facebook, proofs
from tests.providers.journey import FRONT_END, RETURN, Traveller, believe, refused
from tests.providers.stand_in import StandIn
from tests.support.api import Api, Business, open_api

START = "You are not signed in"


@pytest.fixture
async def shop(business: Business, honest: StandIn) -> Business:
    """A business that believes the stand-in."""
    await believe(business, honest, defaultRole="CUSTOMER")
    return business


async def test_what_goes_along(shop: Business, honest: StandIn, traveller: Traveller) -> None:
    departure = await traveller.set_out(shop.slug, "sso")
    sent = {name: values[0] for name, values in parse_qs(urlsplit(departure.headers["location"]).query).items()}
    assert departure.headers["location"].startswith(f"{honest.base}/authorize?kept=1&")
    assert sorted(sent) == [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "kept",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ]
    assert sent["code_challenge"] != traveller.challenge, "the front-end's is its own"
    (cookie,) = traveller.set_cookies
    said = cookie.lower()
    for word in ("httponly", "samesite=lax", "path=/auth/callback", "max-age=600"):
        assert word in said
    for secret in (sent["nonce"], sent["state"], FRONT_END):
        assert secret not in cookie
    for header, value in (("cache-control", "no-store"), ("referrer-policy", "no-referrer")):
        assert departure.headers[header] == value


async def test_two_departures_have_nothing_in_common(shop: Business, api: Api) -> None:
    first, second = [
        parse_qs(urlsplit((await Traveller(api).set_out(shop.slug, "sso")).headers["location"]).query) for _ in "ab"
    ]
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


async def test_another_browser_does_not_come_back(shop: Business, api: Api, traveller: Traveller) -> None:
    """Whoever is sent somebody else's answer is not signed in as them."""
    back = await traveller.travel(await traveller.set_out(shop.slug, "sso"))
    victim = Traveller(api)
    shown = await victim.come_back(back)
    assert (shown.status, START in shown.body, "begun in another browser" in shown.body) == (400, True, True)
    # Not with a journey of their own either.
    await victim.set_out(shop.slug, "sso")
    assert (await victim.come_back(back)).status == 400
    # Nor if they give our cookie the name it would need.
    (name,), (value,) = traveller.cookies, victim.cookies.values()
    victim.cookies = {name: value}
    assert (await victim.come_back(back)).status == 400
    assert "code" in (await traveller.come_back(back)).parameters


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x&code=y", "?state=&code=y", "?error=access_denied", "?state=%00"]
)
async def test_who_never_set_out(shop: Business, traveller: Traveller, query: str) -> None:
    shown = await traveller.come_back(f"/auth/callback/google{query}")
    assert (shown.status, START in shown.body) == (400, True)


async def test_an_answer_comes_back_once(shop: Business, honest: StandIn, traveller: Traveller) -> None:
    back = await traveller.travel(await traveller.set_out(shop.slug, "sso"))
    kept = dict(traveller.cookies)
    assert "code" in (await traveller.come_back(back)).parameters
    assert (await traveller.come_back(back)).status == 400
    traveller.cookies = kept
    refused(await traveller.come_back(back), "provider_failed")
    assert honest.refused == ["code"]


async def test_one_provider_s_answer_is_not_another_s(
    api: Api, business: Business, honest: StandIn, traveller: Traveller
) -> None:
    """A provider that means ill sends its visitors on to a good one, whose answer must not come to it."""
    good = await believe(business, honest, kind="GOOGLE", defaultRole="CUSTOMER")
    await believe(business, honest, slug="bad")
    departure = await traveller.set_out(business.slug, "bad")
    (state,) = parse_qs(urlsplit(departure.headers["location"]).query)["state"]
    asked = honest.asked.count("token")
    shown = await traveller.come_back(f"{good['redirectUri']}?{urlencode({'state': state, 'code': 'of-the-good-one'})}")
    refused(shown, "provider_failed")
    assert honest.asked.count("token") == asked, "the code is shown to nobody"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://shop.example:8443/",
        "http://shop.example/",
        "//shop.example/",
        "/relative",
        "javascript:alert(1)",
        "https://shop.example/\n",
        "",
        "https://shop.example/" + "x" * 1_000,
    ],
)
async def test_nobody_is_sent_elsewhere(shop: Business, traveller: Traveller, target: str) -> None:
    answer = await traveller.set_out(shop.slug, "sso", target)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert traveller.cookies == {}


async def test_whoever_says_not_where_to_go_back_to_is_told_that(shop: Business, traveller: Traveller) -> None:
    answer = await traveller.get(f"/auth/{shop.slug}/sso/start?challenge={traveller.challenge}")
    assert (answer.status_code, "`return`" in answer.text, "returnOrigins" in answer.text) == (400, True, False)


async def test_where_people_may_go_back_to(shop: Business, api: Api, traveller: Traveller) -> None:
    own = api.runtime.settings.base_url
    assert (await traveller.set_out(shop.slug, "sso", f"{own}/graphql")).status_code == 303


@pytest.mark.parametrize("challenge", ["", "x" * 42, "x" * 44, "x" * 42 + "="])
async def test_no_journey_without_a_challenge(shop: Business, traveller: Traveller, challenge: str) -> None:
    answer = await traveller.set_out(shop.slug, "sso", challenge=challenge)
    assert (answer.status_code, "SHA-256" in answer.text) == (400, True)


@pytest.mark.parametrize(("slug", "provider"), [("sso", "other"), ("nobody", "sso"), ("%00", "sso"), ("sso", "%00")])
async def test_no_such_provider(shop: Business, traveller: Traveller, slug: str, provider: str) -> None:
    answer = await traveller.set_out(shop.slug if slug == "sso" else slug, provider)
    assert (answer.status_code, "There is no such provider" in answer.text) == (400, True)


async def test_a_provider_is_switched_off_meanwhile(business: Business, honest: StandIn, traveller: Traveller) -> None:
    made = await believe(business, honest, defaultRole="CUSTOMER")
    back = await traveller.travel(await traveller.set_out(business.slug, "sso"))
    off = {"identityProviderId": made["id"], "enabled": False}
    await business.admin(operation("IdentityProviderUpdate"), input=off)
    refused(await traveller.come_back(back), "provider_failed")
    assert (await traveller.set_out(business.slug, "sso")).status_code == 400
    assert await business.api.anonymous(operation("LoginProviderList"), tenantSlug=business.slug) == []


async def test_a_code_is_good_once_and_for_its_verifier(shop: Business, api: Api, traveller: Traveller) -> None:
    first = (await traveller.sign_in(shop.slug, "sso")).parameters["code"]
    assert (await traveller.exchange(first, "x" * 43))["__typename"] == "LoginCodeInvalidError"
    # Whoever tries with another verifier has stolen it.
    assert (await traveller.exchange(first))["__typename"] == "LoginCodeInvalidError"
    second = (await traveller.sign_in(shop.slug, "sso")).parameters["code"]
    answers = await asyncio.gather(*(traveller.exchange(second) for _ in range(5)))
    assert sorted(answer["__typename"] for answer in answers) == [
        "LoginCodeInvalidError",
        "LoginCodeInvalidError",
        "LoginCodeInvalidError",
        "LoginCodeInvalidError",
        "LoginExchangeSuccess",
    ]


async def test_a_code_of_another_tenant_is_nothing(shop: Business, api: Api, traveller: Traveller) -> None:
    code = (await traveller.sign_in(shop.slug, "sso")).parameters["code"]
    for other in ("", "vqs_", code[:-1], code.replace("vqs_", "vqr_"), "x" * 5_000):
        assert (await traveller.exchange(other))["__typename"] == "LoginCodeInvalidError"
    assert (await traveller.exchange(code))["__typename"] == "LoginExchangeSuccess"


async def test_nothing_of_it_is_readable_in_the_tables(shop: Business, api: Api, traveller: Traveller) -> None:
    shown = await traveller.sign_in(shop.slug, "sso")
    tenant_id = decode("Tenant", (await shop.admin("{ tenant { id } }"))["id"]).id
    async with api.runtime.dbs.system.read(tenant_id) as tx:
        (proof,) = (await tx.exec(select(ProviderProof).where(ProviderProof.tenant_id == tenant_id))).all()
    assert shown.parameters["code"] not in repr(proof.model_dump())
    assert (proof.subject, proof.email) == (None, None)


async def test_time_runs_out(provider_settings: Settings, honest: StandIn) -> None:
    async with open_house(provider_settings) as house:
        journeys = Journeys(provider_settings, house.dbs)
        shop, slug = await facebook(house, honest)
        traveller = Journeyer(journeys)

        late = await traveller.there(slug)
        house.clock.advance(minutes=10)
        with pytest.raises(NotLetIn) as refusal:
            await traveller.back(late)
        assert refusal.value.reason is Reason.EXPIRED

        just = await traveller.there(slug)
        house.clock.advance(minutes=9, seconds=59)
        code = await traveller.back(just)
        house.clock.advance(seconds=59)
        assert (await journeys.proven(code, traveller.verifier)).user.tenant_id == shop

        code = await traveller.back(await traveller.there(slug))
        house.clock.advance(minutes=1)
        with pytest.raises(LoginCodeInvalid):
            await journeys.proven(code, traveller.verifier)

        house.clock.advance(hours=23)
        await delete_expired(house.dbs.system)
        assert len(await proofs(house, shop)) == 2
        house.clock.advance(hours=2)
        await delete_expired(house.dbs.system)
        assert await proofs(house, shop) == []


async def test_a_suspended_business_lets_nobody_in(api: Api, shop: Business, traveller: Traveller) -> None:
    back = await traveller.travel(await traveller.set_out(shop.slug, "sso"))
    earlier = await Traveller(api).sign_in(shop.slug, "sso")
    tenant_id = decode("Tenant", (await shop.admin("{ tenant { id } }"))["id"]).id
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        await suspend(tx, tenant_id)
    refused(await traveller.come_back(back), "provider_failed")
    assert (await traveller.set_out(shop.slug, "sso")).status_code == 400
    answer = await traveller.exchange(earlier.parameters["code"])
    assert answer["__typename"] != "LoginExchangeSuccess"
    assert await api.anonymous(operation("LoginProviderList"), tenantSlug=shop.slug) == []


async def test_internal_networks_are_not_asked(provider_settings: Settings, honest: StandIn) -> None:
    """The installation has allowed none: what a business calls its provider may be our own database's address."""
    issuers = Issuers(SystemClock(), [], 5.0)
    for url in (f"{honest.base}/keys", "https://127.0.0.1:1/", "https://[::1]:1/", "https://169.254.169.254/latest"):
        with pytest.raises(ProviderUnreachable) as refusal:
            await issuers.document(url)
        assert "internal network" in refusal.value.reason
    allowed = Issuers(SystemClock(), [network("127.0.0.0/8")], 5.0)
    assert "keys" in await allowed.document(f"{honest.base}/keys")


async def test_what_all_ask_at_once_is_asked_once(api: Api, shop: Business, honest: StandIn) -> None:
    asked = honest.asked.count("discovery")
    await asyncio.gather(*(Traveller(api).set_out(shop.slug, "sso") for _ in range(20)))
    assert honest.asked.count("discovery") == asked + 1


async def test_who_is_refused_too_often_waits(provider_settings: Settings, honest: StandIn) -> None:
    settings = provider_settings.model_copy(update={"rate_limit_exempt": (), "rate_limit_sign_in": 5})
    settings = settings.model_copy(update={"bus_prefix": f"{settings.bus_prefix}-providers"})
    async with open_api(settings, SystemClock()) as api:
        traveller = Traveller(api)
        for _ in range(5):
            assert (await traveller.come_back("/auth/callback/google?state=x&code=y")).status == 400
        answer = await traveller.get("/auth/callback/google?state=x&code=y")
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)


async def test_a_ticket_to_link_is_no_journey(shop: Business, api: Api, traveller: Traveller) -> None:
    """It lies in an address: what is sealed for it is nothing where answers come back, and the other way round."""
    started = await shop.admin(
        operation("UserIdentityStartLink"),
        input={"providerSlug": "sso", "returnUrl": RETURN, "challenge": traveller.challenge},
    )
    (ticket,) = parse_qs(urlsplit(started["address"]).query)["ticket"]
    journeys = api.runtime.journeys
    for state in ("ticket:", "", "x"):
        with pytest.raises(NotLetIn):
            await journeys.come_back("x", {"state": state, "code": "y"}, {journeys.cookie_name(state): ticket})
    await traveller.set_out(shop.slug, "sso")
    (cookie,) = traveller.cookies.values()
    with pytest.raises(NotLetIn):
        await journeys.set_out_to_link(cookie)
    with pytest.raises(ProviderUnavailable):
        await journeys.ticket_to_link(decode("User", (await viewer(shop))), "other", RETURN, traveller.challenge)
    with pytest.raises(InvalidInput):
        await journeys.ticket_to_link(decode("User", (await viewer(shop))), "sso", "https://evil.example", "x" * 43)
    answer = await Traveller(api).get(f"/auth/link?ticket={ticket[:-4]}AAAA")
    assert (answer.status_code, START in answer.text) == (400, True)


async def test_with_tls_the_cookie_stays_on_it(provider_settings: Settings, api: Api) -> None:
    settings = provider_settings.model_copy(update={"public_url": "https://queue.example"})
    journeys = Journeys(settings, api.runtime.dbs)
    assert journeys.is_secure
    assert journeys.cookie_name("x").startswith("__Secure-vq_auth_")
    assert not api.runtime.journeys.is_secure


async def viewer(business: Business) -> str:
    return str((await business.admin("{ viewer { ... on User { id } } }"))["id"])
