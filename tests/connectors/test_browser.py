"""The waiting room in a real browser: the page joins, waits, lets in and leaves, and everybody can use it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.commands.runs import free_port
from tests.connectors.serving import Program, Sites, needed_package
from tests.support.api import Api, Business
from tests.support.browser import Browser, Page, open_browser
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STATE = "document.querySelector('#main')?.dataset.state"
SHOP = "document.body?.innerText.startsWith('shop GET ')"


@dataclass
class Room:
    """A site with one place inside, and the browser of everybody who comes."""

    business: Business
    browser: Browser
    queue_id: str
    origin: str

    async def arrives(self, target: str = "/basket?size=3", languages: str = "en") -> Page:
        """Somebody opens the site."""
        page = await self.browser.new_page(languages)
        await page.goto(self.origin + target)
        return page

    async def waits(self, languages: str = "en") -> Page:
        """Somebody who has to wait, because somebody else is inside."""
        page = await self.arrives(languages=languages)
        await page.until(f"{STATE} === 'waiting' && document.getElementById('number').textContent")
        return page

    async def update(self, **changes: Any) -> None:
        """Staff changes the queue."""
        done = await self.business.admin(
            "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename ... on UserError { message } } }",
            i={"queueId": self.queue_id} | changes,
        )
        assert done["__typename"] == "QueueUpdateSuccess", done

    async def turn(self, verb: str) -> None:
        """Staff closes, pauses or resumes the queue."""
        done = await self.business.admin(
            f"mutation($i: Queue{verb}Input!) {{ queue{verb}(input: $i) {{ __typename }} }}",
            i={"queueId": self.queue_id},
        )
        assert done["__typename"] == f"Queue{verb}Success", done


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened


@pytest.fixture
async def room(business: Business, served: Program, sites: Sites, chromium: Browser) -> Room:
    port = free_port()
    queue_id = await business.queue(
        name="Ticket sale", mode="METERED", maxConcurrentUsers=1, siteOrigins=[f"http://127.0.0.1:{port}"]
    )
    origin = await asyncio.to_thread(sites.start, "asgi", served, queue_id, port)
    return Room(business, chromium, queue_id, origin)


async def test_from_the_site_through_the_page_and_back(room: Room) -> None:
    first = await room.arrives()
    await first.until(SHOP)
    assert await first.run("location.href") == f"{room.origin}/basket?size=3", "no token is left in the address"
    assert await first.run("document.cookie") == "", "no script reads the admission"

    second = await room.waits()
    assert await second.run("document.getElementById('ahead').textContent") == "0"
    ticket = await second.run("document.getElementById('number').textContent")
    third = await room.waits()
    assert await third.run("document.getElementById('ahead').textContent") == "1"
    assert await third.run("document.title") == "(1) You are in line – Ticket sale"
    assert await third.run("document.getElementById('live').textContent") == "You are in line."

    await second.send("Page.reload")
    await second.until(f"{STATE} === 'waiting' && document.getElementById('number').textContent === '{ticket}'")
    assert await second.run("document.getElementById('ahead').textContent") == "0", "a reload costs no place"

    await first.goto(f"{room.origin}/vq/leave")
    await first.until("document.querySelector('button') !== null")
    await first.click("button")
    await first.until("document.querySelector('h1')?.textContent === 'You have left'")
    await second.until(SHOP)
    await third.until("document.getElementById('ahead')?.textContent === '0'")
    assert await third.run("document.getElementById('progress').value") == 100

    await third.click("#leave")
    await third.until(f"{STATE} === 'over'")
    assert third.dialogs == ["Leave the line? Your place goes to the next person."]
    assert await third.run("document.querySelector('h1').textContent") == "You have left the line"
    await third.click("#again")
    await third.until(f"{STATE} === 'waiting'")
    assert first.problems + second.problems + third.problems == []


async def test_nobody_is_sent_to_a_site_the_queue_does_not_know(room: Room, served: Program) -> None:
    for target in ("https://evil.example/", "javascript:alert(1)", f"{room.origin}.evil.example/", "//evil.example"):
        page = await room.browser.new_page()
        await page.goto(f"{served.url}/wait/{room.queue_id}?return={target}")
        # The first has the only place; whoever comes later waits for it.
        shown = await page.until(f"{STATE} !== 'joining' && document.querySelector('h1').textContent")
        if shown == "It is your turn":
            assert "does not belong to this queue" in await page.run("document.getElementById('message').textContent")
            assert await page.run("document.getElementById('enter').hidden")
            await page.click("#leave")
            await page.until(f"{STATE} === 'over'")
        assert (await page.run("location.href")).startswith(f"{served.url}/wait/")
        assert page.dialogs in ([], ["Leave the line? Your place goes to the next person."])


async def test_the_service_is_killed_under_the_page(
    business: Business, mortal: Program, sites: Sites, chromium: Browser
) -> None:
    port = free_port()
    queue_id = await business.queue(mode="METERED", maxConcurrentUsers=1, siteOrigins=[f"http://127.0.0.1:{port}"])
    origin = await asyncio.to_thread(sites.start, "asgi", mortal, queue_id, port)
    room = Room(business, chromium, queue_id, origin)
    await (await room.arrives()).until(SHOP)
    page = await room.waits()
    ticket = await page.run("document.getElementById('number').textContent")
    mortal.kill()
    await page.until("!document.getElementById('trouble').hidden")
    said = await page.run("document.getElementById('trouble').textContent")
    assert said == "Connection lost, trying again … Your place is kept."
    assert await page.run("document.getElementById('live').textContent") == said
    await asyncio.to_thread(mortal.start)
    await page.until("document.getElementById('trouble').hidden")
    assert await page.run(STATE) == "waiting"
    assert await page.run("document.getElementById('number').textContent") == ticket


async def test_what_the_queue_says_is_shown(room: Room, api: Api) -> None:
    await room.update(announcement="Doors open at 9", refusalMessage="We are painting the walls.", capacity=1)
    await (await room.arrives()).until(SHOP)
    waiting = await room.waits()
    assert await waiting.run("document.getElementById('announcement').textContent") == "Doors open at 9"
    for verb, heading in (("Pause", "The line is paused"), ("Resume", "You are in line")):
        await room.turn(verb)
        await waiting.until(f"document.querySelector('h1').textContent === '{heading}'")
    full = await room.arrives()
    await full.until(f"{STATE} === 'full'")
    assert await full.run("document.querySelector('h1').textContent") == "The line is full"
    await room.turn("Close")
    late = await room.arrives()
    await late.until(f"{STATE} === 'closed'")
    assert "We are painting the walls." in await late.run("document.getElementById('message').textContent")


async def test_an_invitation_is_asked_for(room: Room) -> None:
    await room.update(invitedOnly=True, refusalMessage="Members come first.")
    made = await room.business.admin(
        "mutation($i: AccessCodeCreateInput!) { accessCodeCreate(input: $i) {"
        " ... on AccessCodeCreateSuccess { codes { code } } ... on UserError { message } } }",
        i={"queueId": room.queue_id, "kind": "INVITE", "count": 1},
    )
    page = await room.arrives()
    await page.until(f"{STATE} === 'refused' && !document.getElementById('code-form').hidden")
    assert await page.run("document.getElementById('message').textContent") == "Members come first."
    for given in ("AAAAA-AAAAA-AAAAA-AAAAA", made["codes"][0]["code"]):
        await page.run(f"document.getElementById('code').value = '{given}'; void 0")
        await page.click("#code-form button")
        if given.startswith("AAAAA"):
            await page.until("document.getElementById('message').textContent === 'This code cannot be used here.'")
    await page.until(SHOP)
    assert page.problems == []


@pytest.mark.parametrize(
    ("languages", "lang", "heading"), [("en", "en", "You are in line"), ("ar", "ar", "أنت في الطابور")]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(room: Room, languages: str, lang: str, heading: str, scheme: str) -> None:
    axe = (needed_package("axe-core") / "axe.min.js").read_text()
    await (await room.arrives()).until(SHOP)
    page = await room.waits(languages)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    await page.send("Emulation.setEmulatedMedia", features=features)
    assert await page.run("document.documentElement.lang") == lang
    assert await page.run("document.querySelector('h1').textContent") == heading
    await page.send("Runtime.evaluate", expression=axe)
    found = await page.run(
        f"axe.run({{runOnly: {RULES}}}).then(found => found.violations.map(each =>"
        " each.id + ': ' + each.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | ')))"
    )
    assert found == []
    style = "getComputedStyle(document.getElementById('progress'), '::-webkit-progress-value')"
    assert await page.run(f"{style}.transitionDuration") in ("0s", "")
    # By keyboard alone: the button in the page comes before the languages.
    await page.send("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert await page.run("document.activeElement.id") == "leave"
    assert await page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await eventually(lambda: page.problems == [])
