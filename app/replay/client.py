"""GraphQL over HTTP and over graphql-transport-ws, as any client of the API would speak it.

Knows both protocols, retries, reconnecting and signing in; it knows no operation of the product (`operations`).
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

REQUEST_SECONDS = 30.0
SOCKET_OPEN_SECONDS = 10.0
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0

# What the unmodified graphql-ws client treats as final; 4401 and 4403 are about the token and get their own treatment.
FATAL_CLOSES = frozenset({4400, 4406, 4409, 4429, 4500})
TOKEN_REVOKED, TOKEN_EXPIRED = 4401, 4403

Variables = Mapping[str, object]
Data = Mapping[str, object]


class ServerAwayError(Exception):
    """Nobody answers at the URL, or no longer; one line that says what to do."""


class ApiError(Exception):
    """The server answered with an error that is no typed result."""

    def __init__(self, message: str, code: str | None = None, request_id: str | None = None) -> None:
        mark = "" if code is None else f"{code}: "
        trace = "" if request_id is None else f" (request {request_id})"
        super().__init__(f"{mark}{message}{trace}")
        self.code = code


class Bearer(Protocol):
    """Whatever can sign a request."""

    async def token(self) -> str:
        """The token to send now."""

    async def renew(self, refused: str) -> bool:
        """The server refused this token; True when another one is there to try."""


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A visitor's key to the own session: nothing renews it."""

    text: str

    async def token(self) -> str:
        return self.text

    async def renew(self, refused: str) -> bool:
        return False


@dataclass(slots=True)
class Traffic:
    """What the wire cost so far."""

    requests: int = 0
    retries: int = 0
    reconnects: int = 0
    open_sockets: int = 0
    most_open_sockets: int = 0
    answer_seconds: list[float] = field(default_factory=list)
    """How long each answered request took."""


