"""`vq serve --workers`: several API processes on one port and one bus, and what their deaths must not break."""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect

from app.commands.errors import CommandError
from app.commands.health import ask
from app.commands.processes import number_of_processes
from app.core.clock import SystemClock
from app.core.embedded.valkey import Valkey
from app.core.limits.exempt import THIS_MACHINE
from app.replay.client import Client
from app.settings import Settings
from tests.commands.runs import environment, free_port, until, vq
from tests.servers import own_database, private_valkey
from tests.support.api import CALL_NEXT, JOIN, Api, Business, open_api
from tests.support.desk import open_desk
from tests.support.feeds import event_feed, fresh_queue, fresh_session, queue_feed, same, session_feed
from tests.support.followers import Follower, Transport, following
from tests.support.queue_logs import assert_sound, events_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.processes

TRANSPORTS: tuple[Transport, ...] = ("socket", "stream")


@dataclass
class Fleet:
    """One `vq serve --workers` and what it runs."""

    port: int
    process: subprocess.Popen[str]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    def processes(self) -> dict[int, psutil.Process]:
        """The API processes by number."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            if match := re.search(r"--number=(\d+)", " ".join(_command(child))):
                found[int(match[1])] = child
        return found

    def connections(self) -> dict[int, int]:
        """Connections of clients, by process number."""
        return {
            number: sum(
                connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == self.port
                for connection in process.net_connections("tcp")
            )
            for number, process in self.processes().items()
        }

    def listening(self) -> bool:
        """Whether every process takes connections."""
        return len(self.processes()) == 2 and all(
            any(
                connection.status == psutil.CONN_LISTEN and connection.laddr.port == self.port
                for connection in process.net_connections("tcp")
            )
            for process in self.processes().values()
        )

    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it ended just now
        return []


@contextmanager
def fleet_of_two(settings: Settings) -> Iterator[Fleet]:
    """Two processes that listen; whatever the test does, nothing is left."""
    directory = Path(tempfile.mkdtemp(prefix="vq-workers-"))
    port, log = free_port(), directory / "log"
    assert settings.database_url is not None
    assert settings.redis_url is not None
    variables = {
        "VQ_DATABASE_URL": settings.database_url,
        "VQ_REDIS_URL": settings.redis_url,
        "VQ_BUS_PREFIX": settings.bus_prefix,
        "VQ_RATE_LIMIT_EXEMPT": ",".join(THIS_MACHINE),
        "VQ_SECRET_KEY": settings.secret,
        "VQ_DATA_DIR": str(directory),
        "VQ_PORT": str(port),
        "VQ_DATABASE_POOL_SIZE": "4",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", "--workers", "2", "--grace", "3"],
            env=environment(variables),
            stdout=output,
            stderr=output,
            text=True,
        )
    fleet = Fleet(port, process, log)
    try:
        until(lambda: process.poll() is not None or fleet.listening(), 60, "both processes listen")
        assert process.poll() is None, log.read_text()
        yield fleet
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        shutil.rmtree(directory, ignore_errors=True)


@dataclass(frozen=True)
class Installation:
    """Two API processes, one more in the test's own process (with a relay), and a business."""

    fleet: Fleet
    valkey: Valkey
    api: Api
    business: Business

    @property
    def token(self) -> str:
        assert self.business.admin.token is not None
        return self.business.admin.token

    async def join(self, client: Client, queue: str) -> Any:
        """A join that insists: with the same key until it is answered."""
        answer: Any = await client.execute(JOIN, {"i": {"queueId": queue, "idempotencyKey": uuid4().hex}})
        assert answer["queueJoin"]["__typename"] == "QueueJoinSuccess", answer
        return answer["queueJoin"]


@pytest.fixture(scope="module")
def own_settings(migrated_settings: Settings) -> Settings:
    """A relay serves a whole database."""
    return own_database(migrated_settings, "workers")


@pytest.fixture
async def installation(own_settings: Settings) -> AsyncIterator[Installation]:
    """All of it."""
    with private_valkey() as valkey:
        settings = own_settings.model_copy(update={"redis_url": valkey.url})
        async with open_api(settings, SystemClock()) as api:
            business = await api.new_business()
            with fleet_of_two(settings) as fleet:
                yield Installation(fleet, valkey, api, business)


