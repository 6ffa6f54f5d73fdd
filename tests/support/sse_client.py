"""A reader of event streams that speaks ASGI in the test's own loop, where httpx would wait for the whole answer.

Parses as the specification of server-sent events says, and forgives nothing that it does not.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message

from tests.support.waiting import PATIENCE

EVENT_STREAM = {"accept": "text/event-stream", "content-type": "application/json"}


class Ended(Exception):
    """The server ended the stream; `comment` is the last one it sent."""

    def __init__(self, comment: str) -> None:
        super().__init__(comment)
        self.comment = comment


class EventParser:
    """Bytes in, events and comments out, in the order they came: `("next", "{…}")`, `(":", "text")`."""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """What is complete now."""
        found = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            name, _, value = line.decode().partition(":")
            value = value.removeprefix(" ")
            if not line:
                if self._data:
                    found.append((self._event, "\n".join(self._data)))
                self._event, self._data = "", []
            elif not name:
                found.append((":", value))
            elif name == "event":
                self._event = value
            else:
                assert name == "data", line
                self._data.append(value)
        return found


class EventStream:
    """One answer, as it comes."""

    def __init__(self, app: ASGIApp, scope: dict[str, Any], body: bytes) -> None:
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._arrived: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        self._parser = EventParser()
        self._comment = ""
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.headers: dict[str, str] = {}
        self.body = b""
        self.reading = asyncio.Event()
        self.reading.set()
        self.stops_after_next = False
        self.gone = False
        self._to_server.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.server = asyncio.create_task(app(scope, self._to_server.get, self._send))

    async def _send(self, message: Message) -> None:
        # As uvicorn does: waits for the peer before it writes, drops what is for nobody.
        await self.reading.wait()
        if self.gone:
            return
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.status.set_result(message["status"])
            return
        self.body += message["body"]
        if self.stops_after_next and message["body"]:
            self.stops_after_next = False
            self.reading.clear()
        for item in self._parser.feed(message["body"]):
            self._arrived.put_nowait(item)
        if not message.get("more_body", False):
            self._arrived.put_nowait(None)
            self._to_server.put_nowait({"type": "http.disconnect"})

    async def entry(self, *, within: float = PATIENCE) -> tuple[str, str]:
        """The next event or comment. `Ended` if there is none any more."""
        async with asyncio.timeout(within):
            entry = await self._arrived.get()
        if entry is None:
            self._arrived.put_nowait(None)
            raise Ended(self._comment)
        if entry[0] == ":":
            self._comment = entry[1]
        return entry

    async def payload(self, *, within: float = PATIENCE) -> dict[str, Any]:
        """The next item, errors included. `StopAsyncIteration` after `complete`."""
        while True:
            event, data = await self.entry(within=within)
            if event == "complete":
                assert data == ""
                raise StopAsyncIteration
            if event != ":":
                assert event == "next"
                return dict(json.loads(data))

    async def item(self, *, within: float = PATIENCE) -> Any:
        """The next item's data, which must come without errors: the value of its only root field."""
        payload = await self.payload(within=within)
        assert "errors" not in payload, payload
        (value,) = payload["data"].values()
        return value

    async def ended(self, *, within: float = PATIENCE) -> str:
        """Read on until the stream ends without `complete`; the last comment."""
        async with asyncio.timeout(within):
            while True:
                try:
                    assert (await self.entry())[0] != "complete"
                except Ended as ended:
                    return ended.comment

    def waiting(self) -> int:
        """How many entries arrived and were not read."""
        return self._arrived.qsize()

    async def answer(self) -> Any:
        """The JSON of a request that was turned away."""
        async with asyncio.timeout(PATIENCE):
            await self.server
        return json.loads(self.body)

    async def disconnect(self) -> None:
        """Go away without a word, and wait until the server has noticed."""
        self.gone = True
        self.reading.set()
        self._to_server.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(PATIENCE):
            await self.server


@asynccontextmanager
async def sse_request(
    app: ASGIApp,
    body: bytes,
    *,
    method: str = "POST",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[EventStream]:
    """Send a request and look at its answer while it comes."""
    every_header = {"host": "testserver", **EVENT_STREAM, **(headers or {})}
    if token is not None:
        every_header["authorization"] = f"Bearer {token}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in every_header.items()],
        "client": ("127.0.0.1", 12345),
        "server": ("testserver", 80),
        "state": {},
    }
    stream = EventStream(app, scope, body)
    try:
        yield stream
    finally:
        await stream.disconnect()


@asynccontextmanager
async def sse(
    app: ASGIApp,
    query: str,
    variables: Mapping[str, Any] | None = None,
    *,
    operation_name: str | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[EventStream]:
    """Start an operation and read its results."""
    request = {"query": query, "variables": variables, "operationName": operation_name}
    async with sse_request(app, json.dumps(request).encode(), token=token, headers=headers) as stream:
        yield stream
