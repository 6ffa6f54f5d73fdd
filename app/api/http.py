"""GraphQL over HTTP: POST of one JSON operation, one JSON answer, status codes as the specification has them.

Also the page (GraphiQL) on GET where it is switched on, and queries by GET where an installation wants them. Multipart,
batching and subscriptions over POST do not exist here.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.types.graphql import OperationType

from app.api.errors import BAD_USER_INPUT, INTERNAL, PublicError, coded_error, plain_error, public_error
from app.api.transport import (
    Charge,
    ContextFactory,
    Executable,
    OperationContext,
    OperationRequest,
    caller_of,
    charging,
    encode,
    is_request_error,
    operation_request,
    preferred,
    request_id_of,
    result_payload,
)
from app.core.errors import CodedError, DocumentNotFound, Forbidden, RateLimited
from app.core.graphql.trusted import NO_DOCUMENTS, TrustedDocuments
from app.core.logs import request_id as current_request_id

logger = logging.getLogger(__name__)

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

_BY_POST = frozenset({OperationType.QUERY, OperationType.MUTATION})
_BY_GET = frozenset({OperationType.QUERY})


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one request may cost. The front-ends' largest document is 3 KB; 8 KB of metadata leave ample room."""

    body_bytes: int = 100_000
    operation_seconds: float = 30.0