@dataclass(slots=True)
class Backoff:
    """Growing, jittered pauses between attempts; gives up after `patience` seconds without success."""

    patience: float
    _next: float = FIRST_BACKOFF_SECONDS
    _since: float | None = None

    def succeeded(self) -> None:
        self._next, self._since = FIRST_BACKOFF_SECONDS, None

    async def failed(self) -> bool:
        """Wait before the next attempt; False when patience is over."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= self.patience:
            return False
        # Jitter keeps hundreds of sockets from coming back in the same instant.
        await asyncio.sleep(self._next * random.uniform(0.5, 1.5))
        self._next = min(self._next * 2, LONGEST_BACKOFF_SECONDS)
        return True


@dataclass(slots=True)
class Client:
    """One server's GraphQL endpoint. Use as an async context manager."""

    url: str
    patience: float = 60.0
    """Seconds without an answer after which the server counts as gone."""
    traffic: Traffic = field(default_factory=Traffic)
    _http: httpx.AsyncClient = field(init=False)
    _socket_url: str = field(init=False)
    _local: bool = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerAwayError(f"{self.url!r} is not a URL of a server; write http://127.0.0.1:8000/graphql")
        self._socket_url = "ws" + self.url.removeprefix("http")
        # A proxy set for the outside world has no way to this machine.
        self._local = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
        self._http = httpx.AsyncClient(
            timeout=REQUEST_SECONDS,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=4.0),
            trust_env=not self._local,
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def execute(
        self, document: str, variables: Variables, bearer: Bearer | None = None, *, patience: float | None = None
    ) -> Data:
        """The answer's `data`. Requests that got no answer are sent again: everything may happen twice."""
        backoff = Backoff(self.patience if patience is None else patience)
        refused = False
        while True:
            token = None if bearer is None else await bearer.token()
            try:
                return await self._post(document, variables, token)
            except httpx.HTTPError as problem:
                if not await backoff.failed():
                    raise ServerAwayError(
                        f"{self.url} does not answer ({_reason(problem)}); is the server running? `make up` starts one"
                    ) from None
                self.traffic.retries += 1
            except ApiError as problem:
                if problem.code == "RATE_LIMITED" and await backoff.failed():
                    self.traffic.retries += 1
                    continue
                if problem.code != "UNAUTHENTICATED" or bearer is None or token is None or refused:
                    raise
                refused = True
                if not await bearer.renew(token):
                    raise

    async def _post(self, document: str, variables: Variables, token: str | None) -> Data:
        headers = {"accept": "application/graphql-response+json, application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        self.traffic.requests += 1
        began = time.monotonic()
        response = await self._http.post(self.url, json={"query": document, "variables": variables}, headers=headers)
        self.traffic.answer_seconds.append(time.monotonic() - began)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or not ("data" in body or "errors" in body):
            if response.status_code >= 500:
                raise httpx.HTTPStatusError(f"HTTP {response.status_code}", request=response.request, response=response)
            raise ApiError(f"HTTP {response.status_code} from {self.url} is not a GraphQL answer")
        return _data(body)

    async def watch(self, document: str, variables: Callable[[], Variables], bearer: Bearer) -> AsyncGenerator[Data]:
        """The items of a subscription on a socket of its own, reconnecting with back-off until it completes.

        `variables` is asked anew at each connection, so that a feed with a cursor goes on where it stopped.
        """
        backoff = Backoff(self.patience)
        while True:
            token = await bearer.token()
            try:
                async with connect(
                    self._socket_url,
                    subprotocols=[Subprotocol("graphql-transport-ws")],
                    compression=None,
                    open_timeout=SOCKET_OPEN_SECONDS,
                    # Waiting for the closing handshake would hold every ended visitor's task for a round trip.
                    close_timeout=1.0,
                    max_size=4 * 2**20,
                    proxy=None if self._local else True,
                ) as socket:
                    self._opened()
                    try:
                        async for item in _subscribe(socket, document, variables(), token):
                            backoff.succeeded()
                            yield item
                        return
                    finally:
                        self.traffic.open_sockets -= 1
            except (OSError, InvalidHandshake, InvalidMessage, TimeoutError) as problem:
                reason = _reason(problem)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                text = closed.rcvd.reason if closed.rcvd else ""
                reason = f"socket closed with {code} {text}".rstrip()
                if code in FATAL_CLOSES:
                    raise ApiError(reason) from None
                if code in (TOKEN_REVOKED, TOKEN_EXPIRED) and not await bearer.renew(token):
                    raise ApiError(reason, "UNAUTHENTICATED") from None
            if not await backoff.failed():
                raise ServerAwayError(f"{self._socket_url} does not answer ({reason})")
            self.traffic.reconnects += 1

    def _opened(self) -> None:
        self.traffic.open_sockets += 1
        self.traffic.most_open_sockets = max(self.traffic.most_open_sockets, self.traffic.open_sockets)


async def _subscribe(socket: ClientConnection, document: str, variables: Variables, token: str) -> AsyncGenerator[Data]:
    """One subscription from `connection_init` to `complete`; whatever ends the socket is raised."""
    await _send(socket, {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    async with asyncio.timeout(SOCKET_OPEN_SECONDS):
        while (await _receive(socket)).get("type") != "connection_ack":
            pass
    payload = {"query": document, "variables": variables}
    await _send(socket, {"type": "subscribe", "id": "1", "payload": payload})
    while True:
        message = await _receive(socket)
        match message.get("type"):
            case "next":
                yield _data(message.get("payload"))
            case "error":
                raise _first_error(message.get("payload"))
            case "complete":
                return


async def _send(socket: ClientConnection, message: Mapping[str, object]) -> None:
    await socket.send(json.dumps(message))


async def _receive(socket: ClientConnection) -> Mapping[str, object]:
    while True:
        message = json.loads(await socket.recv())
        if not isinstance(message, dict):
            raise ApiError("the socket sent something that is no message")
        if message.get("type") != "ping":
            return message
        await _send(socket, {"type": "pong"})


def _data(payload: object) -> Data:
    if not isinstance(payload, dict):
        raise ApiError("the server sent an answer that is no object")
    if payload.get("errors"):
        raise _first_error(payload["errors"])
    data = payload.get("data")
    if not isinstance(data, dict):
        raise ApiError("the server sent an answer without data")
    return data


def _first_error(errors: object) -> ApiError:
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    if not isinstance(extensions, dict):
        extensions = {}
    code, request_id = extensions.get("code"), extensions.get("requestId")
    return ApiError(
        str(first.get("message", "an error without a message")),
        code if isinstance(code, str) else None,
        request_id if isinstance(request_id, str) else None,
    )


def _reason(problem: BaseException) -> str:
    text = str(problem).strip().splitlines()
    return text[0] if text and text[0] else type(problem).__name__