async def everybody_is_current(installation: Installation, queue: str, followers: list[Follower]) -> None:
    """Each follower's last item is what a fresh query answers; the log is followed without a gap or a repetition."""
    last = (await events_of(installation.api, queue))[-1].revision
    fresh = await fresh_queue(installation.business.admin, queue)
    for follower in followers:
        if "type" in follower.last:
            await follower.shows({"revision": last})
            assert [item["revision"] for item in follower.items] == list(range(1, last + 1))
        elif "waitingCount" in follower.last:
            await follower.shows(fresh)
        else:
            id = follower.last["id"]

            async def is_fresh(follower: Follower = follower, id: str = id) -> bool:
                return same(follower.last, await fresh_session(installation.business.admin, id))

            await eventually(is_fresh)


async def test_subscribers_of_both_processes_see_the_same_line(installation: Installation) -> None:
    fleet, business = installation.fleet, installation.business
    desk = await open_desk(business)
    people = [await desk.join() for _ in range(3)]
    feeds = [
        (transport, feed)
        for transport in TRANSPORTS
        for feed in (queue_feed(desk.queue), session_feed(people[2].id), event_feed(desk.queue, after=0))
        for _ in range(3)
    ]
    async with following(fleet.url, installation.token, *feeds) as followers:
        shares = fleet.connections()
        assert sorted(shares) == [1, 2]
        assert min(shares.values()) >= 1, "the kernel deals connections out to both"
        async with httpx.AsyncClient(trust_env=False) as http:
            for number in range(12):
                # A connection of its own each, so that both processes write.
                i: dict[str, Any] = {"queueId": desk.queue}
                document = JOIN if number % 3 else CALL_NEXT
                if number % 3 == 0:
                    i["counterId"] = await business.counter(desk.queue)
                answer = await http.post(
                    fleet.url,
                    json={"query": document, "variables": {"i": i}},
                    headers={"authorization": f"Bearer {installation.token}", "connection": "close"},
                )
                (result,) = answer.json()["data"].values()
                assert result["__typename"].endswith("Success"), result
        await everybody_is_current(installation, desk.queue, followers)
        assert [follower.breaks for follower in followers] == [0] * len(followers)
    await assert_sound(installation.api, desk.queue)
    told = [line for line in fleet.lines() if line["message"] == "Live bus connected."]
    pids = {number: process.pid for number, process in fleet.processes().items()}
    assert {line["process"]: line["pid"] for line in told} == pids


async def test_a_process_killed_in_the_middle_of_joins_and_feeds(installation: Installation) -> None:
    fleet = installation.fleet
    desk = await open_desk(installation.business)
    first = await desk.join()
    before = fleet.processes()
    feeds = [
        (transport, feed)
        for transport in TRANSPORTS
        for feed in (queue_feed(desk.queue), session_feed(first.id), event_feed(desk.queue, after=0))
        for _ in range(3)
    ]
    async with following(fleet.url, installation.token, *feeds) as followers, Client(fleet.url) as client:
        joining = [asyncio.create_task(installation.join(client, desk.queue)) for _ in range(20)]
        await joining[0]
        before[1].kill()
        joining += [asyncio.create_task(installation.join(client, desk.queue)) for _ in range(20)]
        joined = await asyncio.gather(*joining)
        tickets = {each["session"]["ticketNumber"] for each in joined}
        assert len(tickets) == 40, "nobody has another's place"
        await everybody_is_current(installation, desk.queue, followers)
        assert followers[0].last["waitingCount"] == 41, "nothing lost, nothing twice"
        assert sum(follower.breaks for follower in followers) >= 1, "some were connected to the killed one"

        await eventually(fleet.listening, within=60)
        after = fleet.processes()
        assert after[1] != before[1]
        assert after[2] == before[2], "the other one has gone on"
        await desk.call()
        await everybody_is_current(installation, desk.queue, followers)
    await assert_sound(installation.api, desk.queue)
    messages = [line["message"] for line in fleet.lines()]
    assert "API process 1 ended (killed by SIGKILL); starting it again." in messages
    assert f"API process 1 runs again, as process {after[1].pid}." in messages


