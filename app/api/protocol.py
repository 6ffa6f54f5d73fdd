"""uvicorn's websocket protocol as an outlet: text frames are written straight to the transport, stalled peers given up.

Not a websocket implementation: handshake, parsing, control frames and closing stay the library's.
"""

import asyncio
import logging
import socket
from asyncio.transports import BaseTransport
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request
from websockets.protocol import CONNECTING, OPEN, Protocol

from app.api.outlets import Wire
from app.core.live.outlet import drained

logger = logging.getLogger(__name__)

_EXTENSION = "vq.wire"
_TALLY_SECONDS = 10.0
# Headers of unmasked text frames, by length: RFC 6455, section 5.2. Made once, for the messages there are most of.
_HEADERS = [bytes((0x81, size)) for size in range(126)]
_HEADERS += [b"\x81\x7e" + size.to_bytes(2, "big") for size in range(126, 1_024)]


def wire_of(scope: Scope) -> Wire | None:
    """The wire of a socket this protocol serves; None on another server, or before it was asked to accept."""
    wire: Wire | None = scope.get("extensions", {}).get(_EXTENSION)
    return wire


def text_frame(message: bytes) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, section 5.2)."""
    size = len(message)
    if size < len(_HEADERS):
        return _HEADERS[size] + message
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + message
    return b"\x81\x7f" + size.to_bytes(8, "big") + message


class _Inbox(asyncio.Queue[ASGIReceiveEvent]):
    """What the application has not received yet, for its one reader: as much of a queue as the library uses."""

    __slots__ = ("_events", "_reader")

    def __init__(self) -> None:
        # Nearly always there is nothing, and an empty deque is 600 bytes.
        self._events: deque[ASGIReceiveEvent] | None = None
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Whether there is nothing to receive."""
        return self._events is None

    def put_nowait(self, item: ASGIReceiveEvent) -> None:
        """Add an event."""
        if self._events is None:
            self._events = deque()
        self._events.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> ASGIReceiveEvent:
        """Wait for the oldest event and take it."""
        while self._events is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        event = self._events.popleft()
        if not self._events:
            self._events = None
        return event


class _Writable(asyncio.Event):
    """An event that is set, of all peers that are not slow."""

    def __init__(self) -> None:
        super().__init__()
        super().set()

    def clear(self) -> None:
        raise AssertionError("one of many peers is slow, not all")


_WRITABLE = _Writable()


