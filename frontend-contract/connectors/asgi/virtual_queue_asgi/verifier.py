"""The gate as a small server beside a proxy: nginx's `auth_request`.

    python -m virtual_queue_asgi.verifier --port 9010

`/verify` says whether the request described by its headers may pass: 204, or 401 with the answer in headers, which
`/answer` makes a page of. The connector's own pages are here, too, and `/health` says that it runs. It believes what
it is told in headers: let nobody but the proxy reach it.
"""

import argparse
import os
from dataclasses import MISSING, fields
from typing import Any

import uvicorn

from virtual_queue_asgi import pages
from virtual_queue_asgi.gate import Gate, Visit
from virtual_queue_asgi.middleware import Message, Receive, Scope, Send, address_of, respond, visit_of
from virtual_queue_asgi.options import Options, OptionsError
from virtual_queue_asgi.pages import Answer

PREFIX = "VQ_SITE_"
_LISTS = frozenset({"protected", "open"})


class Verifier:
    """An ASGI application that answers for a proxy."""

    def __init__(self, options: Options, gate: Gate | None = None) -> None:
        self._options = options
        self._gate = gate or Gate(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == "/verify":
            await self._verify(scope, send)
        elif scope["path"] == "/answer":
            await self._answer(scope, send)
        elif scope["path"] == "/health":
            await respond(Answer(200), "GET", send)
        else:
            await self._own_page(scope, send)

    async def _verify(self, scope: Scope, send: Send) -> None:
        asked = visit_of(scope)
        target = asked.headers.get("x-original-uri", "")
        decision = await self._gate.decide(
            Visit(asked.headers.get("x-original-method", "GET"), target, asked.headers, _address(asked))
        )
        if isinstance(decision, Answer):
            said = {"x-vq-status": str(decision.status), "x-vq-location": decision.header("location")}
            said["set-cookie"] = decision.header("set-cookie")
            await respond(Answer(401, tuple((name, value) for name, value in said.items() if value)), "GET", send)
            return
        headers = [("set-cookie", decision.set_cookie)] if decision.set_cookie else []
        if decision.admission is not None:
            headers.append(("x-vq-session", decision.admission.session_id))
        await respond(Answer(204, tuple(headers)), "GET", send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        """What `_verify` said in headers, as the answer it is."""
        told = visit_of(scope).headers
        location, cookie = told.get("x-vq-location", ""), told.get("x-vq-cookie", "")
        match told.get("x-vq-status"):
            case "303":
                answer = pages.redirect(location)
            case "403":
                answer = pages.refused(location)
            case _:
                answer = pages.unavailable(self._options)
        await respond(answer.with_cookie(cookie) if cookie else answer, "GET", send)

    async def _own_page(self, scope: Scope, send: Send) -> None:
        asked = visit_of(scope)
        if asked.path not in (self._options.leave_path, self._options.renew_path):
            await respond(Answer(404), asked.method, send)
            return
        decision = await self._gate.decide(Visit(asked.method, asked.target, asked.headers, _address(asked)))
        answer = decision if isinstance(decision, Answer) else Answer(404)
        await respond(answer, asked.method, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        message: Message = {}
        while message.get("type") != "lifespan.shutdown":
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
        await self._gate.close()
        await send({"type": "lifespan.shutdown.complete"})


def options_of_environment() -> Options:
    """`VQ_SITE_SERVICE_URL`, `VQ_SITE_QUEUE_ID`, `VQ_SITE_SITE_ORIGIN` …; paths are separated by commas."""
    values: dict[str, Any] = {}
    for field in fields(Options):
        given = os.environ.get(PREFIX + field.name.upper())
        if given is None:
            if field.default is MISSING:
                raise OptionsError(f"{PREFIX}{field.name.upper()} is not set.")
        elif field.name in _LISTS:
            values[field.name] = tuple(part.strip() for part in given.split(",") if part.strip())
        else:
            values[field.name] = float(given) if field.name.endswith("_seconds") else given
    return Options(**values)


def main() -> None:
    """Serve until signalled."""
    parser = argparse.ArgumentParser(description="Says to a proxy who may pass.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; only the proxy may reach it")
    parser.add_argument("--port", type=int, default=9010)
    parser.add_argument("--uds", help="listen on this unix socket instead")
    given = parser.parse_args()
    app = Verifier(options_of_environment())
    uvicorn.run(app, host=given.host, port=given.port, uds=given.uds, access_log=False, log_level="warning")


def _address(visit: Visit) -> str | None:
    return address_of(visit.headers.get("x-real-ip")) or visit.address


if __name__ == "__main__":
    main()
