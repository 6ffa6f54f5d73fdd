"""The outgoing side on any ASGI server: one step of `send` per message, in order, whatever it waits for or raises."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from app.api.outlets import AsgiWire
from app.core.live.outlet import drained
from tests.support.waiting import eventually


class Server:
    """Takes messages at once while its gate is open."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.gone: Exception | None = None
        self.wire = AsgiWire(self.send)

    async def send(self, message: Message) -> None:
        """An ASGI `send` that waits more than once."""
        while not self.gate.is_set():
            await self.gate.wait()
            await asyncio.sleep(0)
        if self.gone is not None:
            raise self.gone
        self.taken.append(message["text"] if message["type"] == "websocket.send" else message["code"])


@pytest.fixture
def server() -> Server:
    return Server()


def send(server: Server, *messages: str) -> None:
    for message in messages:
        server.wire.send(message.encode())


async def test_what_the_server_takes_is_sent_before_send_returns(server: Server) -> None:
    send(server, "one", "zwei 🎟")
    assert server.taken == ["one", "zwei 🎟"]
    assert not server.wire.is_slow


async def test_a_server_that_waits_makes_the_peer_slow_until_it_has_taken_all_in_order(server: Server) -> None:
    before = asyncio.all_tasks()
    called: list[str] = []
    server.gate.clear()
    send(server, "one", "two", "three")
    assert server.wire.is_slow
    server.wire.when_drained(lambda: called.append("first"))
    server.wire.when_drained(lambda: send(server, "four"))
    server.wire.when_drained(lambda: called.append("last"))
    await asyncio.sleep(0)
    assert (server.taken, called) == ([], [])
    server.gate.set()
    await drained(server.wire)
    assert server.taken == ["one", "two", "three", "four"]
    assert called == ["first", "last"]
    await eventually(lambda: asyncio.all_tasks() <= before)


async def test_a_callback_comes_soon_where_nobody_is_slow_but_not_at_once(server: Server) -> None:
    called: list[str] = []
    server.wire.when_drained(lambda: called.append("soon"))
    assert called == []
    await asyncio.sleep(0)
    assert called == ["soon"]


async def test_a_callback_that_makes_the_peer_slow_again_is_waited_for(server: Server) -> None:
    server.gate.clear()
    send(server, "one")

    def fill() -> None:
        server.gate.clear()
        send(server, "two")

    server.wire.when_drained(fill)
    waiting = asyncio.create_task(drained(server.wire))
    await asyncio.sleep(0)
    server.gate.set()
    await eventually(lambda: server.taken == ["one"] and not server.gate.is_set())
    assert not waiting.done()
    server.gate.set()
    await waiting
    assert server.taken == ["one", "two"]


@pytest.mark.parametrize("problem", [OSError("gone"), RuntimeError("closed"), AssertionError("a server's own")])
@pytest.mark.parametrize("late", [False, True])
async def test_a_server_that_raises_means_the_peer_is_gone(server: Server, problem: Exception, late: bool) -> None:
    called: list[str] = []
    server.gone = problem
    if late:
        server.gate.clear()
    send(server, "one", "two")
    if late:
        server.wire.when_drained(lambda: called.append("gone"))
        server.gate.set()
        await eventually(lambda: called == ["gone"])
    assert not server.wire.is_slow
    server.gone = None
    send(server, "three")
    await server.wire.close(1000, "")
    assert server.taken == []


async def test_a_close_comes_after_what_was_sent_and_nothing_after_it(server: Server) -> None:
    server.gate.clear()
    send(server, "one", "two")
    closing = asyncio.create_task(server.wire.close(4403, "Token expired"))
    await asyncio.sleep(0)
    send(server, "late")
    await server.wire.close(4400, "again")
    server.gate.set()
    await closing
    send(server, "later")
    assert server.taken == ["one", "two", 4403]


@pytest.mark.parametrize("end", ["abort", "discard"])
async def test_giving_up_takes_back_what_waits_and_lets_nobody_wait(server: Server, end: str) -> None:
    before = asyncio.all_tasks()
    server.gate.clear()
    send(server, "one", "two")
    waiting = asyncio.create_task(drained(server.wire))
    await asyncio.sleep(0)
    getattr(server.wire, end)()
    await waiting
    server.gate.set()
    getattr(server.wire, end)()
    send(server, "three")
    await eventually(lambda: asyncio.all_tasks() <= before)
    assert server.taken == []
