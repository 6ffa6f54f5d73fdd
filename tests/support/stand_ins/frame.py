"""What all stand-ins for providers have in common: a real HTTP server on this machine, and orders for it to misbehave.

What a provider checks and answers is its own file's business. A stand-in takes nothing it would not be sent by its own
SDK: whatever is wrong with a request is noted in `refused`, and answered as the provider answers it.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import h11
import httpx

from app.core.outbound import network
from app.notifications.channels.interface import CallbackRequest, Surroundings

AROUND = Surroundings(allowed=(network("127.0.0.0/8"),), callback_url="https://queue.example/callbacks/1")
"""What an adapter is given so that it may ask a stand-in."""


@dataclass(frozen=True)
class Asked:
    """A request as it came. Headers' names are in small letters."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query, strict_parsing=False).items()}

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """Its fields; one that is given twice is no field of a provider's."""
        found = parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        assert all(len(values) == 1 for values in found.values()), found
        return {name: values[0] for name, values in found.items()}


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def json(value: Any, status: int = 200, **headers: str) -> "Reply":
        """An answer in JSON; `Retry_After="3"` is the header of that name."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


@dataclass(frozen=True)
class HangUp:
    """Close the connection without an answer; `after_taking` what was sent, if nothing is wrong with it."""

    after_taking: bool = False


@dataclass(frozen=True)
class Silence:
    """Say nothing until whoever asks gives up; `after_taking` what was sent, if nothing is wrong with it."""

    after_taking: bool = False


Order = Reply | HangUp | Silence


class StandIn:
    """A provider as far as it matters. Subclasses implement `take`, which checks a request and answers it.

    - `orders`: how the next requests are treated, in turn, instead of being taken; `always` how all of them are
    - `asked`: what came, whatever became of it
    - `refused`: what was wrong, a word for each, e.g. `signature`
    """

    def __init__(self) -> None:
        self.base = ""
        self.asked: list[Asked] = []
        self.refused: list[str] = []
        self.orders: list[Order] = []
        self.always: Order | None = None

    async def take(self, asked: Asked) -> Reply:
        """Check a request, and answer as the provider does."""
        raise NotImplementedError

    def refuse(self, fault: str, reply: Reply) -> Reply:
        """Note what is wrong with a request, and answer so."""
        self.refused.append(fault)
        return reply

    async def answer(self, asked: Asked) -> Reply | None:
        """The answer to a request; None: the connection is closed instead."""
        self.asked.append(asked)
        order = self.orders.pop(0) if self.orders else self.always
        if order is None:
            return await self.take(asked)
        if isinstance(order, Reply):
            return order
        if order.after_taking and (reply := await self.take(asked)).status >= 300:
            return reply
        if isinstance(order, Silence):
            await asyncio.Event().wait()  # until the connection or the server is closed
        return None


StandInT = TypeVar("StandInT", bound=StandIn)


@asynccontextmanager
async def standing_in(stand_in: StandInT, secured: ssl.SSLContext | None = None) -> AsyncIterator[StandInT]:
    """Serve until the block ends, in the test's own loop. One request per connection."""
    answering: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answering.add(task)
        task.add_done_callback(answering.discard)
        try:
            await _converse(stand_in, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # whoever asked is gone, or the stand-in is
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured)
    scheme = "http" if secured is None else "https"
    stand_in.base = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stand_in
    finally:
        server.close()
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering)


async def _converse(stand_in: StandIn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h11.Connection(h11.SERVER)
    request: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            break
    if request is None or not isinstance(event, h11.EndOfMessage):
        return  # gone before it was whole
    headers = {name.decode().lower(): value.decode() for name, value in request.headers}
    asked = Asked(request.method.decode(), request.target.decode(), headers, body)
    # Whoever waits in vain may leave; what is being answered is not waited for any longer then.
    answer, leaving = asyncio.ensure_future(stand_in.answer(asked)), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({answer, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() or (reply := answer.result()) is None:
            return
    finally:
        answer.cancel()
        leaving.cancel()
    head = h11.Response(
        status_code=reply.status,
        headers=[*reply.headers.items(), ("Content-Length", str(len(reply.body))), ("Connection", "close")],
    )
    for part in (head, h11.Data(data=reply.body), h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()


async def post(callback: CallbackRequest, client: httpx.AsyncClient) -> httpx.Response:
    """Send a callback as its provider does, to the application behind a client."""
    return await client.post(callback.url, content=callback.body, headers=dict(callback.headers))
