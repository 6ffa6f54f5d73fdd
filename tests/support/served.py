"""The sockets of `ws_client` over a real uvicorn in the test's own loop, instead of ASGI: frames on a wire.

One server serves whatever applications the tests bring; a number in the address says whose socket it is.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from app.api.protocol import FrameProtocol
from tests.support.ws_client import WITHIN, RawSocket

_CHUNK = 1_024


class Served:
    """The server, and the applications it has sockets of."""

    def __init__(self) -> None:
        self.port = 0
        self._server: uvicorn.Server | None = None
        self._apps: dict[bytes, tuple[ASGIApp, asyncio.Event]] = {}
        self._numbers = count()

    def buffered_bytes(self) -> list[int]:
        """What waits for each peer in this process."""
        assert self._server is not None
        return [each.transport.get_write_buffer_size() for each in self._server.server_state.connections]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a socket to its application, and say when that is done with it."""
        app, done = self._apps.pop(scope["query_string"])
        try:
            await app(scope, receive, send)
        finally:
            done.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Served"]:
        """Serve until the block ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            self, ws=FrameProtocol, ws_ping_interval=None, ws_per_message_deflate=False, lifespan="off", log_config=None
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        self._server = server
        await server.startup(sockets=[listener])
        try:
            yield self
        finally:
            await server.shutdown(sockets=[listener])

    @asynccontextmanager
    async def open(
        self,
        app: ASGIApp,
        path: str = "/graphql",
        *,
        subprotocols: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        accepted: bool = True,
    ) -> AsyncIterator["ServedSocket"]:
        """`raw_socket` over TCP."""
        query, done = f"socket={next(self._numbers)}", asyncio.Event()
        self._apps[query.encode()] = app, done
        protocol = ClientProtocol(
            parse_uri(f"ws://testserver{path}?{query}"),
            subprotocols=list(subprotocols) or None,  # type: ignore[arg-type] # a NewType of str
        )
        # Small buffers on this side, so that a test which does not read is soon noticed on the other.
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=1_024)
        opened = ServedSocket(protocol, reader, writer, done, headers or {})
        try:
            if accepted:
                event = await opened.next_event()
                assert event["type"] == "websocket.accept", event
            yield opened
        finally:
            await opened.disconnect()


class ServedSocket(RawSocket):
    """One websocket over TCP, with the reference library's parser."""

    def __init__(
        self,
        protocol: ClientProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        done: asyncio.Event,
        headers: Mapping[str, str],
    ) -> None:
        self._protocol = protocol
        self._reader = reader
        self._writer = writer
        self._done = done
        self._from_server: asyncio.Queue[Message] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        request = protocol.connect()
        request.headers.update(headers)
        protocol.send_request(request)
        self._flush()
        self._reading = asyncio.create_task(self._read())

    async def send_text(self, text: str) -> None:
        """A text frame."""
        self._protocol.send_text(text.encode())
        self._flush()

    async def send_bytes(self, data: bytes) -> None:
        """A binary frame."""
        self._protocol.send_binary(data)
        self._flush()

    async def disconnect(self) -> None:
        """Go away without a word, and wait until the application has noticed."""
        self._reading.cancel()
        self._writer.transport.abort()
        with suppress(asyncio.CancelledError):
            await self._reading
        async with asyncio.timeout(WITHIN):
            await self._done.wait()

    async def _read(self) -> None:
        while data := await self._reader.read(_CHUNK):
            await self.reading.wait()
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                self._from_server.put_nowait(self._as_asgi(event))
            self._flush()

    def _as_asgi(self, event: Any) -> Message:
        """What the application sent, from what arrived."""
        match event:
            case Response(status_code=101):
                chosen = {} if self._protocol.subprotocol is None else {"subprotocol": self._protocol.subprotocol}
                return {"type": "websocket.accept", **chosen}
            case Response():
                return {"type": "websocket.close", "code": event.status_code}
            case Frame(opcode=Opcode.TEXT, fin=True):
                json.loads(event.data)  # whole
                return {"type": "websocket.send", "text": bytes(event.data).decode()}
            case Frame(opcode=Opcode.CLOSE):
                close = self._protocol.close_rcvd
                assert close is not None
                return {"type": "websocket.close", "code": close.code, "reason": close.reason}
        raise AssertionError(f"nobody sends this: {event}")

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self._writer.is_closing():
                self._writer.write(data)
