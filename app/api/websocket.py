"""GraphQL over websocket: the graphql-transport-ws protocol, one object per socket, one task per operation.

Whatever a client sends, it gets the protocol's answer: an operation's own error, or a close code. It replaces
Strawberry's handler, which a JSON array crashes and a syntax error in one operation closes with all others.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from strawberry.http.websocket_origin import is_same_origin, normalize_allowed_origins, normalize_origin

from app.api.compiled import Compiled
from app.api.errors import PARSE_FAILED, coded_error, plain_error
from app.api.messages import (
    ACK,
    PING,
    PONG,
    ProtocolViolation,
    decode,
    error_message,
    operation_id_of,
    payload_of,
)
from app.api.occupancy import NoRoom
from app.api.operations import Operation
from app.api.outlets import AsgiWire, Wire
from app.api.protocol import wire_of
from app.api.sockets import (
    CLOSE_BAD_REQUEST,
    CLOSE_DUPLICATE_ID,
    CLOSE_FORBIDDEN,
    CLOSE_GOING_AWAY,
    CLOSE_INIT_TIMEOUT,
    CLOSE_SUBPROTOCOL,
    CLOSE_TOO_MANY_INITS,
    CLOSE_TRY_AGAIN_LATER,
    CLOSE_UNAUTHORIZED,
    Sockets,
)
from app.api.transport import (
    GRAPHQL_TRANSPORT_WS,
    Caller,
    Charge,
    ContextFactory,
    Executable,
    OperationContext,
    caller_of,
    operation_request,
    request_id_of,
)
from app.core.actor import Actor
from app.core.clock import Clock, SystemClock
from app.core.errors import CodedError, DocumentNotFound, RateLimited, TokenExpired
from app.core.graphql.trusted import NO_DOCUMENTS, TrustedDocuments
from app.core.live.outlet import drained
from app.core.logs import request_id as current_request_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one socket may cost."""

    message_bytes: int = 100_000
    operations: int = 100
    init_seconds: float = 10.0
    ping_seconds: float = 30.0
    close_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class SocketServices:
    """What all sockets share."""

    schema: Executable
    context_factory: ContextFactory
    sockets: Sockets
    clock: Clock
    limits: SocketLimits
    compiled: Compiled
    charge: Charge | None
    documents: TrustedDocuments


