"""A person with a browser, and a front-end that signs them in: the way to a provider and back, request by request.

Pages of ours are reached through ASGI, the provider's over the network, as a browser would: nothing is followed by
itself, and cookies are kept apart.
"""

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from tests.contract.operations import operation
from tests.providers.stand_in import CLIENT, SECRET, StandIn
from tests.support.api import Api, Business, Caller

FRONT_END = "https://shop.example"
RETURN = f"{FRONT_END}/signed-in?tab=2"


@dataclass
class Shown:
    """Where a browser has arrived: the front-end's address, or a page of ours."""

    status: int
    address: str | None = None
    body: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """Of the front-end's address."""
        assert self.address is not None, self
        return {name: values[0] for name, values in parse_qs(urlsplit(self.address).query).items()}


@dataclass
class Traveller:
    """A browser and the front-end that is open in it."""

    api: Api
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookies: dict[str, str] = field(default_factory=dict)
    # Of what our pages have set: name, and all that was said about it.
    set_cookies: list[str] = field(default_factory=list)

    @property
    def challenge(self) -> str:
        """What the front-end sends along."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    async def get(self, address: str) -> httpx.Response:
        """A page of ours, by path or whole address."""
        parts = urlsplit(address)
        header = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.api.http.get(
            f"{parts.path}?{parts.query}", headers={"cookie": header} if header else {}, follow_redirects=False
        )
        # The client is everybody's; what is kept is this browser's.
        self.api.http.cookies.clear()
        for said in answer.headers.get_list("set-cookie"):
            self.set_cookies.append(said)
            name, _, value = said.partition(";")[0].partition("=")
            if "max-age=0" in said.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    async def set_out(self, slug: str, provider: str, return_url: str = RETURN, **more: str) -> httpx.Response:
        """To the provider."""
        given = {"return": return_url, "challenge": self.challenge} | more
        return await self.get(f"/auth/{slug}/{provider}/start?{urlencode(given)}")

    async def travel(self, departure: httpx.Response, login: str | None = None) -> str:
        """From where we have sent the browser to where the provider sends it back: an address of ours."""
        assert departure.status_code == 303, departure.text
        address = departure.headers["location"]
        async with httpx.AsyncClient(trust_env=False) as browser:
            for _ in range(12):
                answer = await browser.get(address)
                if answer.is_redirect:
                    address = urljoin(address, answer.headers["location"])
                else:
                    assert login is not None, answer.text
                    address = await _submit(browser, answer, login)
                if "/auth/callback/" in address:
                    return address.partition("#")[0]
        raise AssertionError(f"never back: {address}")

    async def come_back(self, address: str) -> Shown:
        """To us, and on to the front-end."""
        answer = await self.get(address)
        if answer.status_code == 303:
            return Shown(303, answer.headers["location"])
        return Shown(answer.status_code, None, answer.text)

    async def sign_in(self, slug: str, provider: str, login: str | None = None) -> Shown:
        """All the way."""
        return await self.come_back(await self.travel(await self.set_out(slug, provider), login))

    async def exchange(self, code: str, verifier: str | None = None) -> dict[str, Any]:
        """What the front-end does with the code."""
        given = {"code": code, "verifier": verifier or self.verifier}
        answer: dict[str, Any] = await self.api.anonymous(operation("LoginExchange"), input=given)
        return answer

    async def signed_in(self, slug: str, provider: str, login: str | None = None) -> Caller:
        """Signed in, with a token."""
        shown = await self.sign_in(slug, provider, login)
        assert "code" in shown.parameters, shown
        answer = await self.exchange(shown.parameters["code"])
        assert answer["__typename"] == "LoginExchangeSuccess", answer
        return Caller(self.api, answer["accessToken"])


def refused(shown: Shown, reason: str) -> None:
    """Sent back to the front-end with a reason and nothing else."""
    assert shown.address == f"{RETURN}&error={reason}", shown


def forget(api: Api) -> None:
    """As after a while: what issuers say about themselves is asked for anew."""
    api.runtime.journeys.conversations.issuers.forget()


async def _submit(browser: httpx.AsyncClient, page: httpx.Response, login: str) -> str:
    """Fill in the form the provider shows; where it leads."""
    action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
    assert action is not None, page.text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    if 'name="login"' in page.text:
        hidden |= {"login": login, "password": "any"}
    answer = await browser.post(urljoin(str(page.url), action[1]), data=hidden)
    assert answer.is_redirect, answer.text
    return urljoin(str(answer.url), answer.headers["location"])


async def create_provider(business: Business, **values: Any) -> dict[str, Any]:
    """A provider as the API answers, which has to be a success."""
    given = {"slug": "sso", "name": "Staff account", "returnOrigins": [FRONT_END]} | values
    answer = await business.admin(operation("IdentityProviderCreate"), input=given)
    assert answer["__typename"] == "IdentityProviderCreateSuccess", answer
    made: dict[str, Any] = answer["identityProvider"]
    return made


async def believe(business: Business, stand_in: StandIn, **values: Any) -> dict[str, Any]:
    """The stand-in as a provider of the business; OpenID Connect unless it is said otherwise."""
    own = {
        "kind": "OIDC",
        "issuer": f"{stand_in.base}/oidc",
        "clientId": CLIENT,
        "clientSecret": SECRET,
    }
    made = await create_provider(business, **(values if "kind" in values else own | values))
    stand_in.redirect_uris.add(made["redirectUri"])
    return made


async def registered(
    business: Business, issuer: str, redirect_uri: Callable[[str], str] = str, **values: Any
) -> dict[str, Any]:
    """A provider of OpenID Connect at which a client has been registered, as an administrator does it."""
    made = await create_provider(
        business, kind="OIDC", issuer=issuer, clientId="to-be-registered", **({"slug": "sso"} | values)
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{issuer}/reg", json={"redirect_uris": [redirect_uri(made["redirectUri"])]})
    client = json.loads(answer.text)
    changed = await business.admin(
        operation("IdentityProviderUpdate"),
        input={
            "identityProviderId": made["id"],
            "clientId": client["client_id"],
            "clientSecret": client["client_secret"],
        },
    )
    assert changed["__typename"] == "IdentityProviderUpdateSuccess", changed
    done: dict[str, Any] = changed["identityProvider"]
    return done
