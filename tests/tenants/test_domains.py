"""A tenant's own domain: whose it is is proved by the DNS, and then the address says which tenant is meant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.core.clock import SystemClock
from app.settings import Settings, SettingsError, load_settings
from app.tenants.rules import domain_of_host
from tests.contract.operations import operation
from tests.support.api import PASSWORD, Api, Business, Caller, GraphQLFailed, new_app
from tests.support.dns_server import Names, name_server
from tests.support.holdings import platform
from tests.support.ws_client import ws_client

OWN_HOST = "queue.platform.example"
LOGIN = "mutation($i: UserLoginInput!) { userLogin(input: $i) { __typename ... on UserLoginSuccess { accessToken } } }"
BUTTONS = "{ loginProviders { name } }"
QUEUE = "query($s: String!) { queueBySlug(slug: $s) { id } }"
HERE = "{ tenant { slug domain } }"


@dataclass(frozen=True)
class Place:
    """An application that asks a name server of ours."""

    api: Api
    names: Names

    @asynccontextmanager
    async def at(self, host: str) -> AsyncIterator[Api]:
        """The same application, by another address."""
        transport = httpx.ASGITransport(self.api.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
            yield Api(self.api.app, http)


@pytest.fixture(scope="module")
async def place(migrated_settings: Settings) -> AsyncIterator[Place]:
    async with name_server() as names:
        changes = {"dns_servers": (names.server,), "public_url": f"https://{OWN_HOST}"}
        app = new_app(migrated_settings.model_copy(update=changes), SystemClock())
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=f"http://{OWN_HOST}") as http,
        ):
            yield Place(Api(app, http), names)


def new_domain() -> str:
    return f"queue.{uuid4().hex[:12]}.example"


async def do(caller: Caller, action: str, domain: str) -> dict[str, Any]:
    answer: dict[str, Any] = await caller(operation(f"TenantDomain{action}"), input={"domain": domain})
    return answer


async def verified(place: Place, business: Business) -> str:
    """A domain that has become the business's."""
    domain = new_domain()
    claim = (await do(business.admin, "Claim", domain))["tenant"]["domainClaim"]
    place.names.records[claim["recordName"]] = [claim["recordValue"]]
    assert (await do(business.admin, "Verify", domain))["__typename"] == "TenantDomainVerifySuccess"
    return domain


async def code(caller: Caller, document: str, **variables: Any) -> str | None:
    try:
        await caller(document, **variables)
    except GraphQLFailed as failure:
        return str(failure.code)
    return None


async def test_a_domain_from_its_claim_to_its_end(place: Place) -> None:
    business = await place.api.new_business()
    domain = new_domain()
    claimed = (await do(business.admin, "Claim", f" {domain.upper()} "))["tenant"]
    claim = claimed["domainClaim"]
    assert (claimed["domain"], claim["domain"], claim["recordName"]) == (None, domain, f"_virtual-queue.{domain}")
    assert (await do(business.admin, "Claim", domain))["tenant"] == claimed
    # Nothing yet, something else, and at last what was asked for, among others.
    missing = await do(business.admin, "Verify", domain)
    assert (missing["__typename"], missing["found"]) == ("DomainNotVerifiedError", [])
    assert (missing["recordName"], missing["recordValue"]) == (claim["recordName"], claim["recordValue"])
    place.names.records[claim["recordName"]] = [f"{claim['recordValue']}x", "v=spf1 -all"]
    other = await do(business.admin, "Verify", domain)
    assert sorted(other["found"]) == sorted(place.names.records[claim["recordName"]])
    async with place.at(domain) as there:
        assert await there.anonymous(HERE) is None
    place.names.records[claim["recordName"]].append(claim["recordValue"])
    done = (await do(business.admin, "Verify", domain))["tenant"]
    assert (done["domain"], done["domainClaim"]) == (domain, None)
    asked = len(place.names.asked)
    assert (await do(business.admin, "Verify", domain))["tenant"] == done
    assert len(place.names.asked) == asked
    async with place.at(domain) as there:
        assert await there.anonymous(HERE) == {"slug": business.slug, "domain": domain}
        gone = (await do(business.admin, "Remove", domain))["tenant"]
        assert gone["domain"] is None
        assert await there.anonymous(HERE) is None
    again = await do(business.admin, "Verify", domain)
    assert again["__typename"] == "DomainNotClaimedError"


