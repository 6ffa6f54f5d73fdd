"""An SMS provider with Twilio's way of being asked: a real server on this machine that checks everything it is sent."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import orjson

from tests.support.origin import ok

ACCOUNT, SECRET, SENDER = "AC0123456789", "to/ken:1", "+15005550006"


@dataclass
class Provider:
    """What it has taken, and what it answers instead of taking anything, in turn: (status, code, message)."""

    port: int = 0
    taken: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, int, str]] = field(default_factory=list)
    hangs_up: bool = False

    @property
    def url(self) -> str:
        """As VQ_SMS_URL."""
        return f"twilio+http://{ACCOUNT}:to%2Fken%3A1@127.0.0.1:{self.port}?from=%2B15005550006"

    def answer(self, head: str, body: bytes) -> bytes:
        """What Twilio would say."""
        path, *headers = head.split("\r\n")
        sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in headers)}
        wanted = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
        if path != f"POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1":
            return _json(404, {"code": 20404, "message": f"{path} was not found"})
        if sent.get("authorization") != f"Basic {wanted}":
            return _json(401, {"code": 20003, "message": "Authenticate"})
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if self.answers:
            status, code, message = self.answers.pop(0)
            return _json(status, {"code": code, "message": message.replace("{to}", form["To"])})
        if set(form) != {"To", "From", "Body"} or form["From"] != SENDER or not form["To"].startswith("+"):
            return _json(400, {"code": 21211, "message": "The form is wrong."})
        self.taken.append(form)
        return _json(201, {"sid": f"SM{len(self.taken)}", "status": "queued"})


def _json(status: int, value: dict[str, object]) -> bytes:
    return ok(orjson.dumps(value), f"{status} Status".encode())


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """It is there for as long as the block."""
    there = Provider()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length")]
        length = int(lengths[0])
        body = await reader.readexactly(length)
        if not there.hangs_up:
            writer.write(there.answer(head.rstrip(), body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    there.port = server.sockets[0].getsockname()[1]
    async with server:
        yield there