class GraphQLOverWebSocket:
    """An ASGI application for `websocket` scopes."""

    def __init__(
        self,
        schema: Executable,
        context_factory: ContextFactory,
        sockets: Sockets,
        *,
        clock: Clock | None = None,
        limits: SocketLimits | None = None,
        allowed_origins: Sequence[str] = (),
        compiled: Compiled | None = None,
        charge: Charge | None = None,
        documents: TrustedDocuments = NO_DOCUMENTS,
    ) -> None:
        self._services = SocketServices(
            schema,
            context_factory,
            sockets,
            clock or SystemClock(),
            limits or SocketLimits(),
            compiled or Compiled(schema),
            charge,
            documents,
        )
        self._allowed_origins = normalize_allowed_origins(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        await receive()  # websocket.connect
        if not self._is_origin_allowed(headers):
            # Before accepting: the server answers the handshake with 403.
            await send({"type": "websocket.close", "code": 1008, "reason": "Origin not allowed"})
            return
        if GRAPHQL_TRANSPORT_WS not in scope.get("subprotocols", ()):
            # Accepted first, because a browser cannot see why a handshake was refused.
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": CLOSE_SUBPROTOCOL, "reason": "Subprotocol not acceptable"})
            return
        caller = caller_of(scope, request_id=request_id_of(headers), authorization=headers.get("authorization"))
        await send({"type": "websocket.accept", "subprotocol": GRAPHQL_TRANSPORT_WS})
        connection = _Connection(self._services, caller, wire_of(scope) or AsgiWire(send), receive)
        address = caller.address
        # Everybody on the way here keeps the scope for as long as the socket lasts: 2 KB that nobody reads again.
        scope["headers"] = []
        del headers, caller
        try:
            self._services.sockets.admit(connection, address)
        except NoRoom as problem:
            await connection.close(CLOSE_TRY_AGAIN_LATER, str(problem))
            return
        await connection.serve()

    def _is_origin_allowed(self, headers: Headers) -> bool:
        """Browsers do not apply CORS to websockets. Whoever sends no Origin is not a browser."""
        origin = headers.get("origin")
        if origin is None or "*" in self._allowed_origins or is_same_origin(origin, headers.get("host")):
            return True
        return normalize_origin(origin) in self._allowed_origins


class _Connection:
    """One socket, from accept to close. There may be ten thousand of them, so each is small."""

    __slots__ = (
        "_beat_at",
        "_caller",
        "_closed",
        "_context",
        "_expires_at",
        "_finished",
        "_heard",
        "_is_over",
        "_operation_count",
        "_operations",
        "_receive",
        "_request_id",
        "_services",
        "_tasks",
        "_timer",
        "actor",
        "outlet",
        "place",
        "seated",
        "visited",
    )

    def __init__(self, services: SocketServices, caller: Caller, wire: Wire, receive: Receive) -> None:
        self.actor: Actor | None = None
        self.visited: tuple[UUID, ...] = ()
        self.place: str | None = None
        self.seated = False
        self.outlet = wire
        self._services = services
        # As the handshake shows it; None once the socket was initialised.
        self._caller: Caller | None = caller
        self._receive = receive
        self._request_id = caller.request_id
        self._context: OperationContext | None = None
        self._closed = False
        self._heard = True
        self._operations: dict[str, Operation] = {}
        self._operation_count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        # One timer for whatever is due next. Times of the loop.
        self._timer: asyncio.TimerHandle | None = None
        self._beat_at = 0.0
        self._expires_at: float | None = None
        self._is_over = False
        self._finished: asyncio.Event | None = None

    async def serve(self) -> None:
        """Read messages until the socket closes; when this returns nothing of it runs any more."""
        current_request_id.set(self._request_id)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._services.limits.init_seconds, self._init_is_late)
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                self._heard = True
                if self._closed:
                    continue
                try:
                    await self._handle(decode(message, self._services.limits.message_bytes))
                except ProtocolViolation as violation:
                    await self.close(violation.code, violation.reason)
                # Who does not read our answers is not read any further: they would pile up here.
                await drained(self.outlet)
        finally:
            self._closed = True
            self.outlet.discard()
            self._services.sockets.discard(self)
            await self._end()

    async def close(self, code: int, reason: str) -> None:
        """Close the socket and end its operations; only the first call counts."""
        if self._closed:
            return
        self._closed = True
        self._stop_operations()
        try:
            async with asyncio.timeout(self._services.limits.close_seconds):
                # A close frame's reason has at most 123 bytes.
                await self.outlet.close(code, reason.encode()[:123].decode(errors="ignore"))
        except TimeoutError:
            self.outlet.abort()  # it does not read: there is nobody to tell

    @property
    def schema(self) -> Executable:
        """What executes its operations."""
        return self._services.schema

    @property
    def compiled(self) -> Compiled:
        """Where its subscriptions are parked."""
        return self._services.compiled

    @property
    def charge(self) -> Charge | None:
        """Who counts its operations."""
        return self._services.charge

    async def finished(self) -> None:
        """Return once everything the socket ran has ended."""
        if not self._is_over:
            self._finished = self._finished or asyncio.Event()
            await self._finished.wait()

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._on_init(payload_of(message))
            case "ping":
                payload_of(message)
                self.outlet.send(PONG)
            case "pong":
                payload_of(message)
            case "subscribe":
                await self._on_subscribe(operation_id_of(message), message.get("payload"))
            case "complete":
                if (operation := self._operations.pop(operation_id_of(message), None)) is not None:
                    operation.cancel()
            case _:
                raise ProtocolViolation(CLOSE_BAD_REQUEST, "Unknown message type")

    async def _on_init(self, payload: dict[str, Any]) -> None:
        if self._caller is None:
            raise ProtocolViolation(CLOSE_TOO_MANY_INITS, "Too many initialisation requests")
        caller, self._caller = self._caller, None
        self._stop_timer()
        authorization = next(
            (value for key, value in payload.items() if key.lower() == "authorization"), caller.authorization
        )
        if authorization is not None and not isinstance(authorization, str):
            raise ProtocolViolation(CLOSE_BAD_REQUEST, "authorization must be a string")
        try:
            self._context = await self._services.context_factory(replace(caller, authorization=authorization))
        except TokenExpired as problem:
            raise ProtocolViolation(CLOSE_FORBIDDEN, "Token expired") from problem
        except RateLimited as problem:
            raise ProtocolViolation(CLOSE_TRY_AGAIN_LATER, problem.message) from problem
        except CodedError as problem:
            raise ProtocolViolation(CLOSE_UNAUTHORIZED, problem.message) from problem
        except Exception as problem:
            logger.exception("A socket could not be authenticated.")
            raise ProtocolViolation(CLOSE_TRY_AGAIN_LATER, "Try again later") from problem
        if self._closed:
            return
        self.actor = self._context.actor
        try:
            self._services.sockets.authenticated(self)
        except NoRoom as problem:
            raise ProtocolViolation(CLOSE_TRY_AGAIN_LATER, str(problem)) from problem
        self._context.on_visit = partial(self._services.sockets.visits, self)
        now = asyncio.get_running_loop().time()
        if self.actor.expires_at is not None:
            self._expires_at = now + (self.actor.expires_at - self._services.clock.now()).total_seconds()
        self._beat_at = now + self._services.limits.ping_seconds
        self._wait()
        self.outlet.send(ACK)

    async def _on_subscribe(self, operation_id: str, payload: object) -> None:
        if self._context is None:
            raise ProtocolViolation(CLOSE_UNAUTHORIZED, "Unauthorized")
        if not isinstance(payload, dict):
            raise ProtocolViolation(CLOSE_BAD_REQUEST, "payload must be an object")
        if operation_id in self._operations:
            raise ProtocolViolation(CLOSE_DUPLICATE_ID, f"Subscriber for {operation_id} already exists")
        try:
            request = operation_request(payload, self._services.documents)
        except DocumentNotFound as problem:
            self.outlet.send(error_message(operation_id, [coded_error(problem)]))
            return
        if isinstance(request, str):
            if isinstance(query := payload.get("query"), str) and not query.strip():
                # The message is as it should be; it is the document that is none.
                self.outlet.send(error_message(operation_id, [plain_error(request, PARSE_FAILED)]))
                return
            raise ProtocolViolation(CLOSE_BAD_REQUEST, request)
        if len(self._operations) >= (most := self._services.limits.operations):
            error = plain_error(f"This socket has {most} operations already; complete some first.", "RATE_LIMITED")
            self.outlet.send(error_message(operation_id, [error]))
            return
        self._operation_count += 1
        context = self._context.fresh()
        context.request_id = f"{self._request_id}.{self._operation_count}"
        operation = self._operations[operation_id] = Operation(self, operation_id, request, context)
        operation.run()

    def forget(self, operation: Operation) -> None:
        """Its id is free."""
        # The client may have completed this operation and used its id again meanwhile.
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    def _init_is_late(self) -> None:
        self._start(self.close(CLOSE_INIT_TIMEOUT, "Connection initialisation timeout"))

    def _wait(self) -> None:
        """Sleep until the heartbeat or the token's end, whichever is first."""
        due = self._beat_at if self._expires_at is None else min(self._beat_at, self._expires_at)
        self._timer = asyncio.get_running_loop().call_at(due, self._wake)

    def _wake(self) -> None:
        if self._expires_at is not None and self._expires_at <= self._beat_at:
            self._start(self.close(CLOSE_FORBIDDEN, "Token expired"))
        elif not self._heard:
            self._start(self.close(CLOSE_GOING_AWAY, "No sign of life"))
        else:
            self._heard = False
            self.outlet.send(PING)
            # From now, not from when it was due: a loop that was held up must not beat twice.
            self._beat_at = asyncio.get_running_loop().time() + self._services.limits.ping_seconds
            self._wait()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        _ = self.spawn(work)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the socket at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _stop_operations(self) -> None:
        self._stop_timer()
        for operation in self._operations.values():
            operation.cancel()
        self._operations.clear()

    async def _end(self) -> None:
        """Wait until every operation has run its `finally`."""
        self._stop_operations()
        for task in self._tasks:
            task.cancel()
        # Only unfinished ones: gathering finished tasks does not suspend, and would spin until they are discarded.
        while unfinished := [task for task in self._tasks if not task.done()]:
            await asyncio.gather(*unfinished, return_exceptions=True)
        self._is_over = True
        if self._finished is not None:
            self._finished.set()
