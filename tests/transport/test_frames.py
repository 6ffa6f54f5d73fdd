"""Frames on real sockets: byte-exact, whole whatever stands between them, and bounded when the peer does not read."""

import logging
import queue
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from app.api import protocol as protocol_module
from app.api.outlets import Wire
from app.api.protocol import frame_protocol, text_frame, wire_of
from tests.support.peers import WITHIN, Peer
from tests.support.real_server import LOOPS, RealServer, real_server
from tests.support.waiting import eventually

Connect = Callable[..., Peer]
FOR_EVER = 3600.0
MORE_THAN_THE_KERNEL_TAKES = b"x" * 100_000
SIZES = [1, 2, 125, 126, 127, 1_023, 1_024, 65_535, 65_536, 65_537, 300_000]


class Listening:
    """An application that accepts sockets and leaves their wires to the test."""

    def __init__(self) -> None:
        self.wires: queue.Queue[Wire | None] = queue.Queue()
        self.sends: queue.Queue[Send] = queue.Queue()
        self.ends: queue.Queue[int] = queue.Queue()
        self.heard: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] != "/graphql":
            return
        self.sends.put(send)
        await send({"type": "websocket.accept"})
        self.wires.put(wire_of(scope))
        while (event := await receive())["type"] == "websocket.receive":
            self.heard.append(event["text"])
        self.ends.put(event["code"])

    def wire(self) -> Wire:
        """Of the socket accepted last."""
        wire = self.wires.get(timeout=WITHIN)
        assert wire is not None
        return wire


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def app() -> Listening:
    return Listening()


