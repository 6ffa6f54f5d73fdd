"""Our service is killed: what each connector does then, as declared, and that it comes back by itself."""

import asyncio
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.commands.runs import free_port
from tests.connectors.serving import KINDS, Program, Sites, api_program
from tests.connectors.visiting import browser
from tests.support.api import Business
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_nobody_could_read_does_not_stay_in_the_address(
    migrated_settings: Settings, sites: Sites, tmp_path: Path, kind: str
) -> None:
    """The site has started while the service was away, and fails open."""
    never_started, port = api_program(migrated_settings, tmp_path), free_port()
    await asyncio.to_thread(sites.start, kind, never_started, "queue", port, "FAIL_OPEN")
    header = urlsafe_b64encode(b'{"alg":"RS256","typ":"admission+jwt","kid":"key"}').rstrip(b"=").decode()
    async with browser(f"http://127.0.0.1:{port}") as visitor:
        answer = await visitor.bring(f"{header}.e30.AAAA", "/basket?a=1")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{visitor.origin}/basket?a=1")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert (await visitor.get("/basket?a=1")).text == "shop GET /basket?a=1 for anybody\n"


async def _sites(business: Business, sites: Sites, kind: str, api: Program) -> dict[str, str]:
    """Three sites of one kind: open and closed by their own option, and open because their queue says so."""
    origins = {}
    for name, mode, config in (
        ("open", "FAIL_OPEN", {}),
        ("closed", "FAIL_CLOSED", {"failureMode": "FAIL_OPEN"}),
        ("as the queue says", "QUEUE", {"failureMode": "FAIL_OPEN"}),
    ):
        port = free_port()
        given: dict[str, Any] = {"mode": "METERED", "siteOrigins": [f"http://127.0.0.1:{port}"], **config}
        queue_id = await business.queue(**given)
        origins[name] = await asyncio.to_thread(sites.start, kind, api, queue_id, port, mode)
    return origins


@pytest.mark.parametrize("kind", KINDS)
async def test_declared_behaviour_while_the_service_is_away(
    business: Business, mortal: Program, sites: Sites, kind: str
) -> None:
    origins = await _sites(business, sites, kind, mortal)
    async with (
        browser(origins["open"]) as open_in, browser(origins["open"]) as open_late,
        browser(origins["open"]) as open_new, browser(origins["closed"]) as closed_in,
        browser(origins["closed"]) as closed_late, browser(origins["closed"]) as closed_new,
        browser(origins["as the queue says"]) as queue_in, browser(origins["as the queue says"]) as queue_new,
    ):  # fmt: skip
        for inside in (open_in, closed_in, queue_in):
            assert (await inside.arrive()).status_code == 303
            assert (await inside.get("/basket")).status_code == 200
        tickets = {}
        for late in (open_late, closed_late):
            waiting_page = (await late.get("/basket")).headers["location"]
            tickets[late] = await late.join(waiting_page)
            assert tickets[late] is not None

        mortal.kill()

        for inside in (open_in, closed_in, queue_in):
            assert (await inside.get("/basket")).text.endswith(f" for {inside.session['id']}\n"), "inside stays inside"
        for new in (open_new, queue_new):

            async def passes(new: Any = new) -> bool:
                return bool((await new.get("/basket")).text == "shop GET /basket for anybody\n")

            await eventually(passes)

        async def is_closed() -> bool:
            return (await closed_new.get("/basket")).status_code == 503

        await eventually(is_closed)
        refused = await closed_new.get("/basket")
        assert int(refused.headers["retry-after"]) >= 1
        assert "set-cookie" not in refused.headers

        closed_arrival = await closed_late.bring(tickets[closed_late] or "")
        assert closed_arrival.status_code == 503
        assert closed_late.cookie() is None
        open_arrival = await open_late.bring(tickets[open_late] or "")
        assert (open_arrival.status_code, open_arrival.headers["location"]) == (303, f"{open_late.origin}/basket")
        assert (await open_late.get("/basket")).status_code == 200

        await asyncio.to_thread(mortal.start)

        async def is_sent_to_wait() -> bool:
            answers = [await each.get("/basket") for each in (open_new, closed_new, queue_new)]
            return [each.status_code for each in answers] == [303, 303, 303]

        await eventually(is_sent_to_wait)
        for late in (open_late, closed_late):

            async def is_in(late: Any = late) -> bool:
                await late.bring(tickets[late] or "") if late.cookie() is None else await late.get("/basket")
                return bool((await late.get("/basket")).text == f"shop GET /basket for {late.session['id']}\n")

            await eventually(is_in)
            assert (await late.admission(mortal.url + "/wait/x"))["status"] == "SERVING", "entered after all"
