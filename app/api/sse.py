"""GraphQL over server-sent events, for networks without websockets: the protocol of graphql-sse, distinct connections.

One request is one operation, and its answer the stream of its results. It has neither the protocol's single connection
mode (it would bind a client to one process) nor operations by GET.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import orjson
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from strawberry.utils.aio import aclosing

from app.api.errors import plain_error, public_error
from app.api.http import GRAPHQL_JSON, JSON, GraphQLOverHTTP, Refused, refusal
from app.api.occupancy import NoRoom
from app.api.peer import peer_of
from app.api.sockets import CLOSE_FORBIDDEN, CLOSE_GOING_AWAY, Sockets
from app.api.transport import (
    Charge,
    Executable,
    OperationContext,
    OperationRequest,
    charging,
    is_request_error,
    preferred,
    request_id_of,
    result_payload,
)
from app.core.actor import Actor
from app.core.clock import Clock, SystemClock
from app.core.errors import Unavailable
from app.core.logs import request_id as current_request_id

EVENT_STREAM = "text/event-stream"

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    # nginx would collect items until a buffer is full.
    (b"x-accel-buffering", b"no"),
    # It has had its buffers made small, which would slow down ordinary answers.
    (b"connection", b"close"),
]
# A comment: some browsers do not report an answer of headers only, and proxies close what is silent.
_COMMENT = b":\n\n"
_APART_SECONDS = 0.1
_ITEMS_AT_ONCE = 32
# With a `data` field, because an EventSource drops events without one.
_COMPLETE = b"event: complete\ndata:\n\n"


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What one stream may cost: as a websocket, so the settings are the same."""

    beat_seconds: float = 30.0
    stall_seconds: float = 60.0
    """How long a peer may take nothing."""
    close_seconds: float = 5.0
    buffer_bytes: int = 8_192
    """What may wait for a peer in the kernel, which doubles it."""


@dataclass(frozen=True, slots=True)
class _Services:
    """What all streams share."""

    schema: Executable
    charge: Charge | None
    sockets: Sockets
    clock: Clock
    limits: StreamLimits


