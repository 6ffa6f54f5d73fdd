"""Where files are fetched: the link alone opens one, and each time it is used stands in the log. Makes no file."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.core.actor import ANONYMOUS, Origin
from app.core.errors import NotFound
from app.runtime import Runtime
from app.transfers import files


def files_route(runtime: Runtime) -> Route:
    """The route of the links `files.link` gives: exports, reports."""

    async def fetch(request: Request) -> Response:
        ref = files.opened(runtime.settings, request.path_params["link"], runtime.clock.now())
        if ref is None:
            return _gone()
        origin = Origin.of(None if request.client is None else request.client.host, request.headers.get("user-agent"))
        try:
            async with runtime.dbs.app.write(ref.tenant_id, ANONYMOUS, origin=origin) as tx:
                file = await files.fetch(tx, ref.id)
        except NotFound:
            return _gone()
        return StreamingResponse(
            files.contents(runtime.dbs.app, file),
            media_type=file.media_type,
            headers={
                "Content-Length": str(file.length),
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
                "Cache-Control": "no-store",
            },
        )

    return Route(f"{files.PATH}/{{link}}", fetch, methods=["GET"])


def _gone() -> Response:
    text = "This link is not good, or not any more: ask for another where you found it.\n"
    return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store"})
