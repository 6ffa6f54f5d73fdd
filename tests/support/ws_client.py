"""A graphql-transport-ws client that speaks ASGI in the test's own loop.

Starlette's TestClient runs the application in another thread's loop, where the test's engine and bus do not work.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message

from tests.support.waiting import PATIENCE

WITHIN = PATIENCE
"""Seconds a test waits for what must come."""


class Closed(Exception):
    """The server closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class OperationFailed(Exception):
    """An `error` message; `errors` is its payload."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors

    @property
    def code(self) -> str:
        """The first error's code."""
        return str(self.errors[0]["extensions"]["code"])


class RawSocket:
    """One websocket: texts in, texts out, and the server's close code."""

    def __init__(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._from_server: asyncio.Queue[Message] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self.gone = False
        self._to_server.put_nowait({"type": "websocket.connect"})
        self.server = asyncio.create_task(app(scope, self._to_server.get, self._send))

    async def _send(self, message: Message) -> None:
        await self.reading.wait()
        if self.gone:
            raise OSError("client disconnected")
        self._from_server.put_nowait(message)
        if message["type"] == "websocket.close":
            self._to_server.put_nowait({"type": "websocket.disconnect", "code": message["code"]})

    async def next_event(self, *, within: float = WITHIN) -> Message:
        """The server's next ASGI message."""
        async with asyncio.timeout(within):
            return await self._from_server.get()

    async def send_text(self, text: str) -> None:
        await self._to_server.put({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        await self._to_server.put({"type": "websocket.receive", "bytes": data})

    async def send(self, message: object) -> None:
        await self.send_text(json.dumps(message))

    async def receive(self, *, within: float = WITHIN) -> Any:
        """The next message, decoded; `Closed` if the server closes instead."""
        event = await self.next_event(within=within)
        if event["type"] == "websocket.close":
            raise Closed(event["code"], event.get("reason", ""))
        return json.loads(event["text"])

    async def closed(self, *, within: float = WITHIN) -> Closed:
        """Read on until the server closes."""
        async with asyncio.timeout(within):
            while True:
                try:
                    await self.receive()
                except Closed as closed:
                    return closed

    async def silence(self, seconds: float) -> None:
        """Fail if anything arrives within that time."""
        with suppress(TimeoutError):
            raise AssertionError(f"unexpected: {await self.next_event(within=seconds)}")

    async def disconnect(self) -> None:
        """Go away without a word, and wait until the server has noticed."""
        self.gone = True
        self.reading.set()
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(WITHIN):
            await self.server


SocketOpener = Callable[..., AbstractAsyncContextManager["RawSocket"]]

opener: list[SocketOpener] = []
"""What opens sockets instead of ASGI, if anything (`served.py`): the last one."""


@asynccontextmanager
async def raw_socket(
    app: ASGIApp,
    path: str = "/graphql",
    *,
    subprotocols: tuple[str, ...] = ("graphql-transport-ws",),
    headers: Mapping[str, str] | None = None,
    accepted: bool = True,
) -> AsyncIterator[RawSocket]:
    """Open a socket. With `accepted=False` the handshake's answer is left to the test."""
    if opener:
        async with opener[-1](app, path, subprotocols=subprotocols, headers=headers, accepted=accepted) as served:
            yield served
        return
    every_header = {"host": "testserver", **(headers or {})}
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in every_header.items()],
        "client": ("127.0.0.1", 12345),
        "server": ("testserver", 80),
        "subprotocols": list(subprotocols),
        "extensions": {},
        "state": {},
    }
    socket = RawSocket(app, scope)
    try:
        if accepted:
            event = await socket.next_event()
            assert event["type"] == "websocket.accept", event
        yield socket
    finally:
        await socket.disconnect()


class Subscription:
    """The items of one operation: `async for payload in subscription`, or `await subscription.item()`."""

    def __init__(self, client: "WsClient", operation_id: str) -> None:
        self._client = client
        self.id = operation_id
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def deliver(self, message: dict[str, Any]) -> None:
        self._messages.put_nowait(message)

    async def payload(self, *, within: float = WITHIN) -> dict[str, Any]:
        """The next item, errors included. `OperationFailed` and `StopAsyncIteration` end the operation."""
        async with asyncio.timeout(within):
            message = await self._messages.get()
        if message["type"] == "next":
            return dict(message["payload"])
        if message["type"] == "error":
            raise OperationFailed(message["payload"])
        if message["type"] == "closed":
            raise message["closed"]
        raise StopAsyncIteration

    async def item(self, *, within: float = WITHIN) -> Any:
        """The next item's data, which must come without errors: the value of its only root field."""
        payload = await self.payload(within=within)
        assert "errors" not in payload, payload
        (value,) = payload["data"].values()
        return value

    def waiting(self) -> int:
        """How many messages arrived and were not read."""
        return self._messages.qsize()

    async def complete(self) -> None:
        """Tell the server to stop."""
        await self._client.socket.send({"type": "complete", "id": self.id})

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> dict[str, Any]:
        return await self.payload()


class WsClient:
    """A connected, acknowledged client that answers pings."""

    def __init__(self, socket: RawSocket) -> None:
        self.socket = socket
        self._ids = count(1)
        self._open: dict[str, Subscription] = {}
        self._closed: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                message = await self.socket.receive(within=3600)
            except Closed as closed:
                self._closed.set_result(closed)
                for subscription in self._open.values():
                    subscription.deliver({"type": "closed", "closed": closed})
                return
            if message["type"] == "ping":
                await self.socket.send({"type": "pong"})
            elif message.get("id") in self._open:
                self._open[message["id"]].deliver(message)

    async def subscribe(
        self, query: str, variables: dict[str, Any] | None = None, operation_name: str | None = None
    ) -> Subscription:
        """Start an operation of any kind."""
        subscription = Subscription(self, str(next(self._ids)))
        self._open[subscription.id] = subscription
        payload = {"query": query, "variables": variables, "operationName": operation_name}
        await self.socket.send({"type": "subscribe", "id": subscription.id, "payload": payload})
        return subscription

    async def closed(self, *, within: float = WITHIN) -> Closed:
        """Wait until the server closes the socket."""
        async with asyncio.timeout(within):
            return await asyncio.shield(self._closed)


@asynccontextmanager
async def ws_client(
    app: ASGIApp,
    token: str | None = None,
    *,
    path: str = "/graphql",
    payload: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[WsClient]:
    """Connect and initialise, with a bearer token if one is given; `Closed` if the server refuses."""
    async with raw_socket(app, path, headers=headers) as socket:
        init = {"authorization": f"Bearer {token}"} if token else {}
        await socket.send({"type": "connection_init", "payload": init | (payload or {})})
        message = await socket.receive()
        assert message["type"] == "connection_ack", message
        client = WsClient(socket)
        try:
            yield client
        finally:
            client.reader.cancel()
            await asyncio.gather(client.reader, return_exceptions=True)
