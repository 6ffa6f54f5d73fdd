"""The whole way through each connector: arrive, wait, be released, enter, renew, leave; and what it costs to cheat."""

import asyncio

import pytest

from tests.commands.runs import free_port
from tests.connectors.serving import KINDS, Program, Sites
from tests.connectors.visiting import back_of, browser
from tests.support.api import Api, Business
from tests.support.queue_logs import events_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

STAY_SECONDS = 6


async def _site(business: Business, sites: Sites, kind: str, served: Program, **config: object) -> tuple[str, str]:
    """A queue and the origin of the site behind it."""
    port = free_port()
    values: dict[str, object] = {
        "mode": "METERED",
        "siteOrigins": [f"http://127.0.0.1:{port}"],
        "maxConcurrentUsers": 1,
    }
    queue_id = await business.queue(**(values | config))
    return queue_id, await asyncio.to_thread(sites.start, kind, served, queue_id, port)


@pytest.mark.parametrize("kind", KINDS)
async def test_arrive_wait_enter_renew_leave(
    api: Api, business: Business, served: Program, sites: Sites, kind: str
) -> None:
    queue_id, origin = await _site(business, sites, kind, served, staySeconds=STAY_SECONDS)
    async with browser(origin) as first, browser(origin) as second:
        asked = await first.get("/basket?size=3&colour=red")
        assert asked.status_code == 303
        waiting_page = asked.headers["location"]
        assert waiting_page.startswith(f"{served.url}/wait/{queue_id}?return=")
        assert back_of(waiting_page) == f"{origin}/basket?size=3&colour=red"
        assert asked.headers["cache-control"] == "no-store"
        assert (await first.http.get(waiting_page)).status_code == 200

        token = await first.join(waiting_page)
        assert token is not None, "there is room: the admission is in the join's answer"
        arrival = await first.bring(token, "/basket?size=3&colour=red")
        assert (arrival.status_code, arrival.headers["location"]) == (303, f"{origin}/basket?size=3&colour=red")
        cookie = arrival.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie)
        assert "Secure" not in cookie, "this site is not reached by https"
        page = await first.get("/basket?size=3&colour=red")
        assert page.text == f"shop GET /basket?size=3&colour=red for {first.session['id']}\n"
        assert "set-cookie" not in page.headers
        assert (await first.post("/order")).text.startswith("shop POST /order for ")

        turned_away = await second.get("/basket")
        assert turned_away.status_code == 303
        assert await second.join(turned_away.headers["location"]) is None
        assert second.session["position"] == 1
        assert (await second.get("/basket")).status_code == 303

        before = first.cookie()
        seen: list[int] = []

        async def is_renewed() -> bool:
            seen.extend(answer.status_code for answer in await asyncio.gather(*(first.get("/") for _ in range(3))))
            return first.cookie() != before

        await eventually(is_renewed)
        assert set(seen) == {200}
        assert (await first.get("/basket")).status_code == 200
        renewals = [event for event in await events_of(api, queue_id) if event.type == "SESSION_RENEWED"]
        assert len(renewals) == 1, "pages that ask for many things at once renew once"

        question = await first.get("/vq/leave")
        assert question.status_code == 200
        assert (await first.get("/basket")).status_code == 200, "asking is not leaving"
        left = await first.post("/vq/leave", origin=origin)
        assert left.status_code == 200
        assert first.cookie() is None
        assert (await first.get("/basket")).status_code == 303

        token = await second.released(turned_away.headers["location"])
        assert (await second.bring(token)).status_code == 303
        assert (await second.get("/basket")).text == f"shop GET /basket for {second.session['id']}\n"


@pytest.mark.parametrize("kind", KINDS)
async def test_open_paths_scripts_forms_and_who_asks_to_stay(
    business: Business, served: Program, sites: Sites, kind: str
) -> None:
    queue_id, origin = await _site(business, sites, kind, served)
    async with browser(origin) as visitor:
        assert (await visitor.get("/open/health")).text == "shop GET /open/health for anybody\n"
        assert (await visitor.get("/opening")).status_code == 303, "only whole parts of a path count"
        assert (await visitor.get("/open/../basket")).status_code == 303
        told = await visitor.get("/api/price", **{"sec-fetch-mode": "cors", "accept": "*/*"})
        assert told.status_code == 403
        assert told.json() == {"error": "ADMISSION_REQUIRED", "waitingPage": f"{served.url}/wait/{queue_id}"}
        sent = await visitor.post("/order")
        assert sent.status_code == 303
        assert back_of(sent.headers["location"]) == f"{origin}/order"
        assert (await visitor.post("/vq/renew", origin=origin)).status_code == 303

        await visitor.arrive()
        renewal = await visitor.post("/vq/renew", origin=origin)
        assert renewal.status_code == 200
        assert isinstance(renewal.json()["expiresAt"], int)
        assert (await visitor.post("/vq/leave", origin="https://evil.example")).status_code == 403
        assert (await visitor.get("/basket")).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_lets_one_browser_in(business: Business, served: Program, sites: Sites, kind: str) -> None:
    _, origin = await _site(business, sites, kind, served, maxConcurrentUsers=5)
    async with browser(origin) as owner, browser(origin) as thief:
        waiting_page = (await owner.get("/basket")).headers["location"]
        token = await owner.join(waiting_page)
        assert token is not None
        answers = await asyncio.gather(owner.bring(token), thief.bring(token))
        assert sorted(_kind_of(each, origin) for each in answers) == ["in", "waiting page"]
        inside, outside = (owner, thief) if owner.cookie() else (thief, owner)
        assert (await inside.get("/basket")).status_code == 200
        assert (await outside.get("/basket")).status_code == 303
        assert _kind_of(await outside.bring(token), origin) == "waiting page"
        # The ticket in the place of the cookie is not a stay.
        outside.http.cookies.set("vq_admission", token)
        assert (await outside.get("/basket")).status_code == 303
        # Whoever has the place can always come back to it: the waiting page has the token of the stay.
        assert (await owner.admission(waiting_page))["status"] == "SERVING"
        owner.http.cookies.clear()
        assert (await owner.bring(await owner.released(waiting_page))).headers["location"] == f"{origin}/basket"
        assert (await owner.get("/basket")).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
async def test_a_bound_token_is_good_for_its_address_only(
    business: Business, served: Program, sites: Sites, kind: str
) -> None:
    _, origin = await _site(business, sites, kind, served, bindAddress=True, maxConcurrentUsers=5)
    async with browser(origin) as owner, browser(origin, "127.0.0.7") as thief:
        waiting_page = (await owner.get("/basket")).headers["location"]
        token = await owner.join(waiting_page)
        assert token is not None
        assert _kind_of(await thief.bring(token), origin) == "waiting page"
        assert _kind_of(await owner.bring(token), origin) == "in", "the other's try has used nothing up"
        thief.http.cookies.set("vq_admission", owner.cookie() or "")
        assert (await thief.get("/basket")).status_code == 303
        assert (await owner.get("/basket")).status_code == 200


def _kind_of(answer: object, origin: str) -> str:
    location = answer.headers["location"]  # type: ignore[attr-defined] # an httpx.Response
    return "in" if location == f"{origin}/basket" else "waiting page" if "/wait/" in location else location
