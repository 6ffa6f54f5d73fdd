"""Rooms of the staff's: incoming hooks, and other services inside a fence."""

import asyncio
import importlib
import os
import re
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.outbound import network
from app.notifications.channels import apprise as ours
from app.notifications.channels.apprise import NOT_OFFERED, Apprise, AppriseCredentials, AppriseOptions
from app.notifications.channels.fence import Fence, OutsideFence, fenced
from app.notifications.channels.interface import Accepted, InDoubt, Message, Refused, Surroundings, TryLater
from app.notifications.channels.slack import Slack, SlackCredentials, SlackOptions
from app.notifications.models import NotificationChannel
from tests.channels.messages import MAIL
from tests.support.stand_ins.frame import AROUND, Asked, HangUp, Reply, StandIn, standing_in
from tests.support.stand_ins.hook import PATH, Hook

# Of what some services of the library import, on Python up to 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'(imghdr|cgi|telnetlib)':DeprecationWarning")
MESSAGE = replace(MAIL, channel=NotificationChannel.CHAT, to="", unsubscribe_url=None)


def slack(base: str, path: str = PATH, **options: Any) -> Slack:
    return Slack(SlackOptions(**options), SlackCredentials(url=base + path), AROUND)


async def test_a_message_is_written_into_the_room_and_commands_stay_text() -> None:
    async with standing_in(Hook()) as there:
        said = replace(MESSAGE, subject="*Desk* & <!channel>", body="<https://x.example|Click>\n")
        assert await slack(there.base).send(said) == Accepted()
        assert isinstance(await slack(there.base, username="Queue").send(replace(MESSAGE, body="x" * 9_000)), Accepted)
    assert there.refused == []
    assert there.said[0] == "*Desk &amp; &lt;!channel&gt;*\n&lt;https://x.example|Click&gt;"


async def test_a_hook_that_was_taken_back_is_for_good_and_its_address_is_in_no_reason() -> None:
    async with standing_in(Hook()) as there:
        gone = await slack(there.base, "/services/T0/B0/gone").send(MESSAGE)
        there.orders = [Reply(403, b"action_prohibited"), Reply(429, b"", {"Retry-After": "30"}), HangUp(), Reply(500)]
        later = [await slack(there.base).send(MESSAGE) for _ in range(4)]
    assert isinstance(gone, Refused)
    assert [type(each) for each in later] == [TryLater, TryLater, InDoubt, TryLater]
    assert isinstance(later[0], TryLater)
    assert later[0].is_ours
    assert "secret" not in f"{gone} {later}"


class _Json(StandIn):
    """A service of apprise (`json://`)."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Any] = []

    async def take(self, asked: Asked) -> Reply:
        self.said.append(asked.json())
        return Reply(200, b"ok")


def service(url: str, around: Surroundings = AROUND, **options: Any) -> Apprise:
    return Apprise(AppriseOptions(**options), AppriseCredentials(url=url), around)


def address(base: str) -> str:
    return base.replace("http://", "json://") + "/room"


async def test_another_service_is_told_by_its_address() -> None:
    async with standing_in(_Json()) as there:
        assert await service(address(there.base)).send(MESSAGE) == Accepted()
        sms: Message = replace(MESSAGE, channel=NotificationChannel.SMS, to="+4930901820")
        assert await service(address(there.base) + "/{to}").send(sms) == Accepted()
    assert [(each["title"], each["message"]) for each in there.said] == [
        (MESSAGE.subject, MESSAGE.body.strip()),
        ("", MESSAGE.body.strip()),
    ]
    assert there.asked[1].path.endswith("4930901820")
    assert not service("json://x.example/{to}").carries(MESSAGE)


async def test_what_its_answers_mean() -> None:
    async with standing_in(_Json()) as there:
        there.orders = [Reply(401), Reply(400), Reply(429), Reply(502), HangUp()]
        found = [await service(address(there.base)).send(MESSAGE) for _ in range(5)]
    assert [type(each) for each in found] == [TryLater, Refused, TryLater, TryLater, InDoubt]
    assert isinstance(found[0], TryLater)
    assert found[0].is_ours
    nothing = await service("discord://x").send(MESSAGE)
    assert nothing == TryLater("The service's address is none that apprise understands.", is_ours=True)


async def test_no_service_leads_into_our_own_network() -> None:
    async with standing_in(_Json()) as there:
        for url in (address(there.base), address(there.base).replace("127.0.0.1", "localhost")):
            outcome = await service(url, Surroundings()).send(MESSAGE)
            assert outcome == Refused("The address leads into an internal network, which is not asked.")
        assert there.asked == []


async def test_who_never_ends_an_answer_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else as many as there are threads would keep messages from everybody else."""
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not writer.transport.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            ended.set()
            writer.close()

    await asyncio.to_thread(importlib.import_module, "apprise")
    monkeypatch.setattr(ours, "_CONNECT_SECONDS", 1.0)
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        url = f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/room"
        outcome = await service(url, timeout_seconds=0.5).send(MESSAGE)
        assert outcome == InDoubt("The service gave no usable answer.")
        async with asyncio.timeout(20):
            await ended.wait()


def test_what_was_given_up_connects_no_more() -> None:
    """It was said to be certainly not sent."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        fence = Fence([network("127.0.0.0/8")])
        fence.close()
        with fenced(fence), pytest.raises(OutsideFence):
            socket.create_connection(server.getsockname())
        assert not fence.has_connected


@pytest.mark.parametrize("url", ["syslog://", "dbus://", "mailto://a:b@x.example", "vapid://a@b.example", "nonsense"])
def test_what_works_with_this_machine_is_not_offered(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        AppriseCredentials(url=url)


def test_what_is_offered_asks_addresses_and_does_nothing_else() -> None:
    """A service that comes with another release of the library, and has a way of its own, is found here."""
    import inspect
    import sys

    from apprise.plugins import N_MGR

    own_ways = re.compile(
        r"^\s*(?:import|from) (socket|smtplib|subprocess|ctypes|paho|slixmpp|gi|dbus|hid|smpplib|gntp)\b", re.MULTILINE
    )
    for schema in sorted(set(N_MGR.schemas()) - NOT_OFFERED):
        source = inspect.getsource(sys.modules[N_MGR[schema].__module__])
        assert own_ways.search(source) is None, schema


def test_inside_the_fence_there_are_no_internal_addresses_files_and_processes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with (
        socket.socket() as server,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        for wrong in (
            lambda: socket.create_connection(("127.0.0.1", port)),
            lambda: socket.create_connection(("localhost", port)),
            lambda: unix.connect("/run/postgresql/x"),
            lambda: datagrams.sendto(b"x", ("127.0.0.1", port)),
            lambda: (tmp_path / "secret").read_text(),
            lambda: (tmp_path / "new").write_text("x"),
            lambda: Path(ours.__file__).open("a").close(),
            lambda: os.system("true"),
            lambda: subprocess.run(["true"], check=False),
        ):
            with fenced(Fence()), pytest.raises(OutsideFence):
                wrong()
        fence = Fence([network("127.0.0.0/8")])
        with fenced(fence):
            socket.create_connection(("127.0.0.1", port)).close()
        assert fence.has_connected
    assert (tmp_path / "secret").read_text() == "secret"
    assert not (tmp_path / "new").exists()
