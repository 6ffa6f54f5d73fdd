"""Event streams on real connections: what ASGI does not show, buffers, peers that vanish, and the end of a process."""

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.api.peer import HttpProtocol
from app.api.sockets import Sockets
from app.api.sse import StreamLimits
from tests.support.real_server import LOOPS, RealServer, real_server
from tests.support.sse_client import EventParser
from tests.support.waiting import eventually
from tests.transport.toy import Toy, toy_app

WITHIN = 10.0
LASTING = "subscription { count(to: 1, thenWait: true) }"
ENDLESS = "subscription { count(to: 1000000) }"


class Reader:
    """A blocking client that reads when it is told to, through a small buffer."""

    def __init__(self, port: int, query: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.settimeout(WITHIN)
        self.socket.connect(("127.0.0.1", port))
        body = json.dumps({"query": query}).encode()
        head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\naccept: text/event-stream\r\n"
        self.socket.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self._file = self.socket.makefile("rb")
        assert self._file.readline().startswith(b"HTTP/1.1 200 ")
        while self._file.readline() != b"\r\n":
            pass
        self._parser = EventParser()
        self._events: list[tuple[str, str]] = []

    def event(self) -> tuple[str, str] | None:
        """The next event, comments left out; None at the end. `ConnectionError` if there is no end."""
        while not self._events:
            size = self._file.readline()
            chunk = self._file.read(int(size or b"0", 16))
            if self._file.readline() != b"\r\n":
                raise ConnectionError("cut off")
            if not chunk:
                return None
            self._events += [event for event in self._parser.feed(chunk) if event[0] != ":"]
        return self._events.pop(0)

    def cut_off(self) -> None:
        """Read on to where the connection breaks; an end would be an error."""
        with pytest.raises(ConnectionError):
            self._to_the_end()

    def _to_the_end(self) -> None:
        while self.event() is not None:
            pass

    def vanish(self) -> None:
        """End the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Go away."""
        self._file.close()
        self.socket.close()


Connect = Callable[[str], Reader]


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture
def limits() -> StreamLimits:
    return StreamLimits(close_seconds=0.2)


@pytest.fixture(params=LOOPS)
def server(
    request: pytest.FixtureRequest, sockets: Sockets, limits: StreamLimits, the_toy: Toy
) -> Iterator[RealServer]:
    app = toy_app(sockets=sockets, stream_limits=limits)
    with real_server(app, loop=request.param, http=HttpProtocol) as served:
        yield served
        served.run(sockets.stop())


@pytest.fixture
def connect(server: RealServer) -> Iterator[Connect]:
    with ExitStack() as stack:

        def connected(query: str) -> Reader:
            reader = Reader(server.port, query)
            stack.callback(reader.close)
            return reader

        yield connected


def test_items_come_one_by_one_and_the_connection_ends_with_complete(connect: Connect) -> None:
    reader = connect("subscription { count }")
    assert [reader.event() for _ in range(5)] == [
        ("next", '{"data":{"count":0}}'),
        ("next", '{"data":{"count":1}}'),
        ("next", '{"data":{"count":2}}'),
        ("complete", ""),
        None,
    ]
    assert reader.socket.recv(1) == b""


async def at_rest(toy: Toy) -> int:
    """How many items are made once no more are."""
    made, still = 0, 0

    def is_at_rest() -> bool:
        nonlocal made, still
        still = still + 1 if made == toy.made else 0
        made = toy.made
        # A server that is not given a processor for a while looks at rest as well.
        return made > 0 and still >= 60

    await eventually(is_at_rest)
    return made


async def test_for_a_reader_that_stops_little_is_made(connect: Connect, the_toy: Toy) -> None:
    reader = connect(ENDLESS)
    made = await at_rest(the_toy)
    assert made < 1_000
    assert [reader.event() for _ in range(made)] == [("next", f'{{"data":{{"count":{n}}}}}') for n in range(made)]
    assert reader.event() == ("next", f'{{"data":{{"count":{made}}}}}'), "it goes on where it was"


@pytest.mark.parametrize("query", [LASTING, ENDLESS])
async def test_a_peer_that_vanishes_ends_its_operation(
    connect: Connect, sockets: Sockets, the_toy: Toy, query: str
) -> None:
    reader = connect(query)
    assert reader.event() == ("next", '{"data":{"count":0}}')
    reader.vanish()
    await eventually(lambda: the_toy.cleaned_up == ["count"])
    await eventually(lambda: sockets.count == 0)


async def test_stopping_ends_those_who_read_and_cuts_off_those_who_do_not(
    connect: Connect, server: RealServer, sockets: Sockets, the_toy: Toy, caplog: pytest.LogCaptureFixture
) -> None:
    reads, stalls = connect(LASTING), connect(ENDLESS)
    assert reads.event() == ("next", '{"data":{"count":0}}')
    await at_rest(the_toy)
    server.run(sockets.stop())
    assert reads.event() is None
    assert sorted(the_toy.cleaned_up) == ["count", "count"]
    stalls.cut_off()
    await eventually(lambda: sockets.count == 0)
    assert caplog.messages == []


class TestImpatient:
    @pytest.fixture
    def limits(self) -> StreamLimits:
        return StreamLimits(stall_seconds=0.3)

    async def test_a_reader_that_stops_for_too_long_is_cut_off_and_others_go_on(
        self, connect: Connect, sockets: Sockets, the_toy: Toy, caplog: pytest.LogCaptureFixture
    ) -> None:
        stalls, reads = connect(ENDLESS), connect(LASTING)
        assert reads.event() == ("next", '{"data":{"count":0}}')
        await eventually(lambda: sockets.count == 1)
        stalls.cut_off()
        assert the_toy.cleaned_up == ["count"]
        assert caplog.messages == []
