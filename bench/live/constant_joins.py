"""A reference of the joins: the product's transport and schema classes, with a mutation that answers constants.

`queueJoin` here takes the same input and answers the same selection; it decides nothing, knows nobody and writes
nothing. What a join costs more than this, it costs for being a join.
"""

import argparse
import gc
import socket
from datetime import UTC, datetime
from uuid import UUID

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.api.execution import ServedSchema
from app.api.http import GraphQLOverHTTP
from app.api.peer import HttpProtocol
from app.api.transport import Caller
from app.context import Context, Info
from app.core.actor import ANONYMOUS
from app.core.graphql.errors import exception_handlers
from app.core.graphql.permissions import Public
from app.queues.graphql.types import Queue  # noqa: F401 (the session's type refers to it)
from app.sessions import models
from app.sessions.graphql import inputs, results
from app.sessions.graphql.types import Session
from app.sessions.line import Place

_TENANT, _ID, _NOW = UUID(int=1), UUID(int=2), datetime(2026, 1, 1, tzinfo=UTC)
_ROW = models.Session(
    tenant_id=_TENANT,
    id=_ID,
    queue_id=UUID(int=3),
    ticket_queue_id=UUID(int=3),
    status=models.SessionStatus.WAITING,
    service_day=_NOW.date(),
    ticket_serial=1,
    ticket_number="A00001",
    rank_class=0,
    rank_time=_NOW,
    rank_sequence=64,
    joined_at=_NOW,
)
_TOKEN = "x" * 300


@strawberry.type
class Query:
    @strawberry.field
    def version(self) -> str:
        """A schema needs a query."""
        return "1"


@strawberry.type
class Mutation:
    @strawberry.mutation(extensions=[Public("A benchmark.")])
    async def queue_join(self, info: Info, input: inputs.QueueJoinInput) -> results.QueueJoinResult:
        """Constants, as objects of the product's types made anew each time."""
        session = Session.of(_ROW, 1, Place(1, 0, None))
        session.is_own = True
        return results.QueueJoinSuccess(session=session, session_token=_TOKEN)


async def _context_of(caller: Caller) -> Context:
    # Nothing that is asked for here needs a runtime.
    return Context(None, ANONYMOUS, caller.request_id, caller.address, caller.agent)  # type: ignore[arg-type]


async def _ready(request: Request) -> Response:
    return JSONResponse({})


def _app() -> Starlette:
    """As `app/main.py` puts an application together."""
    schema = ServedSchema(Query, Mutation, exception_handlers=exception_handlers())
    return Starlette(
        routes=[Route("/graphql", GraphQLOverHTTP(schema, _context_of)), Route("/health/ready", _ready)],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[],
                allow_methods=["POST"],
                allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
                expose_headers=["X-Request-Id"],
                max_age=600,
            )
        ],
    )


def main() -> None:
    """Serve on an inherited socket, configured as `vq serve` is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    config = uvicorn.Config(
        _app(),
        http=HttpProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=parser.parse_args().fd)])


if __name__ == "__main__":
    main()
