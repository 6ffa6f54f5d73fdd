"""Where payment systems tell us what has happened: one address for each integration. HTTP only.

Whether to believe a callback the adapter decides, by its signature. Who is refused is not told why, and counted.
"""

import asyncio
import logging

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.db.outage import is_worth_another_try
from app.core.errors import RateLimited
from app.integrations import callbacks
from app.integrations.adapters.interface import CallbackRequest
from app.integrations.breaker import CALLBACKS
from app.integrations.callbacks import CallbackRefused
from app.runtime import Runtime

logger = logging.getLogger(__name__)

MAX_BYTES = 262_144
"""An event about one payment has some kilobytes."""

_BODY_SECONDS = 10.0


def integration_callbacks_route(runtime: Runtime) -> Route:
    """The route of the addresses `Integration.callbackUrl` gives."""

    async def callback(request: Request) -> Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("The body did not come in time.\n", 408)
        if body is None:
            return PlainTextResponse(f"A callback has at most {MAX_BYTES:,} bytes.\n", 413)
        came = CallbackRequest(str(request.url), request.headers, body)
        try:
            await callbacks.take(runtime.dbs.app, runtime.clock, runtime.settings, request.path_params["key"], came)
        except CallbackRefused as refused:
            logger.info("A callback was refused.", extra={"reason": str(refused)})
            try:
                await runtime.gate.turned_away(None if request.client is None else request.client.host)
            except RateLimited as limited:
                wait = str(max(1, round(limited.retry_after_seconds)))
                return PlainTextResponse("Too many.\n", 429, {"Retry-After": wait})
            return PlainTextResponse("This is not accepted here.\n", 403, {"Cache-Control": "no-store"})
        except Exception as problem:
            if not is_worth_another_try(problem):
                raise
            return PlainTextResponse("Send it again shortly.\n", 503, {"Retry-After": "5"})
        return PlainTextResponse("", 200, {"Cache-Control": "no-store"})

    return Route(f"{CALLBACKS}/{{key}}", callback, methods=["POST"])


async def _body(request: Request) -> bytes | None:
    """What was sent; None if it is too long."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BYTES:
            return None
    return bytes(read)