class GraphQLOverSSE:
    """An ASGI application for `http` scopes: answers those who ask for an event stream, and hands on all others.

    200 and the events `next` and `complete`, also where the document or its variables are refused: then the only item
    has nothing but `errors`. Requests that are turned away before get the same statuses and JSON bodies as from
    `GraphQLOverHTTP`, and 503 while there are as many sockets and streams as this process may have.

    A stream that ends without `complete` is to be asked for again: its connection broke, its token is over or may do
    other things than before (the new request is answered with 401 where it is good no more), or the process ends.
    """

    def __init__(
        self,
        http: GraphQLOverHTTP,
        schema: Executable,
        sockets: Sockets,
        *,
        clock: Clock | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self._http = http
        self._services = _Services(schema, http.charge, sockets, clock or SystemClock(), limits or StreamLimits())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _wants_events(scope):
            await self._http(scope, receive, send)
            return
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
        reset = current_request_id.set(request_id)
        stream = _Stream(self._services, scope, receive, send, request_id)
        try:
            try:
                self._services.sockets.admit(stream, scope["client"][0] if scope.get("client") else None)
            except NoRoom as problem:
                raise _full(str(problem)) from problem
            operation = await self._http.operation(request)
            await stream.serve(operation, await self._http.context(request, request_id))
        except ClientDisconnect:
            return
        except Exception as problem:
            if stream.started:
                raise
            response = refusal(problem, JSON)
            response.headers["X-Request-Id"] = request_id
            await response(scope, receive, send)
        finally:
            self._services.sockets.discard(stream)
            stream.over()
            current_request_id.reset(reset)


class _Gone(Exception):
    """The peer takes nothing any more."""


class _Stream:
    """One answer, from its headers to its end. To the registry it is a socket like any other."""

    def __init__(self, services: _Services, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self.actor: Actor | None = None
        self.visited: tuple[UUID, ...] = ()
        self.place: str | None = None
        self.seated = False
        self.started = False
        self._services = services
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._peer = peer_of(scope)
        self._speaking: asyncio.Task[None] | None = None
        self._ended: str | None = None
        self._sending = 0
        self._beats: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._finished = asyncio.Event()

    async def serve(self, operation: OperationRequest, context: OperationContext) -> None:
        """Run the operation, until it is complete, somebody ends the stream, or the client goes."""
        if self._ended is not None:
            raise _full("Try again later")
        self.actor = context.actor
        try:
            self._services.sockets.authenticated(self)
        except NoRoom as problem:
            raise _full(str(problem)) from problem
        self.started = True
        limits = self._services.limits
        self._peer.expect_a_slow_reader(limits.buffer_bytes, limits.stall_seconds)
        self._speaking = asyncio.create_task(self._speak(operation, context))
        hearing = asyncio.create_task(self._hear())
        context.on_visit = partial(self._services.sockets.visits, self)
        if self.actor.expires_at is not None:
            remaining = (self.actor.expires_at - self._services.clock.now()).total_seconds()
            self._after(remaining, lambda: self._end(CLOSE_FORBIDDEN, "Token expired"))
        self._after(limits.beat_seconds, self._beat)
        try:
            await asyncio.wait({self._speaking, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if self._peer.aborted:
                # A server that has not noticed yet would complain of an answer without an end.
                await asyncio.wait({hearing}, timeout=limits.close_seconds)
        finally:
            for timer in self._timers:
                timer.cancel()
            tasks = [self._speaking, hearing, *self._beats]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self, code: int, reason: str) -> None:
        """End the stream without `complete`, and say why in a comment; only the first call counts."""
        self._end(code, reason)

    async def finished(self) -> None:
        """Return once nothing of the stream runs any more."""
        await self._finished.wait()

    def over(self) -> None:
        """Nothing of it runs any more."""
        self._finished.set()

    def _end(self, code: int, reason: str) -> None:
        if self._ended is None:
            self._ended = f"{code} {reason}"
            if self._speaking is not None:
                self._speaking.cancel()

    async def _speak(self, operation: OperationRequest, context: OperationContext) -> None:
        last = _COMPLETE
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            await self._write(_COMMENT)
            async with aclosing(self._items(operation, context)) as items:
                number = 0
                async for item in items:
                    await self._write(b"event: next\ndata: " + item + b"\n\n")
                    number += 1
                    if number % _ITEMS_AT_ONCE == 0:
                        # Neither a source that has its items ready nor a peer that takes them all suspends us.
                        await asyncio.sleep(0)
        except _Gone:
            return
        except asyncio.CancelledError:
            if self._ended is None:
                raise
            last = f": {self._ended}\n\n".encode()
            # graphql-sse's client waits for ever, and does not come back, if it reads an end together with an item.
            await asyncio.sleep(_APART_SECONDS)
        try:
            async with asyncio.timeout(self._services.limits.close_seconds):
                await self._write(last, more=False)
        except (_Gone, TimeoutError):
            self._peer.abort()

    async def _items(self, operation: OperationRequest, context: OperationContext) -> AsyncIterator[bytes]:
        """The results as JSON. What would be an `error` on a socket is an item here, the last one."""
        try:
            results = await self._services.schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.operation_name,
                charge=charging(self._services.charge, context, operation),
            )
            async with aclosing(results):
                async for result in results:
                    yield orjson.dumps(result_payload(result))
                    if is_request_error(result.data, result.errors):
                        return
        except Exception as problem:  # noqa: BLE001 - whatever it is, the client is told, with a request id
            error = public_error(GraphQLError("", original_error=problem))
            yield orjson.dumps({"errors": [error.formatted]})

    async def _hear(self) -> None:
        """Return when the client is gone. There is nothing else it could say."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        """Send, and wait while the peer is slow: the next item is made when it has this one, and will be the newest."""
        self._sending += 1
        try:
            async with asyncio.timeout(self._services.limits.stall_seconds):
                await self._send({"type": "http.response.body", "body": body, "more_body": more})
                if more:
                    # Servers wait before they write, not behind it: an empty part is where they would wait now.
                    await self._send({"type": "http.response.body", "body": b"", "more_body": True})
        except TimeoutError as problem:
            # Whoever reads again one day must find an end, not the silence of a connection nobody writes to.
            self._peer.abort()
            raise _Gone from problem
        except (OSError, RuntimeError) as problem:
            raise _Gone from problem
        finally:
            self._sending -= 1

    def _beat(self) -> None:
        if not self._sending:
            beat = asyncio.create_task(self._write_comment())
            self._beats.add(beat)
            beat.add_done_callback(self._beats.discard)
        self._after(self._services.limits.beat_seconds, self._beat)

    async def _write_comment(self) -> None:
        try:
            await self._write(_COMMENT)
        except _Gone:
            self._end(CLOSE_GOING_AWAY, "No sign of life")

    def _after(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(max(seconds, 0.0), callback))

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [*_HEADERS, (b"x-request-id", self._request_id.encode())]


def _wants_events(scope: Scope) -> bool:
    if scope["method"] != "POST":
        return False
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"").decode("latin-1")
    # Looked for first: nearly nobody names it.
    return EVENT_STREAM in accept.lower() and preferred(accept, (JSON, GRAPHQL_JSON, EVENT_STREAM)) == EVENT_STREAM


def _full(reason: str) -> Refused:
    return Refused(503, plain_error(f"{reason}.", Unavailable.code), {"Retry-After": "1"})
