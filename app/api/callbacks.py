"""Where the providers of messages report, and where answers come in: one address for each. HTTP only.

Whether to believe a callback the provider decides, by its signature. Who is refused is not told why, and counted.
"""

import asyncio
import logging

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.api.transport import request_id_of
from app.core.db.outage import is_worth_another_try
from app.core.errors import RateLimited
from app.notifications.providers import callbacks
from app.notifications.providers.callbacks import Callback
from app.notifications.providers.errors import CallbackRefused
from app.notifications.providers.service import CALLBACKS_PATH
from app.runtime import Runtime

logger = logging.getLogger(__name__)

MAX_BYTES = 1_048_576
"""SendGrid sends its events in batches of at most 768 KB; nobody else's come near."""

_BODY_SECONDS = 10.0
_MAX_KEY = 200
_MAX_QUERY = 4_000


def callbacks_route(runtime: Runtime) -> Route:
    """The route of the addresses `MessageProvider.callbackUrl` gives."""

    async def callback(request: Request) -> Response:
        key, query = request.path_params["key"], request.url.query
        if len(key) > _MAX_KEY or len(query) > _MAX_QUERY:
            return _refused()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("The body did not come in time.\n", 408)
        if body is None:
            return PlainTextResponse(f"A callback has at most {MAX_BYTES:,} bytes.\n", 413)
        came = Callback(key, query, request.headers, body, request_id_of(request.headers))
        try:
            reading = await callbacks.take(runtime.dbs.app, runtime.settings, came)
        except CallbackRefused as refused:
            logger.info("A callback was refused.", extra={"reason": str(refused)})
            try:
                await runtime.gate.turned_away(None if request.client is None else request.client.host)
            except RateLimited as limited:
                wait = str(max(1, round(limited.retry_after_seconds)))
                return PlainTextResponse("Too many.\n", 429, {"Retry-After": wait})
            return _refused()
        except Exception as problem:
            if not is_worth_another_try(problem):
                raise
            return PlainTextResponse("Send it again shortly.\n", 503, {"Retry-After": "5"})
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(reading.answer, 200, headers, media_type=reading.content_type)

    return Route(f"{CALLBACKS_PATH}/{{key}}", callback, methods=["GET", "POST"])


async def _body(request: Request) -> bytes | None:
    """What was sent; None if it is too long."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > MAX_BYTES:
            return None
    return bytes(read)


def _refused() -> Response:
    return PlainTextResponse("This is not accepted here.\n", 403, {"Cache-Control": "no-store"})
