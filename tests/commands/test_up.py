"""`vq up` as the person at the terminal meets it: everything runs, heals when killed, and is gone after Ctrl-C."""

import asyncio
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.commands.up import is_tried_out
from app.settings import load_settings
from tests.commands.runs import STOP_PROMISE_SECONDS, environment, free_port, started, until, vq
from tests.servers import private_cluster

pytestmark = pytest.mark.processes

PROGRAMS = {"serve", "relay", "worker", "demo-site", "mailbox"}
EVERYTHING = PROGRAMS | {"postgres", "valkey"}
STORY = {
    "Anna": ["JOINED", "PEOPLE_AHEAD", "CALLED", "RECALLED", "COMPLETED", "FEEDBACK_REQUEST"],
    "Ben": ["JOINED", "PEOPLE_AHEAD", "CALLED", "NO_SHOW"],
}


def register(port: int, email: str) -> None:
    """Have a code sent."""
    document = "mutation($i: UserRegisterInput!) { userRegister(input: $i) { __typename } }"
    answer = httpx.post(
        f"http://127.0.0.1:{port}/graphql",
        json={"query": document, "variables": {"i": {"tenantSlug": "demo", "email": email}}},
    )
    assert answer.json()["data"] == {"userRegister": {"__typename": "UserRegisterSuccess"}}, answer.text


async def test_everything_runs_heals_and_ends() -> None:
    with started() as run:
        assert set(run.children()) == EVERYTHING
        login = run.first_request()
        assert "accessToken" in str(login), login
        if sys.platform == "linux":
            soft, hard = run.children()["serve"].rlimit(psutil.RLIMIT_NOFILE)
            assert soft == hard, "every file descriptor there is can be a visitor's socket"

        crowd = vq("visitors", "--count", "6", "--pace", "10", env=run.settings)
        assert crowd.returncode == 0, crowd.stdout
        assert "6 visitors: " in crowd.stdout

        story = vq("story", "eva@people.example", env=run.settings)
        assert story.returncode == 0, story.stdout + story.stderr
        told = [line.split()[:2] for line in story.stdout.splitlines()]
        for name, kinds in STORY.items():
            assert [kind for who, kind in told if who == name] == kinds, story.stdout
        mails = vq("mail", "--to", "eva@people.example", env=run.settings).stdout
        assert mails.count("eva@people.example") >= sum(map(len, STORY.values())) - 1, mails  # the last is on its way

        register(run.port, "anna@people.example")
        mail = vq("mail", "1", "--to", "anna@people.example", "--wait", "30", env=run.settings)
        assert mail.returncode == 0, mail.stderr
        assert re.search(r"^Subject: [0-9]{6} is your code for Demo$", mail.stdout, re.MULTILINE), mail.stdout

        doctor = vq("doctor", env=run.settings)
        assert doctor.returncode == 0, doctor.stdout
        assert "failed" not in doctor.stdout

        second = vq("up", env=run.settings | {"VQ_PORT": str(free_port())})
        assert second.returncode == 1
        assert f"`vq up` (process {run.process.pid}) already uses {run.data_dir}" in second.stderr

        before = run.children()
        for child in before.values():
            child.kill()

        def all_are_new() -> bool:
            now = run.children()
            return set(now) == EVERYTHING and all(now[name] != before[name] for name in EVERYTHING)

        until(all_are_new, 20, "every process is started again")
        until(lambda: run.ready, 60, "everything is ready again")
        for name in ("API", "relay", "worker", "demo-site", "mailbox", "PostgreSQL", "Valkey"):
            assert f"{name} ended (killed by SIGKILL); starting it again." in run.output
        assert "accessToken" in str(run.first_request())

        family = run.family()
        async with connect(
            f"ws://127.0.0.1:{run.port}/graphql", subprotocols=["graphql-transport-ws"], proxy=None
        ) as idle:
            await idle.send('{"type": "connection_init"}')
            assert "connection_ack" in str(await idle.recv())
            code, seconds = await asyncio.to_thread(run.end, signal.SIGINT)
            with pytest.raises(ConnectionClosed) as closed:
                await idle.recv()
        assert code == 0, run.output
        assert seconds < STOP_PROMISE_SECONDS
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012, "the client is told to come back"
        assert [process for process in family if process.is_running()] == []
        assert "Traceback" not in run.output


