"""Ten minutes of the day played through the whole application, over a wire that may lie."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.replay.cli import main, run
from app.replay.client import ApiError, Client
from app.replay.log import LogEvent
from app.replay.operations import Api, Login
from app.replay.options import Options, parse
from app.replay.plan import Plan, make_plan
from app.replay.recorded import credits_of, day_of, read_queue
from app.replay.source import SAMPLE, read_day
from tests.replay.listening import listening
from tests.support.api import PASSWORD, Business
from tests.support.api import Api as Application

_, CALLS = read_day(SAMPLE, None)
TEN = 36_000.0
SPEED = 600.0
BUSY_MESSAGES = 40


@dataclass
class Wire:
    """Stands between the replay and the application, and may tamper with what visitors are sent."""

    app: ASGIApp
    lie: tuple[str, str] | None = None
    """What to look for in a websocket message, and what to make of it; once."""
    cut_after: int | None = None
    """Close the socket of the queue's feed after so many messages, as a server does that is deployed anew; once."""
    sent: int = 0
    busy: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when many messages have been sent, so that the day is in full swing."""
    told: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tampered(message: Message) -> None:
            if message["type"] == "websocket.send":
                message = self._lied(message)
                self.sent += 1
                if self.sent == BUSY_MESSAGES:
                    self.busy.set()
                # That feed lasts as long as the run; a visitor's might have been about to end by itself.
                if self.cut_after is not None and self.sent > self.cut_after and "queueChanged" in message["text"]:
                    self.cut_after = None
                    await send({"type": "websocket.close", "code": 1012, "reason": "deploying"})
                    return
            await send(message)

        # Frames that are written past `send` would go past the lie as well.
        scope = {**scope, "extensions": {}} if scope["type"] == "websocket" else scope
        await self.app(scope, receive, tampered)

    def _lied(self, message: Message) -> Message:
        if self.lie is None or self.told:
            return message
        pattern, replacement = self.lie
        text, count = re.subn(pattern, replacement, message.get("text") or "", count=1)
        self.told = count > 0
        return {**message, "text": text} if count else message


@pytest_asyncio.fixture
async def wire(api: Application) -> AsyncIterator[tuple[Wire, str]]:
    wire = Wire(api.app)
    async with listening(wire) as url:
        yield wire, url


def options(business: Business, url: str, tmp_path: Path, *more: str) -> Options:
    who = ["--tenant", business.slug, "--email", f"admin@{business.slug}.example", "--password", PASSWORD]
    files = ["--json", str(tmp_path / "day.json"), "--picture", str(tmp_path / "day.svg")]
    return parse([*who, *files, "--url", url, "--speed", str(SPEED), *more])


def ten_minutes() -> Plan:
    """A busy ten minutes; services are cut short, because the test ends with the last of them."""
    plan = make_plan(CALLS, begins=TEN, limit=600)
    visitors = tuple(replace(visitor, service_seconds=min(visitor.service_seconds, 300)) for visitor in plan.visitors)
    return replace(plan, visitors=visitors)


QUEUES = "query { queues(first: 10, filter: { includeArchived: true }) { edges { node { id slug status revision } } } }"


async def queues(business: Business) -> list[dict[str, Any]]:
    answer = await business.admin(QUEUES)
    return [edge["node"] for edge in answer["edges"]]


async def test_a_part_of_the_day_is_played_checked_and_tidied_up(
    wire: tuple[Wire, str], business: Business, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ten_minutes()
    assert await run(options(business, wire[1], tmp_path), "1999-08-02", plan) == 0
    figures = json.loads((tmp_path / "day.json").read_text())
    assert figures["joined"] == len(plan.visitors) == 23
    assert figures["served"] + figures["abandoned"] == 23
    assert figures["on_their_way"] == figures["stuck_feeds"] == figures["unwatched"] == figures["reconnects"] == 0
    assert figures["broken"]
    assert not any(figures["broken"].values())
    # Everybody is shown at least joining, being called, being served and the end.
    assert figures["updates"] >= 4 * figures["served"] + 2 * figures["abandoned"]
    assert (tmp_path / "day.svg").read_text().startswith("<svg")
    report = capsys.readouterr().out
    assert "All invariants hold." in report
    (queue,) = await queues(business)
    assert queue["status"] == "ARCHIVED"
    await its_log_is_a_day(business, wire[1], tmp_path, queue["slug"], figures)


async def its_log_is_a_day(business: Business, url: str, tmp_path: Path, slug: str, figures: dict[str, Any]) -> None:
    """What was played can be played again, from what the server wrote down of it; and is, at the speed it had."""
    given = options(business, url, tmp_path, "--from-log", slug)
    async with Client(url) as client:
        api = Api(client)
        who = given.credentials
        admin = Login(api, who.tenant, who.email, who.password)
        events = await read_queue(api, admin, slug)
        same = await read_queue(api, admin, await _id_of(business, slug))
        assert events == same
        with pytest.raises(ApiError, match="Queue"):
            await read_queue(api, admin, "no-such-queue")
    # A plan made of it needs whole seconds: the test's day took less than two.
    day, calls = day_of(_stretched(events), slug, None)
    assert len(calls) == figures["joined"]
    assert sum(call.agent is not None for call in calls) == figures["served"]
    assert sum(call.abandoned for call in calls) == figures["abandoned"]
    assert credits_of(events) == pytest.approx({2: 90 / SPEED}, abs=0.001)
    again = make_plan(calls, credits={2: 90.0})
    assert await run(given, str(day), again) == 0
    figures = json.loads((tmp_path / "day.json").read_text())
    assert figures["joined"] == len(calls)
    assert not any(figures["broken"].values())
    assert slug in (tmp_path / "day.svg").read_text()


def _stretched(events: list[LogEvent]) -> list[LogEvent]:
    """As long as the day was that was played."""
    first = events[0].occurred_at
    begin = first.replace(hour=9, minute=0, second=0)
    return [replace(event, occurred_at=begin + (event.occurred_at - first) * SPEED) for event in events]


async def _id_of(business: Business, slug: str) -> str:
    (found,) = [queue for queue in await queues(business) if queue["slug"] == slug]
    return str(found["id"])


async def test_a_wire_that_tells_a_wrong_place_is_found_out(
    wire: tuple[Wire, str], business: Business, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wire[0].lie = (r'"position":1,"aheadCount":0', '"position":2,"aheadCount":1')
    assert await run(options(business, wire[1], tmp_path), "1999-08-02", ten_minutes()) == 1
    assert wire[0].told
    assert "INVARIANTS ARE BROKEN: feeds_tell_the_truth" in capsys.readouterr().out


async def test_a_wire_that_leaves_out_an_event_is_found_out(
    wire: tuple[Wire, str], business: Business, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wire[0].lie = (r'"type":"SESSION_STARTED"', '"type":"SESSION_RECALLED"')
    assert await run(options(business, wire[1], tmp_path), "1999-08-02", ten_minutes()) == 1
    assert wire[0].told
    assert "steps_legal" in capsys.readouterr().out.splitlines()[-3]


async def test_a_socket_that_breaks_comes_back_and_nothing_is_missed(
    wire: tuple[Wire, str], business: Business, tmp_path: Path
) -> None:
    wire[0].cut_after = 60
    assert await run(options(business, wire[1], tmp_path), "1999-08-02", ten_minutes()) == 0
    # Once, or again where coming back took too long for the machine's other work.
    assert json.loads((tmp_path / "day.json").read_text())["reconnects"] >= 1


async def test_ctrl_c_tidies_up_and_reports_what_was_played(
    wire: tuple[Wire, str], business: Business, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    playing = asyncio.create_task(run(options(business, wire[1], tmp_path), "1999-08-02", ten_minutes()))
    async with asyncio.timeout(20):
        await wire[0].busy.wait()
    signal.raise_signal(signal.SIGINT)
    assert await playing == 130
    report = capsys.readouterr().out
    assert "stopped early: stopped by hand" in report
    assert "not tidied up" not in report
    assert json.loads((tmp_path / "day.json").read_text())["finished"] is False
    (queue,) = await queues(business)
    assert queue["status"] == "ARCHIVED"


async def test_a_wrong_password_is_said(wire: tuple[Wire, str], business: Business, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="userLogin was refused: InvalidCredentialsError"):
        await run(options(business, wire[1], tmp_path, "--password", "wrong one"), "1999-08-02", ten_minutes())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://127.0.0.1:9/graphql"], "http://127.0.0.1:9/graphql does not answer"),
        (["--url", "nowhere"], "is not a URL of a server"),
        (["missing.csv"], "missing.csv: No such file"),
        (["--day", "1999-08-03"], "no calls on 1999-08-03"),
        (["--from", "03:00", "--to", "04:00"], "nobody joins"),
        (["--picture", "no/such/place.svg"], "there is no directory no/such"),
    ],
)
def test_what_cannot_be_played_is_one_line_and_exit_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vq replay: ")
    assert said in line


@pytest.mark.parametrize("arguments", [["--speed", "0"], ["--speed", "fast"], ["--from", "25:00"], ["--day", "Monday"]])
def test_options_that_are_none_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert "is not a" in capsys.readouterr().err
