"""GraphQL over HTTP, cheap for the machine: on few cores a heavy client would be measured instead of the server.

One connection is one client: it waits for each answer. No retries, no redirects; whatever is unexpected is raised.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

# uvicorn hangs up on whoever is silent for five seconds; to ask at that very moment is to lose the answer.
_IDLE_SECONDS = 4.0


class UnexpectedAnswer(Exception):
    """The server answered something a benchmark cannot go on with."""


class Connection:
    """A kept-alive connection to the API."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._used_at = 0.0
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, request: bytes) -> bytes:
        """Send a request made by `request_for`; the body of the answer."""
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            await self.close()
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length))
        self._used_at = time.monotonic()
        if not head.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer((head.splitlines()[0] + b" " + body[:300]).decode())
        return body

    async def execute(self, document: str, variables: Mapping[str, object], token: str | None = None) -> Any:
        """The value of the operation's only root field, which must not be an error."""
        return success(await self.send(request_for(document, variables, token)))

    async def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):  # the other end was first
                await self._writer.wait_closed()
            self._reader = self._writer = None


def request_for(
    document: str, variables: Mapping[str, object], token: str | None = None, path: str = "/graphql"
) -> bytes:
    """A whole request: what can be made before the clock runs is."""
    body = orjson.dumps({"query": document, "variables": variables})
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\n{authorization}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def success(body: bytes) -> Any:
    """The value of the only root field; `UnexpectedAnswer` if it is an error of any kind."""
    answer = orjson.loads(body)
    if "errors" in answer:
        raise UnexpectedAnswer(body[:500].decode())
    (value,) = answer["data"].values()
    if isinstance(value, dict) and value.get("__typename", "").endswith("Error"):
        raise UnexpectedAnswer(body[:500].decode())
    return value