async def test_the_bus_killed_under_both(installation: Installation) -> None:
    fleet, valkey = installation.fleet, installation.valkey
    desk = await open_desk(installation.business)
    first = await desk.join()
    feeds = [
        (transport, feed)
        for transport in TRANSPORTS
        for feed in (queue_feed(desk.queue), session_feed(first.id), event_feed(desk.queue, after=0))
        for _ in range(2)
    ]
    async with following(fleet.url, installation.token, *feeds) as followers, Client(fleet.url) as client:
        valkey.daemon.kill()
        await eventually(lambda: not installation.api.runtime.bus.connected)
        await asyncio.gather(*(installation.join(client, desk.queue) for _ in range(10)))
        await desk.call()
        valkey.start()
        await everybody_is_current(installation, desk.queue, followers)
        assert [follower.breaks for follower in followers] == [0] * len(followers), "nobody is cut off for that"
    await assert_sound(installation.api, desk.queue)


async def test_sigterm_ends_all_of_it_and_tells_everybody_to_come_back(installation: Installation) -> None:
    fleet = installation.fleet
    queue = await installation.business.queue()
    document, variables = queue_feed(queue)
    family = [psutil.Process(fleet.process.pid), *fleet.processes().values()]
    async with (
        connect(fleet.url.replace("http", "ws"), subprotocols=["graphql-transport-ws"], proxy=None) as idle,  # type: ignore[list-item]
        httpx.AsyncClient(trust_env=False, timeout=30) as http,
        http.stream(
            "POST",
            fleet.url,
            json={"query": document, "variables": variables},
            headers={"accept": "text/event-stream"},
        ) as stream,
    ):
        await idle.send('{"type": "connection_init"}')
        assert "connection_ack" in str(await idle.recv())
        chunks = stream.aiter_text()
        while "event: next" not in await anext(chunks):
            pass
        fleet.process.send_signal(signal.SIGTERM)
        rest = "".join([chunk async for chunk in chunks])
        assert ": 1012 Restarting, come back\n\n" in rest
        assert "event: complete" not in rest
        await idle.wait_closed()
        assert idle.close_code == 1012
    assert await asyncio.to_thread(fleet.process.wait, 30) == 0
    assert [process for process in family if process.is_running()] == []
    assert [line for line in fleet.lines() if line["level"] == "ERROR"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next run finds what is left")
async def test_nobody_outlives_whoever_keeps_them(installation: Installation) -> None:
    children = list(installation.fleet.processes().values())
    installation.fleet.process.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 20)
    assert alive == []
    assert ask(f"http://127.0.0.1:{installation.fleet.port}/health/ready") is not None


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", "65", "", " 2", "²", "9999999"])
def test_what_is_no_number_of_processes_is_refused(given: str) -> None:
    with pytest.raises(CommandError) as refused:
        number_of_processes(given)
    assert str(refused.value) == (
        f"--workers: how many API processes, 1 to 64 (got {given!r}); one per processor is best."
    )


@pytest.mark.parametrize("command", ["serve", "up"])
def test_it_is_refused_in_one_line_before_anything_is_started(command: str) -> None:
    refused = vq(command, "--workers", "two")
    assert refused.returncode == 1
    assert refused.stderr == (
        "vq: --workers: how many API processes, 1 to 64 (got 'two'); one per processor is best.\n"
    )


@pytest.mark.parametrize(("given", "number"), [("1", 1), ("2", 2), ("64", 64), ("007", 7)])
def test_a_number_of_processes(given: str, number: int) -> None:
    assert number_of_processes(given) == number


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_refused_by_one_and_by_several(workers: str, open_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        variables = {
            "VQ_PORT": str(other.getsockname()[1]),
            "VQ_DATABASE_URL": "postgresql://127.0.0.1:1/x",
            "VQ_REDIS_URL": "redis://127.0.0.1:1/0",
            "VQ_SECRET_KEY": "x" * 32,
            "VQ_DATA_DIR": str(open_path),
        }
        refused = vq("serve", "--workers", workers, env=variables)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"vq: Port {variables['VQ_PORT']} on 127.0.0.1 is used by another program")
    assert refused.stderr.count("\n") == 1