class FrameProtocol(WebSocketsSansIOProtocol):
    """One socket.

    What the kernel does not take at once makes the peer slow, however little it is: anything more would be
    old before it is read. A peer that stays slow for `stall_seconds` is gone: nothing in TCP ends a connection whose
    other side lives and does not read. Pings of a slow peer are answered when it reads again, the last of them only
    (RFC 6455, section 5.5.3), so that asking without reading fills no memory.
    """

    # The library's attributes are too many for the layout Python shares between objects: 1.2 KB in a dictionary.
    __slots__ = (
        *("_drained", "_late_pong", "_stall_timer", "_wire"),
        *("app", "app_state", "asgi_version", "client", "close_sent", "close_timeout", "close_timer", "config"),
        *("conn", "connections", "curr_msg_data_type", "default_headers", "disconnected", "frames"),
        *("handshake_complete", "handshake_initiated", "initial_response", "last_ping_rtt", "logger", "loop"),
        *("pending_ping_payload", "ping_interval", "ping_sent_at", "ping_timeout", "ping_timer", "pong_timer", "queue"),
        *("read_paused", "request", "response", "root_path", "scheme", "scope", "server", "tasks", "transport"),
        "writable",
    )

    send_buffer_bytes = 8_192
    """`SO_SNDBUF` of each socket; the kernel doubles it. Who stops reading finds about this much that is old."""

    stall_seconds = 60.0
    """How long a peer may be slow."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # The library's queue and event are 3 KB a socket, nearly all of it empty deques.
        self.queue = _Inbox()
        self.writable = _WRITABLE
        self._wire: FrameWire | None = None
        self._drained: list[Callable[[], None]] = []
        self._late_pong: bytes | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what may wait for this peer, here and in the kernel."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer_bytes)

    def handle_connect(self, event: Request) -> None:
        """Show the application its wire."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[_EXTENSION] = self._wire = FrameWire(self)
            if not self.conn.reader.buffer:
                # The parser keeps the request for as long as it runs. Nothing has come after it, so another may go on.
                self.conn.parser = Protocol.parse(self.conn)
                next(self.conn.parser)

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's `send`. Once the socket is open nothing looks at its handshake again: 4 KB."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            del self.request, self.response
        self._look_at_state()

    def data_received(self, data: bytes) -> None:
        """What has come may have been the end."""
        super().data_received(data)
        self._look_at_state()

    def keepalive_timeout(self) -> None:
        """The peer does not answer pings."""
        super().keepalive_timeout()
        self._look_at_state()

    def shutdown(self) -> None:
        """The server is stopping."""
        super().shutdown()
        self._look_at_state()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for this peer any more."""
        if self._wire is not None:
            self._wire.discard()
        self._not_slow()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The kernel did not take all."""
        self.writable = asyncio.Event()
        if self._wire is not None:
            self._wire.is_slow = True
        self._stall_timer = self.loop.call_later(self.stall_seconds, self._give_up)

    def resume_writing(self) -> None:
        """The kernel has taken all."""
        self.writable.set()
        self.writable = _WRITABLE
        self._not_slow()

    def handle_ping(self) -> None:
        """Answer now, or when the peer reads again."""
        if self._is_slow and self.conn.state is OPEN:
            # Several pings may have come together: the first of them has taken all answers.
            for pong in self.conn.data_to_send()[-1:]:
                self._late_pong = pong
        else:
            super().handle_ping()

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back when the peer is not slow any more, or gone."""
        if self._is_slow:
            self._drained.append(callback)
        else:
            self.loop.call_soon(callback)

    @property
    def _is_slow(self) -> bool:
        return self._wire is not None and self._wire.is_slow

    def _look_at_state(self) -> None:
        # The wire is asked at each send; the library's state, a property of a property, changes in these few places.
        if self._wire is not None and (self.conn.state not in (CONNECTING, OPEN) or self.transport.is_closing()):
            self._wire.discard()

    def _not_slow(self) -> None:
        if self._wire is not None:
            self._wire.is_slow = False
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        # From here on the peer may become slow again: who is called back looks.
        pong, self._late_pong = self._late_pong, None
        if pong is not None and self.conn.state is OPEN and not self.transport.is_closing():
            self.transport.write(pong)
        callbacks, self._drained = self._drained, []
        for callback in callbacks:
            callback()

    def _give_up(self) -> None:
        _tally.count(self.loop)
        if self._wire is not None:
            self._wire.abort()


class FrameWire:
    """The outgoing side of one socket. Frames are whole, so the library's own may stand between any two of them.

    A fan-out asks and sends through ten thousand of these in turn, and what each of them touches is in no cache: so it
    is told what changes, and looks nowhere.
    """

    __slots__ = ("_is_open", "_protocol", "_write", "is_slow")

    def __init__(self, protocol: FrameProtocol) -> None:
        self._protocol = protocol
        # Whether the kernel has not taken all yet.
        self.is_slow = False
        # No close frame has been sent or received, and none is meant to be.
        self._is_open = True
        # None: compressed, the library keeps the window.
        self._write: Callable[[bytes], None] | None = None if protocol.conn.extensions else protocol.transport.write

    def send(self, message: bytes) -> None:
        """Write one text frame."""
        if not self._is_open:
            return
        if self._write is not None:
            self._write(text_frame(message))
        else:
            self._protocol.conn.send_text(message)
            self._protocol.transport.writelines(self._protocol.conn.data_to_send())

    def when_drained(self, callback: Callable[[], None]) -> None:
        """Call back when the kernel has taken all, or the peer is gone."""
        self._protocol.when_drained(callback)

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame after all messages."""
        if not self._is_open:
            return
        self._is_open = False
        await drained(self)
        protocol = self._protocol
        if protocol.conn.state is OPEN and not protocol.transport.is_closing():
            await protocol.send({"type": "websocket.close", "code": code, "reason": reason})

    def abort(self) -> None:
        """Reset the connection."""
        self._is_open = False
        self._protocol.transport.abort()

    def discard(self) -> None:
        """Send nothing any more; the library ends the connection in its own time."""
        self._is_open = False


class _Tally:
    """Counts peers given up, so that a bad minute of a mobile network is one line in the log."""

    def __init__(self) -> None:
        self._count = 0

    def count(self, loop: asyncio.AbstractEventLoop) -> None:
        """One more."""
        if self._count == 0:
            loop.call_later(_TALLY_SECONDS, self._report)
        self._count += 1

    def _report(self) -> None:
        logger.warning("peers that did not read were given up", extra={"sockets": self._count})
        self._count = 0


_tally = _Tally()


def frame_protocol(*, send_buffer_bytes: int, stall_seconds: float) -> type[FrameProtocol]:
    """The protocol with the numbers of an installation: uvicorn is given a class, not an object."""
    return type(
        "ConfiguredFrameProtocol",
        (FrameProtocol,),
        {"send_buffer_bytes": send_buffer_bytes, "stall_seconds": stall_seconds},
    )
