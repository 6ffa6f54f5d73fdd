"""Where the file of an import is sent: the link alone takes it, once, and no more than it may have. Reads no row.

The body is the file itself. It is stored piece by piece as it comes; what ends early is destroyed.
"""

import asyncio
from typing import Final
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.core.actor import ANONYMOUS, Origin
from app.core.errors import NotFound
from app.core.ids import Ref, encode
from app.runtime import Runtime
from app.tenants.errors import LimitReached
from app.transfers import files
from app.transfers.imports import service
from app.transfers.imports.errors import NotAwaited

STALL_SECONDS: Final = 60.0
"""How long nothing may come."""
_LONGEST_SECONDS: Final = service.UPLOAD_LIFETIME.total_seconds()
"""How long a file may take that comes drop by drop: afterwards nobody waits for it any more."""


class _TooLarge(Exception):
    """The body has more than a file may have."""


def uploads_route(runtime: Runtime) -> Route:
    """The route of the links `Import.uploadUrl` gives."""

    async def receive(request: Request) -> Response:
        ref = service.upload_of(runtime.settings, request.path_params["link"], runtime.clock.now())
        if ref is None:
            return _gone()
        try:
            declared = request.headers.get("content-length", "")
            if declared.isdigit() and int(declared) > service.MOST_BYTES:
                raise _TooLarge
            return await _store(runtime, ref, request)
        except NotFound:
            return _gone()
        except NotAwaited:
            return _refused(409, "This import has its file already, or is over.")
        except _TooLarge:
            return _refused(413, f"A file has at most {service.MOST_BYTES:,} bytes.")
        except LimitReached as problem:
            return _refused(507, problem.message)
        except TimeoutError:
            return _refused(408, f"Nothing came for {STALL_SECONDS:.0f} s, or it took too long: send the file again.")
        except ClientDisconnect:
            return _refused(400, "The file is not whole.")

    return Route(f"{service.UPLOAD_PATH}/{{link}}", receive, methods=["POST", "PUT"])


async def _store(runtime: Runtime, ref: Ref, request: Request) -> Response:
    origin = Origin.of(None if request.client is None else request.client.host, request.headers.get("user-agent"))
    db = runtime.dbs.app
    async with db.write(ref.tenant_id, ANONYMOUS, origin=origin) as tx:
        file = await service.begin_upload(tx, ref.id)
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            length = await _append_all(runtime, ref, file.id, request)
        async with db.write(ref.tenant_id, ANONYMOUS, origin=origin) as tx:
            row = await service.finish_upload(tx, ref.id, file.id)
    except BaseException:
        # Whoever is cancelled here leaves the half file to its end of life, a day.
        async with db.write(ref.tenant_id, ANONYMOUS) as tx:
            await files.destroy(tx, file.id)
        raise
    return JSONResponse(
        {"importId": encode("Import", row.tenant_id, row.id), "bytes": length}, headers={"Cache-Control": "no-store"}
    )


async def _append_all(runtime: Runtime, ref: Ref, file_id: UUID, request: Request) -> int:
    length, held = 0, bytearray()
    pieces = request.stream()
    while True:
        async with asyncio.timeout(STALL_SECONDS):
            piece = await anext(pieces, None)
        if piece is not None:
            length += len(piece)
            if length > service.MOST_BYTES:
                raise _TooLarge
            held += piece
        if held and (piece is None or len(held) >= files.PORTION_BYTES):
            async with runtime.dbs.app.write(ref.tenant_id, ANONYMOUS) as tx:
                await files.append(tx, file_id, bytes(held))
            held.clear()
        if piece is None:
            return length


def _gone() -> Response:
    return _refused(404, "This link is not good, or not any more: begin another import with `importCreate`.")


def _refused(status: int, text: str) -> Response:
    # What is left of the body is not read, so the connection cannot be used again.
    headers = {"Cache-Control": "no-store", "Connection": "close"}
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)