def test_a_killed_run_is_followed_by_a_good_one_with_its_data() -> None:
    with started() as run:
        family = run.family()
        assert run.end(signal.SIGKILL)[0] == -signal.SIGKILL
        if sys.platform == "linux":
            _, alive = psutil.wait_procs(family, timeout=15)
            assert alive == [], "nobody outlives a killed `vq up`"
        key = (run.data_dir / "secret.key").read_text()
        run.again()
        assert (run.data_dir / "secret.key").read_text() == key
        assert "accessToken" in str(run.first_request())
        family = run.family()
        code, seconds = run.end(signal.SIGTERM)
        assert (code, seconds < STOP_PROMISE_SECONDS) == (0, True)
        assert [process for process in family if process.is_running()] == []


def test_several_api_processes_run_heal_and_end() -> None:
    with started(None, "--workers", "2") as run:

        def processes() -> list[psutil.Process]:
            api = run.children().get("serve")
            return [] if api is None else api.children()

        before = processes()
        assert len(before) == 2
        run.children()["serve"].kill()
        if sys.platform == "linux":
            _, alive = psutil.wait_procs(before, timeout=15)
            assert alive == [], "nobody stays on the port without whoever keeps them"
        until(lambda: len(processes()) == 2 and run.ready, 60, "two new ones serve")
        assert "accessToken" in str(run.first_request())

        family = run.family()
        code, seconds = run.end(signal.SIGINT)
        assert (code, seconds < STOP_PROMISE_SECONDS) == (0, True), run.output
        assert [process for process in family if process.is_running()] == []


def test_servers_of_ones_own_are_used_and_left_alone() -> None:
    with private_cluster() as cluster:
        urls = cluster.urls
        assert urls.database_url is not None
        assert urls.redis_url is not None
        with started({"VQ_DATABASE_URL": urls.database_url, "VQ_REDIS_URL": urls.redis_url}) as run:
            assert set(run.children()) == PROGRAMS
            assert "accessToken" in str(run.first_request())
            assert run.end(signal.SIGINT)[0] == 0
            assert not (run.data_dir / "servers").exists()
        assert cluster.postgres is not None
        assert cluster.postgres.is_ready()


def test_a_port_in_use_is_said_before_anything_is_started(open_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = vq("up", env={"VQ_DATA_DIR": str(open_path / "data"), "VQ_PORT": str(port)})
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"vq: Port {port} on 127.0.0.1 is used by another program")
    assert f"VQ_PORT={port + 1}" in refused.stderr or "VQ_PORT=" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (open_path / "data" / "servers" / "postgres").exists()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("VQ_PORT", "eighty", "VQ_PORT: "),
        ("VQ_HOST", "no.such.host.invalid", "VQ_HOST: 'no.such.host.invalid' is not an address"),
        ("VQ_SECRET_KEY", "short", "VQ_SECRET_KEY: must have at least 32 characters"),
        ("VQ_DATABASE_URL", "mysql://localhost/x", "VQ_DATABASE_URL: must be a PostgreSQL URL"),
        (
            "VQ_DATABASE_URL",
            "postgresql://a:b@127.0.0.1:1/x",
            "VQ_DATABASE_URL: no PostgreSQL answers at 127.0.0.1:1/x",
        ),
        ("VQ_REDIS_URL", "redis://127.0.0.1:1/0", "VQ_REDIS_URL: no Redis or Valkey answers"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(open_path: Path, variable: str, value: str, says: str) -> None:
    place = {"VQ_DATA_DIR": str(open_path / "data"), "VQ_PORT": str(free_port()), "VQ_DEMO_PASSWORD": "one of our own"}
    refused = vq("up", env=place | {variable: value})
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"vq: {says}")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "is_exempt"),
    [
        ({}, True),
        ({"VQ_RATE_LIMIT_EXEMPT": ""}, False),
        ({"VQ_RATE_LIMIT_EXEMPT": "203.0.113.0/24"}, False),
        ({"VQ_PUBLIC_URL": "https://queue.example"}, False),
        ({"VQ_HOST": "192.0.2.1"}, False),
    ],
)
def test_this_machine_is_exempt_from_limits_until_somebody_says_who_is(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], is_exempt: bool
) -> None:
    for name in ("VQ_RATE_LIMIT_EXEMPT", "VQ_PUBLIC_URL", "VQ_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert is_tried_out(load_settings()) is is_exempt


def test_the_environment_of_a_test_has_no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_PORT", "1")
    assert "VQ_PORT" not in environment({})
