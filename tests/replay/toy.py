"""A toy server that speaks GraphQL over HTTP and graphql-transport-ws by the book, as a test scripts it. No product."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.replay.listening import listening

Message = dict[str, object]


@dataclass
class Toy:
    """Answers are taken from the lists in turn; the last one stays."""

    answers: list[Response | Message] = field(default_factory=list)
    talks: list[Callable[["Talk"], Awaitable[None]]] = field(default_factory=list)
    requests: list[tuple[str | None, Message]] = field(default_factory=list)
    heard: list[list[Message]] = field(default_factory=list)
    url: str = ""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, request: Request) -> Response:
        self.requests.append((request.headers.get("authorization"), await request.json()))
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept("graphql-transport-ws")
        self.heard.append([])
        talk = self.talks[0] if len(self.talks) == 1 else self.talks.pop(0)
        try:
            await talk(Talk(websocket, self.heard[-1]))
        except WebSocketDisconnect:
            self.closed.set()


@dataclass
class Talk:
    """One connection, seen from the server."""

    websocket: WebSocket
    heard: list[Message]

    async def receive(self) -> Message:
        message: Message = await self.websocket.receive_json()
        self.heard.append(message)
        return message

    async def send(self, **message: object) -> None:
        await self.websocket.send_json(message)

    async def next(self, **data: object) -> None:
        await self.send(type="next", id="1", payload={"data": data})

    async def open(self) -> Message:
        """Acknowledge and hear the subscription."""
        await self.receive()
        await self.send(type="connection_ack")
        return await self.receive()

    async def close(self, code: int, reason: str = "") -> None:
        await self.websocket.close(code, reason)


@asynccontextmanager
async def serving(toy: Toy) -> AsyncIterator[Toy]:
    """The toy on a free port of this machine, in this loop."""
    routes = [Route("/graphql", toy.post, methods=["POST"]), WebSocketRoute("/graphql", toy.socket)]
    async with listening(Starlette(routes=routes)) as toy.url:
        yield toy
