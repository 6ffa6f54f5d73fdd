"""The naive reference: Strawberry's stock ASGI application, one generator and one queue per subscriber.

What one writes first, in other words. There is no database and no authentication; uvicorn with its usual settings, but
without its pings. `POST /wave` hands everybody their next state.
"""

import argparse
import asyncio
import resource
import socket
from collections.abc import AsyncIterator

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from strawberry.asgi import GraphQL

_ahead = 0
_wave = 0
_watching: dict[int, asyncio.Queue[int]] = {}


@strawberry.type
class Session:
    """The fields that the product is asked for."""

    ticket_number: str
    status: str
    position: int
    ahead_count: int
    estimated_wait_seconds: int | None
    revision: int


@strawberry.type
class Query:
    """A schema needs one."""

    name: str = "naive"


def _session(place: int, wave: int) -> Session:
    position = _ahead + place + 1 - wave
    return Session(
        ticket_number=f"A{_ahead + place + 1:05d}",
        status="WAITING",
        position=position,
        ahead_count=position - 1,
        estimated_wait_seconds=None,
        revision=wave + 2,
    )


@strawberry.type
class Subscription:
    """The one that is watched."""

    @strawberry.subscription
    async def session_changed(self, session_id: strawberry.ID) -> AsyncIterator[Session]:
        """The current state, then each newer one."""
        place = int(session_id)
        waves = _watching[place] = asyncio.Queue()
        try:
            yield _session(place, _wave)
            while True:
                yield _session(place, await waves.get())
        finally:
            if _watching.get(place) is waves:
                del _watching[place]


async def _send(request: Request) -> JSONResponse:
    global _wave
    _wave += 1
    for waves in _watching.values():
        waves.put_nowait(_wave)
    return JSONResponse({})


async def _ready(request: Request) -> JSONResponse:
    return JSONResponse({})


def main() -> None:
    """Serve on an inherited socket."""
    global _ahead
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--ahead", type=int, default=0)
    arguments = parser.parse_args()
    _ahead = arguments.ahead
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    graphql = GraphQL[None, None](strawberry.Schema(query=Query, subscription=Subscription))
    routes = [
        Route("/health/ready", _ready),
        Route("/prepare", _ready, methods=["POST"]),
        Route("/wave", _send, methods=["POST"]),
        Mount("/", graphql),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), ws_ping_interval=None, log_level="warning", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=arguments.fd)])


if __name__ == "__main__":
    main()
