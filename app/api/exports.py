"""Where export files are fetched: the link alone opens it, and each time it is used stands in the log."""

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.actor import ANONYMOUS, Origin
from app.core.errors import NotFound
from app.privacy import links, service
from app.runtime import Runtime


def exports_route(runtime: Runtime) -> Route:
    """The route of the links `PrivacyRequest.downloadUrl` gives."""

    async def fetch(request: Request) -> Response:
        now = runtime.clock.now()
        ref = links.read(runtime.settings.secret, request.path_params["link"], now)
        if ref is None:
            return _gone()
        origin = Origin.of(None if request.client is None else request.client.host, request.headers.get("user-agent"))
        try:
            async with runtime.dbs.app.write(ref.tenant_id, ANONYMOUS, origin=origin) as tx:
                content = await service.download(tx, ref.id, now)
        except NotFound:
            return _gone()
        return Response(
            orjson.dumps(content, option=orjson.OPT_INDENT_2),
            media_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="export-{ref.id}.json"',
                "Cache-Control": "no-store",
            },
        )

    return Route(f"{links.PATH}/{{link}}", fetch, methods=["GET"])


def _gone() -> Response:
    text = "This link is not good, or not any more: ask for another with `privacyRequests`.\n"
    return PlainTextResponse(text, status_code=404, headers={"Cache-Control": "no-store"})
