"""Signing in in a real browser: from a front-end of another origin to a real OpenID provider's pages, and back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from app.settings import Settings
from tests.connectors.serving import Program, api_program, running
from tests.providers.journey import registered
from tests.support.api import Api, Business
from tests.support.browser import Browser, Page, open_browser
from tests.support.real_server import real_server

pytestmark = pytest.mark.processes

# What any front-end does: a verifier of its own, the button's address, and the code exchanged at once.
_FRONT_END = """<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1><button id="sign-in">Sign in</button>
<p id="who"></p><script type="module">
const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const ask = async (query, variables, token) => {
  const headers = {"content-type": "application/json", ...(token ? {authorization: `Bearer ${token}`} : {})};
  const answer = await fetch("API/graphql", {method: "POST", headers, body: JSON.stringify({query, variables})});
  return (await answer.json()).data;
};
document.getElementById("sign-in").onclick = async () => {
  const verifier = base64(crypto.getRandomValues(new Uint8Array(32)));
  sessionStorage.setItem("verifier", verifier);
  const challenge = base64(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const {loginProviders: [button]} = await ask(
    "query($s: String!) { loginProviders(tenantSlug: $s) { startUrl } }", {s: "SLUG"});
  location.href = `${button.startUrl}?${new URLSearchParams({return: location.href, challenge})}`;
};
const code = new URLSearchParams(location.search).get("code");
if (code) {
  history.replaceState(null, "", "/");
  const {loginExchange: login} = await ask(
    `mutation($i: LoginExchangeInput!) { loginExchange(input: $i) {
      __typename ... on LoginExchangeSuccess { accessToken } ... on UserError { message } } }`,
    {i: {code, verifier: sessionStorage.getItem("verifier")}});
  const shown = login.accessToken &&
    await ask("{ viewer { ... on User { email role } } }", {}, login.accessToken);
  document.getElementById("who").textContent = shown ? `${shown.viewer.email} ${shown.viewer.role}` : login.message;
}
</script>"""


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
async def served(provider_settings: Settings, stack: ExitStack, tmp_path: Path) -> tuple[Program, list[str], str]:
    """`vq serve` as an operator runs it, and a front-end of another origin; `page` is what that serves."""
    page = [""]
    front_end = Starlette(routes=[Route("/", lambda request: HTMLResponse(page[0]))])
    origin = f"http://127.0.0.1:{stack.enter_context(real_server(front_end)).port}"
    program = api_program(provider_settings, tmp_path)
    program.settings = dict(program.settings) | {
        "VQ_OUTBOUND_NETWORKS": "127.0.0.0/8",
        "VQ_CORS_ORIGINS": origin,
        "VQ_RATE_LIMIT_EXEMPT": "127.0.0.0/8",
    }
    await asyncio.to_thread(stack.enter_context, running(program))
    return program, page, origin


async def fill_in(page: Page, login: str) -> None:
    """The provider's own pages: who one is, then that we may know."""
    await page.until("document.querySelector('[name=login]') !== null")
    await page.run(f"document.querySelector('[name=login]').value = '{login}'")
    await page.run("document.querySelector('[name=password]').value = 'any'")
    await page.click("[type=submit]")
    await page.until(
        "document.querySelector('[name=login]') === null && document.querySelector('[type=submit]') !== null"
    )
    await page.click("[type=submit]")


async def test_from_the_button_and_back(
    api: Api, business: Business, op: str, chromium: Browser, served: tuple[Program, list[str], str]
) -> None:
    program, source, origin = served
    source[0] = _FRONT_END.replace("API", program.url).replace("SLUG", business.slug)
    rules = [{"claim": "groups", "value": "queue-managers", "role": "MANAGER"}]
    # The administrator asks the very process for the address to register.
    base = api.runtime.settings.base_url
    made = await registered(
        business,
        op,
        redirect_uri=lambda uri: uri.replace(base, program.url),
        scopes=["groups"],
        roleRules=rules,
        rolesFollow=True,
    )
    page = await chromium.new_page()
    await page.goto(f"{origin}/")
    await page.until("document.querySelector('#sign-in') !== null")
    await page.click("#sign-in")
    await fill_in(page, "anna")
    assert await page.until("document.querySelector('#who')?.textContent") == "anna@staff.example MANAGER"
    assert await page.run("location.href") == f"{origin}/", "the code is not left in the address"
    # The provider's pages want letters from elsewhere.
    assert [problem for problem in page.problems if program.url in problem] == []

    # The second time the provider knows the browser, and asks nothing.
    await page.run("document.querySelector('#who').textContent = ''")
    await page.click("#sign-in")
    assert await page.until("document.querySelector('#who')?.textContent") == "anna@staff.example MANAGER"

    # Somebody else, in a browser of their own, whom the rules give nothing.
    other = await chromium.new_page()
    await other.goto(f"{origin}/")
    await other.until("document.querySelector('#sign-in') !== null")
    await other.click("#sign-in")
    await fill_in(other, "ben")
    await other.until("location.search === '?error=no_role'")

    # And the address of an answer, opened where nothing was begun.
    stranger = await chromium.new_page()
    await stranger.goto(f"{program.url}/auth/callback/{made['id']}?state=stolen&code=stolen")
    await stranger.until("document.querySelector('h1')?.textContent === 'You are not signed in'")
    assert await stranger.run("document.body.innerText.includes('begun in another browser')")
