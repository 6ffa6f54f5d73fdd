"""The pages of signing in with a provider: where browsers set out to it, and where they come back. Redirects only.

Whoever cannot be sent anywhere is told why on a plain page. What is decided is decided in `identity/providers`.
"""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.api.transport import request_id_of
from app.core.db.outage import is_worth_another_try
from app.core.errors import CodedError, RateLimited, Unavailable, UserFacingError
from app.core.logs import request_id as current_request_id
from app.identity.proofs import Source
from app.identity.providers.errors import MEANING, NotLetIn, Reason
from app.identity.providers.journeys import Departure, Journeys

CALLBACK = "/auth/callback"
_HEADERS = {
    # Codes stand in these addresses.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title></head><body><main><h1>You are not signed in</h1><p>{said}</p></main></body></html>
"""
_MOST_CHARACTERS = 4_000

# Counts somebody who was not let in; raises `RateLimited` when that has happened too often.
CountRefused = Callable[[str | None], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class SignInPages:
    """Answers below `/auth`."""

    def __init__(self, journeys: Journeys, count_refused: CountRefused) -> None:
        self._journeys = journeys
        self._count_refused = count_refused

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/auth/link", self._explained(self._link)),
            Route(CALLBACK + "/{key}", self._explained(self._callback)),
            Route("/auth/{tenant}/{provider}/start", self._explained(self._start)),
        ]

    async def _start(self, request: Request) -> Response:
        departure = await self._journeys.set_out(
            request.path_params["tenant"],
            request.path_params["provider"],
            _parameter(request, "return"),
            _parameter(request, "challenge"),
        )
        return self._sent(departure)

    async def _link(self, request: Request) -> Response:
        return self._sent(await self._journeys.set_out_to_link(_parameter(request, "ticket")))

    async def _callback(self, request: Request) -> Response:
        query = {name: _parameter(request, name) for name in request.query_params}
        source = Source(_address(request), request.headers.get("user-agent"), current_request_id.get())
        try:
            arrival = await self._journeys.come_back(request.path_params["key"], query, request.cookies, source)
        except NotLetIn:
            await self._count_refused(_address(request))
            raise
        if arrival.error is not None and arrival.error is not Reason.CANCELLED:
            await self._count_refused(_address(request))
        answer = RedirectResponse(arrival.address, 303, _HEADERS)
        answer.delete_cookie(
            arrival.cookie_name, path=CALLBACK, secure=self._journeys.is_secure, httponly=True, samesite="lax"
        )
        return answer

    def _sent(self, departure: Departure) -> Response:
        answer = RedirectResponse(departure.address, 303, _HEADERS)
        if departure.cookie is not None:
            name, value = departure.cookie
            # Lax: the provider sends the browser back from another site.
            answer.set_cookie(
                name,
                value,
                max_age=600,
                path=CALLBACK,
                secure=self._journeys.is_secure,
                httponly=True,
                samesite="lax",
            )
        return answer

    def _explained(self, handler: Handler) -> Handler:
        """The handler's answer, or a page that says why there is none."""

        async def answer(request: Request) -> Response:
            request_id = request_id_of(request.headers)
            reset = current_request_id.set(request_id)
            try:
                response = await explained(request)
            finally:
                current_request_id.reset(reset)
            response.headers["X-Request-Id"] = request_id
            return response

        async def explained(request: Request) -> Response:
            try:
                return await handler(request)
            except NotLetIn as refused:
                return _page(MEANING[refused.reason], 400)
            except UserFacingError as refused:
                return _page(refused.message, 400)
            except RateLimited as refused:
                return _page(refused.message, 429, {"Retry-After": str(max(1, round(refused.retry_after_seconds)))})
            except Unavailable as refused:
                return _page(refused.message, 503, {"Retry-After": str(max(1, round(refused.retry_after_seconds)))})
            except CodedError as refused:
                return _page(refused.message, 400)
            except Exception as problem:
                if not is_worth_another_try(problem):
                    raise
                return _page(Unavailable().message, 503, {"Retry-After": "1"})

        return answer


def _parameter(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    # Nothing of ours is longer; the database takes no U+0000.
    return value if len(value) <= _MOST_CHARACTERS and "\x00" not in value else ""


def _address(request: Request) -> str | None:
    return None if request.client is None else request.client.host


def _page(said: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return HTMLResponse(_PAGE.format(said=escape(said)), status, _HEADERS | (headers or {}))