async def test_what_is_public_needs_no_slug_there(place: Place) -> None:
    business, other = await place.api.new_business(), await place.api.new_business()
    slug, email = f"q-{uuid4().hex[:8]}", f"admin@{business.slug}.example"
    queue_id = await business.queue(slug=slug)
    await other.queue(slug=slug)
    for each, name in ((business, "Ours"), (other, "Theirs")):
        google = {"slug": "sso", "name": name, "kind": "GOOGLE", "clientId": "id", "clientSecret": "secret"}
        made = await each.admin(operation("IdentityProviderCreate"), input=google)
        assert made["__typename"] == "IdentityProviderCreateSuccess", made
    domain = await verified(place, business)
    for host in (domain, f"{domain}:8443", domain.upper(), f"{domain}."):
        async with place.at(host) as there:
            assert (await there.anonymous(QUEUE, s=slug))["id"] == queue_id, host
            signed_in = await there.anonymous(LOGIN, i={"email": email, "password": PASSWORD})
            assert signed_in["__typename"] == "UserLoginSuccess", host
            assert await there.anonymous(BUTTONS) == [{"name": "Ours"}], host
            # The slug goes before the address, and the address before the token.
            assert (await there.anonymous("query($s: String!) { tenant(slug: $s) { slug } }", s=other.slug)) == {
                "slug": other.slug
            }
            assert (await Caller(there, other.admin.token)(HERE))["slug"] == business.slug
    async with ws_client(place.api.app, None, headers={"host": domain}) as socket:
        assert (await (await socket.subscribe(QUEUE, {"s": slug})).item())["id"] == queue_id
    # Somewhere else the token says it, and strangers are nobody's.
    assert (await business.admin(HERE))["slug"] == business.slug
    assert (await business.admin(QUEUE, s=slug))["id"] == queue_id
    assert await other.admin(BUTTONS) == [{"name": "Theirs"}]
    assert await place.api.anonymous(HERE) is None
    assert await place.api.anonymous(BUTTONS) == []
    assert await place.api.anonymous(QUEUE, s=slug) is None
    refused = await place.api.anonymous(LOGIN, i={"email": email, "password": PASSWORD})
    assert refused["__typename"] == "InvalidCredentialsError"


async def test_an_address_permits_nothing(place: Place) -> None:
    business, other = await place.api.new_business(), await place.api.new_business()
    domain = await verified(place, business)
    async with place.at(domain) as there:
        stranger = Caller(there, other.admin.token)
        assert await stranger("{ tenant { slug settings { timeZone } usage { staff } } }") == {
            "slug": business.slug,
            "settings": None,
            "usage": None,
        }
        listed = await stranger("{ users(first: 5) { edges { node { email } } } }")
        assert [edge["node"]["email"] for edge in listed["edges"]] == [f"admin@{other.slug}.example"]


async def test_a_suspended_business_is_not_served_at_its_domain(place: Place) -> None:
    business = await place.api.new_business()
    slug = f"q-{uuid4().hex[:8]}"
    await business.queue(slug=slug)
    domain = await verified(place, business)
    tenant = await business.admin("{ tenant { id } }")
    operator = await platform(place.api)
    suspended = await operator(
        "mutation($i: TenantSuspendInput!) { tenantSuspend(input: $i) { __typename } }", i={"tenantId": tenant["id"]}
    )
    assert suspended["__typename"] == "TenantSuspendSuccess"
    async with place.at(domain) as there:
        assert await there.anonymous("{ tenant { status } }") == {"status": "SUSPENDED"}
        assert await code(there.anonymous, QUEUE, s=slug) == "FORBIDDEN"
        refused = await there.anonymous(LOGIN, i={"email": f"admin@{business.slug}.example", "password": PASSWORD})
        assert refused["__typename"] == "InvalidCredentialsError"