class Refused(Exception):
    """A request that gets an answer of the transport's own."""

    def __init__(self, status: int, error: PublicError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers


class GraphQLOverHTTP:
    """An ASGI application for `http` scopes.

    Statuses. 200: the operation was executed, field errors included. 400: it was not (syntax, validation, variables,
    malformed body); with `Accept: application/json` a well-formed request gets 200 even then, as the specification
    asks. 401: the token is expired, revoked or no token; 403: its tenant or user is suspended; 405, 413, 415: method,
    size, media type; 429: too many requests; 500: our fault outside any field; 503: the operation took too long.
    Every body has `errors` in GraphQL's shape.
    """

    def __init__(
        self,
        schema: Executable,
        context_factory: ContextFactory,
        *,
        limits: HttpLimits | None = None,
        page: HTMLResponse | None = None,
        charge: Charge | None = None,
        documents: TrustedDocuments = NO_DOCUMENTS,
        get_queries: bool = False,
    ) -> None:
        self._schema = schema
        self._context_factory = context_factory
        self._limits = limits or HttpLimits()
        self._page = page
        self.charge = charge
        self._documents = documents
        self._get_queries = get_queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
        reset = current_request_id.set(request_id)
        media_type = preferred(request.headers.get("accept", ""), (JSON, GRAPHQL_JSON))
        try:
            response = await self._answer(request, media_type, request_id)
        except ClientDisconnect:
            return
        except Exception as problem:  # noqa: BLE001 - whatever it is, the client gets JSON with a request id
            response = refusal(problem, media_type)
        finally:
            current_request_id.reset(reset)
        response.headers["X-Request-Id"] = request_id
        await response(scope, receive, send)

    async def _answer(self, request: Request, media_type: str, request_id: str) -> Response:
        if request.method in ("GET", "HEAD") and self._page is not None and _wants_page(request):
            # A response remembers its headers; the request id belongs to one request only.
            return HTMLResponse(self._page.body, headers=dict(self._page.headers))
        by_get = request.method == "GET" and self._get_queries
        if request.method != "POST" and not by_get:
            raise Refused(
                405,
                plain_error("Send operations by POST.", BAD_USER_INPUT),
                {"Allow": "GET, POST" if self._page or self._get_queries else "POST"},
            )
        operation = await self.operation(request)
        context = await self.context(request, request_id)
        try:
            async with asyncio.timeout(self._limits.operation_seconds):
                result = await self._schema.execute(
                    operation.query,
                    variable_values=operation.variables,
                    context_value=context,
                    operation_name=operation.operation_name,
                    allowed_operation_types=_BY_GET if by_get else _BY_POST,
                    charge=charging(self.charge, context, operation),
                )
        except TimeoutError:
            seconds = self._limits.operation_seconds
            message = f"The operation took longer than {seconds:g} s and was stopped; ask for less, or try again."
            raise Refused(503, plain_error(message, INTERNAL), {"Retry-After": "5"}) from None
        failed = is_request_error(result.data, result.errors)
        wait = _wait_of(result.errors or ())
        headers = None if wait is None else {"Retry-After": retry_after(wait)}
        status = 400 if failed and media_type == GRAPHQL_JSON else 200
        if failed and wait is not None:
            status = 429
        return Response(encode(result_payload(result)), status, headers, media_type)

    async def operation(self, request: Request) -> OperationRequest:
        """What a request asks for. `Refused` if its headers, its body or its parameters are not what we take."""
        if request.method == "GET":
            payload: object = _parameters(request)
        else:
            _check_content(request)
            payload = _decoded(await self._body(request))
        try:
            operation = operation_request(payload, self._documents)
        except DocumentNotFound as problem:
            # As with any well-formed request that is not executed.
            media_type = preferred(request.headers.get("accept", ""), (JSON, GRAPHQL_JSON))
            raise Refused(400 if media_type == GRAPHQL_JSON else 200, coded_error(problem)) from problem
        if isinstance(operation, str):
            raise Refused(400, plain_error(operation, BAD_USER_INPUT))
        return operation

    async def context(self, request: Request, request_id: str) -> OperationContext:
        """Who asks. `Refused` if we turn the caller away."""
        authorization = request.headers.get("authorization")
        try:
            return await self._context_factory(
                caller_of(request.scope, request_id=request_id, authorization=authorization)
            )
        except RateLimited as problem:
            headers = {"Retry-After": retry_after(problem.retry_after_seconds)}
            raise Refused(429, coded_error(problem), headers) from problem
        except Forbidden as problem:
            raise Refused(403, coded_error(problem)) from problem
        except CodedError as problem:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Refused(401, coded_error(problem), challenge) from problem

    async def _body(self, request: Request) -> bytes:
        limit = self._limits.body_bytes
        too_large = Refused(
            413,
            plain_error(f"The body has more than {limit:,} bytes.", BAD_USER_INPUT),
            # What is left of the body is not read, so the connection cannot be used again.
            {"Connection": "close"},
        )
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise too_large
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise too_large
        return bytes(body)


def refusal(problem: Exception, media_type: str) -> Response:
    """The answer to a request that raised: what a `Refused` says, or our fault."""
    if not isinstance(problem, Refused):
        problem = Refused(500, public_error(GraphQLError("", original_error=problem)))
    return Response(encode({"errors": [problem.error.formatted]}), problem.status, problem.headers, media_type)


def retry_after(seconds: float) -> str:
    """What the header says: whole seconds, and never that one may come back at once."""
    return str(max(1, round(seconds)))


def _wait_of(errors: Sequence[GraphQLError]) -> float | None:
    """For how long the caller has had enough, of one thing or of all; None if that is not what is wrong."""
    limited = [
        each.extensions for each in errors if each.extensions and each.extensions.get("code") == RateLimited.code
    ]
    return max((float(each["retryAfterSeconds"]) for each in limited), default=None)


def _check_content(request: Request) -> None:
    """Equality, not containment: `text/plain, application/json` is a simple request that any page may send."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    name, _, charset = parameters.strip().lower().partition("=")
    if media_type.strip().lower() != JSON or (name == "charset" and charset.strip('" ') not in ("utf-8", "utf8")):
        raise Refused(415, plain_error(f"Send the body as `Content-Type: {JSON}`, in UTF-8.", BAD_USER_INPUT))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, plain_error("Send the body uncompressed.", BAD_USER_INPUT))


def _parameters(request: Request) -> dict[str, object]:
    """What stands in the address: objects are JSON in there."""
    given: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _decoded(str(given[name]))
    return given


def _decoded(body: bytes | str) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused(400, plain_error("What was sent is not valid JSON.", BAD_USER_INPUT)) from None


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
