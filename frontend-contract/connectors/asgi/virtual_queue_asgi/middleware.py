"""The gate as ASGI middleware: for Starlette, FastAPI, Django, Litestar, Quart. Decides nothing itself.

    app = Starlette(routes=…, middleware=[Middleware(WaitingRoom, options=Options(…))])
    app = WaitingRoom(any_asgi_application, options=Options(…))

The site finds who is inside in `scope["virtual_queue"]`: an `Admission`, or null where it fails open.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from virtual_queue_asgi.gate import Gate, Visit
from virtual_queue_asgi.options import Options
from virtual_queue_asgi.pages import Answer

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class WaitingRoom:
    """A site behind its waiting room."""

    def __init__(self, app: Application, options: Options, gate: Gate | None = None) -> None:
        self._app = app
        self._gate = gate or Gate(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, socket or life of the application."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                await self._gate.close()
            return
        decision = await self._gate.decide(visit_of(scope))
        if scope["type"] == "websocket":
            if isinstance(decision, Answer):
                # Before it is accepted, this is an answer of 403 to the handshake.
                await receive()
                await send({"type": "websocket.close", "code": 4403})
            else:
                await self._app({**scope, "virtual_queue": decision.admission}, receive, send)
            return
        if isinstance(decision, Answer):
            await respond(decision, scope["method"], send)
            return
        cookie = decision.set_cookie
        if cookie is None:
            await self._app({**scope, "virtual_queue": decision.admission}, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"set-cookie", cookie.encode("latin-1"))]
                message = {**message, "headers": headers}
            await send(message)

        await self._app({**scope, "virtual_queue": decision.admission}, receive, send_with_cookie)


def visit_of(scope: Scope) -> Visit:
    """What the gate has to know of a request."""
    # Servers need not say how the path was written; what they have decoded must not be decoded again.
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path = bytes(raw).partition(b"?")[0].decode("latin-1")
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        # HTTP/2 may split cookies into several headers.
        headers[key] = f"{headers[key]}; {text}" if key == "cookie" and key in headers else text
    client = scope.get("client")
    target = f"{path}?{query}" if query else path
    return Visit(scope.get("method", "GET"), target, headers, address_of(client[0] if client else None))


def address_of(text: str | None) -> str | None:
    """A network address; null of anything else a server may say."""
    try:
        return None if text is None else str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


async def respond(answer: Answer, method: str, send: Send) -> None:
    """Send an answer."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