async def test_whoever_can_publish_the_record_has_the_domain(place: Place) -> None:
    squatter, owner = await place.api.new_business(), await place.api.new_business()
    domain = new_domain()
    theirs = (await do(squatter.admin, "Claim", domain))["tenant"]["domainClaim"]
    mine = (await do(owner.admin, "Claim", domain))["tenant"]["domainClaim"]
    assert theirs["recordValue"] != mine["recordValue"]
    place.names.records[mine["recordName"]] = [mine["recordValue"]]
    assert (await do(squatter.admin, "Verify", domain))["__typename"] == "DomainNotVerifiedError"
    assert (await do(owner.admin, "Verify", domain))["__typename"] == "TenantDomainVerifySuccess"
    # One that is taken stays its owner's even if another one's record stands there.
    place.names.records[mine["recordName"]].append(theirs["recordValue"])
    taken = await do(squatter.admin, "Verify", domain)
    assert (taken["__typename"], taken["domain"]) == ("DomainTakenError", domain)
    async with place.at(domain) as there:
        assert (await there.anonymous(HERE))["slug"] == owner.slug


async def test_two_who_verify_at_once_and_one_who_claims_another_meanwhile(place: Place) -> None:
    business = await place.api.new_business()
    domain = new_domain()
    claim = (await do(business.admin, "Claim", domain))["tenant"]["domainClaim"]
    place.names.records[claim["recordName"]] = [claim["recordValue"]]
    answers = await asyncio.gather(*[do(business.admin, "Verify", domain) for _ in range(4)])
    kinds = {answer["__typename"] for answer in answers}
    assert "TenantDomainVerifySuccess" in kinds
    # Whoever looked while it was claimed and came when it was not any more.
    assert kinds <= {"TenantDomainVerifySuccess", "DomainNotClaimedError"}
    second = new_domain()
    first_claim = (await do(business.admin, "Claim", second))["tenant"]
    assert (first_claim["domain"], first_claim["domainClaim"]["domain"]) == (domain, second)
    third = (await do(business.admin, "Claim", new_domain()))["tenant"]["domainClaim"]
    assert third["domain"] != second
    assert (await do(business.admin, "Verify", second))["__typename"] == "DomainNotClaimedError"


@pytest.mark.parametrize(
    "domain", ["", "shop", "https://shop.example", "shop.example/x", "-x.example", "10.0.0.1:80", "x" * 254, OWN_HOST]
)
async def test_what_cannot_be_a_tenants_domain(place: Place, domain: str) -> None:
    business = await place.api.new_business()
    refused = await do(business.admin, "Claim", domain)
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "domain")
    assert (await business.admin("{ tenant { domainClaim { domain } } }"))["domainClaim"] is None


async def test_the_platform_needs_no_record(place: Place) -> None:
    business, other = await place.api.new_business(), await place.api.new_business()
    operator = await platform(place.api)
    domain = new_domain()
    tenant_id = (await business.admin("{ tenant { id } }"))["id"]
    update = "mutation($i: TenantUpdateInput!) { tenantUpdate(input: $i) { __typename } }"
    assert (await operator(update, i={"tenantId": tenant_id, "domain": domain}))["__typename"] == "TenantUpdateSuccess"
    async with place.at(domain) as there:
        assert (await there.anonymous(HERE))["slug"] == business.slug
    assert await code(business.admin, update, i={"tenantId": tenant_id, "domain": new_domain()}) == "FORBIDDEN"
    # Nobody but its own people gives it up.
    assert (await do(other.admin, "Remove", domain))["__typename"] == "DomainNotClaimedError"
    assert (await do(business.admin, "Remove", domain))["__typename"] == "TenantDomainRemoveSuccess"


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (None, None),
        ("", None),
        ("localhost:8000", None),
        ("[::1]:8000", None),
        ("queue.shop.example", "queue.shop.example"),
        ("Queue.Shop.Example.:443", "queue.shop.example"),
        ("queue.shop.example:443:1", None),
        ("queue.shop.example/..", None),
        ("queue.shop.example@evil", None),
        ("\x00.example", None),
        ("x." * 130 + "example", None),
    ],
)
def test_what_a_host_header_names(host: str | None, domain: str | None) -> None:
    assert domain_of_host(host) == domain


@pytest.mark.parametrize("value", ["ns.example.com", "10.0.0.1:99999", "10.0.0.256", "http://10.0.0.1"])
def test_a_name_server_is_named_by_its_address(value: str) -> None:
    with pytest.raises(SettingsError, match="VQ_DNS_SERVERS"):
        load_settings(dns_servers=value)