@pytest.fixture
def server(app: Listening, loop: str) -> Iterator[RealServer]:
    patient = frame_protocol(send_buffer_bytes=8_192, stall_seconds=FOR_EVER)
    with real_server(app, patient, loop=loop, timeout_graceful_shutdown=0) as server:
        yield server
        for each in server.protocols:  # those that do not read would never go
            server.call(each.transport.abort)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open sockets that are closed when the test ends."""
    peers: list[Peer] = []

    def open_one(port: int, **options: Any) -> Peer:
        peers.append(Peer(port, **options))
        return peers[-1]

    yield open_one
    for peer in peers:
        peer.socket.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("letter", ["x", "ü", "🎟"])
def test_a_frame_is_what_the_reference_makes_of_the_message(size: int, letter: str) -> None:
    message = (letter * size).encode()
    assert text_frame(message) == Frame(Opcode.TEXT, message).serialize(mask=False)
    assert text_frame(b"x" * size) == Frame(Opcode.TEXT, b"x" * size).serialize(mask=False)


def test_messages_of_every_size_arrive_whole_and_in_order(server: RealServer, app: Listening, connect: Connect) -> None:
    peer = connect(server.port)
    wire = app.wire()
    messages = [letter * size for size in SIZES for letter in "xü🎟"]
    server.call(lambda: [wire.send(message.encode()) for message in messages])
    assert [peer.text() for _ in messages] == messages


def test_the_librarys_frames_may_stand_between_ours(server: RealServer, app: Listening, connect: Connect) -> None:
    peer = connect(server.port)
    wire, send = app.wire(), app.sends.get()

    async def mixed() -> None:
        wire.send(b"one")
        await send({"type": "websocket.send", "text": "two"})
        wire.send(b"three" * 10_000)  # not taken at once
        (protocol,) = server.protocols
        protocol.ping_timeout = None
        protocol.ping_interval = FOR_EVER
        protocol.send_keepalive_ping()
        wire.send(b"four")

    server.run(mixed())
    assert [peer.text(), peer.text(), peer.text()] == ["one", "two", "three" * 10_000]
    assert peer.next_frame().opcode is Opcode.PING
    assert peer.text() == "four"
    peer.ping(b"are you there")
    pong = peer.next_frame()
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"are you there")


async def test_a_slow_peers_pings_cut_no_frame_and_fill_no_memory(
    server: RealServer, app: Listening, connect: Connect
) -> None:
    peer = connect(server.port, buffer_bytes=4_096)
    wire = app.wire()
    server.call(lambda: wire.send(MORE_THAN_THE_KERNEL_TAKES))
    waiting = server.buffered_bytes()
    for number in range(2_000):
        peer.ping(b"%0125d" % number)
    peer.send("read")
    await eventually(lambda: app.heard == ["read"])  # so all pings were read before it
    assert server.buffered_bytes() <= waiting
    frames = []
    while not frames or frames[-1].opcode is not Opcode.PONG:
        frames.append(peer.next_frame())
    assert {bytes(frame.data) for frame in frames[:-1]} == {MORE_THAN_THE_KERNEL_TAKES}
    assert bytes(frames[-1].data) == b"%0125d" % 1_999


async def test_who_looks_before_sending_leaves_one_message_in_memory(
    server: RealServer, app: Listening, connect: Connect
) -> None:
    peers = [connect(server.port, buffer_bytes=4_096) for _ in range(20)]
    wires = [app.wire() for _ in peers]
    sent = [0 for _ in peers]

    def send_to_who_is_ready(message: bytes) -> None:
        for index, wire in enumerate(wires):
            if not wire.is_slow:
                wire.send(message)
                sent[index] += 1

    for number in range(1_000):
        server.call(partial(send_to_who_is_ready, b"%0180d" % number))
        assert server.buffered_bytes() <= len(peers) * len(text_frame(bytes(180)))
    # What the kernel took is old too when they read again; that it is little is what the small buffers are for.
    assert max(sent) < 500
    for wire in wires:
        server.call(partial(wire.when_drained, partial(wire.send, b"newest")))
    for index, peer in enumerate(peers):
        numbers = [int(peer.text()) for _ in range(sent[index])]
        assert numbers == sorted(numbers)
        assert peer.text() == "newest"
    assert server.buffered_bytes() == 0


def test_the_kernels_buffer_is_small_too(server: RealServer, app: Listening, connect: Connect) -> None:
    peer = connect(server.port)
    app.wire()
    (protocol,) = server.protocols
    connection = protocol.transport.get_extra_info("socket")
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (8_192, 16_384)  # Linux doubles it
    peer.vanish()


async def test_callbacks_come_once_from_the_loop_in_order(server: RealServer, app: Listening, connect: Connect) -> None:
    peer = connect(server.port, buffer_bytes=4_096)
    wire = app.wire()
    called: list[str] = []

    def ask() -> list[str]:
        wire.when_drained(lambda: called.append("at once"))
        return list(called)

    assert server.call(ask) == []
    await eventually(lambda: called == ["at once"])

    def slow() -> None:
        wire.send(MORE_THAN_THE_KERNEL_TAKES)
        wire.when_drained(lambda: called.append("first"))
        wire.when_drained(lambda: called.append("second"))
        wire.send(b"end")

    server.call(slow)
    assert called == ["at once"]
    while peer.text() != "end":
        pass
    await eventually(lambda: called == ["at once", "first", "second"])
    assert server.call(lambda: wire.is_slow) is False


def test_a_close_comes_after_all_messages_and_nothing_after_it(
    server: RealServer, app: Listening, connect: Connect
) -> None:
    peer = connect(server.port)
    wire = app.wire()

    async def close() -> None:
        wire.send(b"x" * 50_000)
        await wire.close(4403, "Token expired")
        wire.send(b"late")
        await wire.close(4400, "again")

    closing = server.start(close())
    assert peer.text() == "x" * 50_000
    assert peer.closed() == (4403, "Token expired")
    closing.result(WITHIN)
    assert app.ends.get(timeout=WITHIN) == 4403


@pytest.mark.parametrize("code", [1000, 1001, 4499])
def test_a_close_from_the_peer_is_answered_with_its_code(
    server: RealServer, app: Listening, code: int, connect: Connect
) -> None:
    peer = connect(server.port)
    wire = app.wire()
    peer.close(code)
    assert peer.closed() == (code, "")
    assert app.ends.get(timeout=WITHIN) == code
    server.call(lambda: wire.send(b"nobody hears"))
    server.run(wire.close(1011, "nor this"))
    assert server.call(lambda: wire.is_slow) is False


async def test_a_peer_that_vanishes_is_not_slow_and_takes_anything(
    server: RealServer, app: Listening, connect: Connect
) -> None:
    peer = connect(server.port, buffer_bytes=4_096)
    wire = app.wire()
    called: list[str] = []

    def slow() -> None:
        wire.send(MORE_THAN_THE_KERNEL_TAKES)
        wire.when_drained(lambda: called.append("gone"))

    server.call(slow)
    peer.vanish()
    await eventually(lambda: called == ["gone"])
    app.ends.get(timeout=WITHIN)
    assert server.call(lambda: wire.is_slow) is False
    server.call(lambda: wire.send(b"nobody hears"))
    server.run(wire.close(1011, "nor this"))
    server.call(wire.abort)
    server.call(wire.abort)
    server.call(wire.discard)
    await eventually(lambda: server.protocols == [])


async def test_a_peer_that_stalls_is_given_up_and_counted(
    app: Listening, loop: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, connect: Connect
) -> None:
    monkeypatch.setattr(protocol_module, "_TALLY_SECONDS", 0.5)
    hasty = frame_protocol(send_buffer_bytes=4_096, stall_seconds=0.1)
    with real_server(app, hasty, loop=loop) as server, caplog.at_level(logging.WARNING, "app.api.protocol"):
        stalled = [connect(server.port, buffer_bytes=4_096) for _ in range(3)]
        wires = [app.wire() for _ in stalled]
        reading = connect(server.port)
        alive = app.wire()
        server.call(lambda: [wire.send(MORE_THAN_THE_KERNEL_TAKES) for wire in wires])
        await eventually(lambda: len(server.protocols) == 1)
        assert [app.ends.get(timeout=WITHIN) for _ in stalled] == [1005] * 3
        server.call(lambda: alive.send(b"still here"))
        assert reading.text() == "still here"
        await eventually(lambda: bool(caplog.records))
    assert [(record.message, record.__dict__["sockets"]) for record in caplog.records] == [
        ("peers that did not read were given up", 3)
    ]


async def test_nor_does_a_peer_stay_that_stalls_while_it_is_closed(app: Listening, loop: str, connect: Connect) -> None:
    hasty = frame_protocol(send_buffer_bytes=4_096, stall_seconds=0.3)
    with real_server(app, hasty, loop=loop) as server:
        peer = connect(server.port, buffer_bytes=4_096)
        wire = app.wire()
        server.call(lambda: wire.send(MORE_THAN_THE_KERNEL_TAKES))
        peer.close(1000)  # and reads nothing: the answer and what was before it cannot leave
        assert app.ends.get(timeout=WITHIN) == 1000
        await eventually(lambda: server.protocols == [])


def test_with_compression_messages_are_the_librarys(app: Listening, loop: str, connect: Connect) -> None:
    with real_server(app, loop=loop, ws_per_message_deflate=True) as server:
        peer = connect(server.port, extensions=[ClientPerMessageDeflateFactory()])
        wire, send = app.wire(), app.sends.get()

        async def mixed() -> None:
            wire.send(b"a" * 1_000)
            await send({"type": "websocket.send", "text": "b" * 1_000})
            wire.send(b"a" * 1_000)

        server.run(mixed())
        assert len(peer.protocol.extensions) == 1
        assert [peer.text() for _ in range(3)] == ["a" * 1_000, "b" * 1_000, "a" * 1_000]
        plain = connect(server.port)
        other = app.wire()
        server.call(lambda: other.send(b"plain"))
        assert plain.text() == "plain"


def test_there_is_no_wire_where_there_is_no_socket(server: RealServer, app: Listening, connect: Connect) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN) as connection:
        connection.sendall(
            b"GET /graphql HTTP/1.1\r\nhost: here\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: too short\r\n\r\n"
        )
        assert connection.recv(4_096).startswith(b"HTTP/1.1 400")
    peer = connect(server.port)
    app.wire()
    assert peer.protocol.state is State.OPEN
    assert wire_of({"type": "websocket"}) is None
    assert wire_of({"type": "websocket", "extensions": {}}) is None


@pytest.mark.parametrize(
    ("rubbish", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # no such opcode
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126), 1002),  # a ping of 126 bytes
        (b"\x09\x80\x00\x00\x00\x00", 1002),  # a fragmented ping
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # continues nothing
        (b"\x81\x82\x00\x00\x00\x00\xc3\x28", 1007),  # no UTF-8
        (b"\x88\x81\x00\x00\x00\x00\x00", 1002),  # half a close code
        (b"\x88\x82\x00\x00\x00\x00\x03\xec", 1002),  # 1004 may not be sent
        (b"\x81\xff\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00", 1009),  # a megabyte announced
    ],
)
def test_rubbish_is_refused_with_its_code_also_between_frames(
    app: Listening, loop: str, rubbish: bytes, code: int, connect: Connect
) -> None:
    with real_server(app, loop=loop, ws_max_size=100_000) as server:
        peer = connect(server.port)
        wire = app.wire()
        server.call(lambda: wire.send(b"fine so far"))
        peer.socket.sendall(rubbish)
        assert peer.text() == "fine so far"
        closed = peer.closed()
        assert closed is not None
        assert closed[0] == code
        app.ends.get(timeout=WITHIN)
        server.call(lambda: wire.send(b"nobody hears"))


async def test_several_thousand_sockets_come_and_go_and_leave_nothing(
    server: RealServer, app: Listening, connect: Connect
) -> None:
    for _ in range(4):
        peers = [connect(server.port) for _ in range(500)]
        wires = [app.wire() for _ in peers]
        server.call(lambda wires=wires: [wire.send(b"hello") for wire in wires])  # type: ignore[misc]
        assert {peer.text() for peer in peers} == {"hello"}
        for number, peer in enumerate(peers):
            match number % 3:
                case 0:
                    peer.vanish()
                case 1:
                    peer.socket.close()  # as a killed process that had read all
                case 2:
                    peer.close(1000)
        await eventually(lambda: server.protocols == [])
    # The application hears of it a moment after the connection is gone.
    await eventually(lambda: app.ends.qsize() == 2_000)
