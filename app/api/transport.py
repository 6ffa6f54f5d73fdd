"""What HTTP and websocket transport share: the caller as the wire shows it, request ids, encoding.

Decides nothing about who the caller is; that is the context factory's.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self
from uuid import UUID, uuid4

import orjson
from graphql import GraphQLError
from starlette.datastructures import Headers
from starlette.types import Scope

from app.api.documents import Cost
from app.core.actor import Actor
from app.core.errors import DocumentNotFound
from app.core.graphql.trusted import NO_DOCUMENTS, TrustedDocuments, is_document_id
from app.core.live.fanout import Parkable

GRAPHQL_TRANSPORT_WS = "graphql-transport-ws"

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")


@dataclass(frozen=True, slots=True)
class Caller:
    """A request before anybody is authenticated. `authorization` is the header's text, scheme included."""

    authorization: str | None
    request_id: str
    address: str | None = None
    agent: str | None = None
    host: str | None = None


class OperationContext(Protocol):
    """What the transport needs of the context; everything else in it is between factory and resolvers."""

    actor: Actor
    request_id: str
    on_visit: Callable[[UUID], bool] | None
    """Called with each other tenant that is shown to the caller, by what lasts; true if that is new."""
    document: str
    """What is asked."""
    variables: dict[str, Any] | None
    """With which variables."""
    feed: Parkable | None
    """What runs a subscription that can be parked; set by its resolver."""

    def fresh(self) -> Self:
        """The same caller's context for another operation on the same socket."""
        ...


class ContextFactory(Protocol):
    """Authenticates a caller. Once per request over HTTP, once per `connection_init` on a socket."""

    async def __call__(self, caller: Caller) -> OperationContext:
        """Raise `TokenExpired`, `Unauthenticated`, `Forbidden` or `RateLimited` to turn the caller away.

        A caller without a token is a stranger, not an error.
        """
        ...


class Charge(Protocol):
    """What counts operations by their cost. Once for each, before anything of it runs, whatever brought it."""

    async def __call__(self, context: OperationContext, cost: Cost) -> None:
        """Raise `RateLimited` if the caller has had enough."""
        ...


async def free_of_charge(context: OperationContext, cost: Cost) -> None:
    """Nobody counts; clients are told the cost all the same."""


def charging(
    charge: Charge | None, context: OperationContext, request: "OperationRequest"
) -> Callable[[Cost], Awaitable[None]] | None:
    """What the schema is to tell the cost of this caller's operation, and the context what is asked."""
    context.document, context.variables = request.query, request.variables
    return None if charge is None else partial(charge, context)


Reauthenticate = Callable[[Actor], Awaitable[Actor]]
"""Look again at somebody who is connected: the actor as it is now, or a `CodedError` if it is no longer good."""


class Executable(Protocol):
    """What the transport needs of the schema."""

    async def execute(self, query: str | None, /, **arguments: Any) -> Any:
        """Run one operation."""
        ...

    async def stream(self, query: str | None, /, **arguments: Any) -> Any:
        """Run one operation, of any kind, as a stream of results."""
        ...


def new_request_id() -> str:
    """An id nobody has used before."""
    return uuid4().hex


def request_id_of(headers: Headers) -> str:
    """The caller's `X-Request-Id` where it is fit for a log line, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else new_request_id()


def caller_of(scope: Scope, *, request_id: str, authorization: str | None) -> Caller:
    """The caller of an ASGI connection."""
    headers = Headers(scope=scope)
    client = scope.get("client")
    return Caller(
        authorization=authorization,
        request_id=request_id,
        address=client[0] if client else None,
        agent=headers.get("user-agent"),
        host=headers.get("host"),
    )


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type an `Accept` header likes best, the first of equals; the first offered where it likes none."""
    best, best_quality = offered[0], 0.0
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type in offered and (quality := _quality(parameters)) > best_quality:
            best, best_quality = media_type, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def encode(data: object) -> str:
    """JSON text. Text and not bytes, because bytes would become a binary websocket frame."""
    return orjson.dumps(data).decode()


def is_request_error(data: object, errors: Iterable[GraphQLError] | None) -> bool:
    """Whether nothing was executed: parsing, validation, variables, or the source of a subscription failed."""
    return data is None and bool(errors) and all(error.path is None for error in errors or ())


def result_payload(result: Any) -> dict[str, object]:
    """A result as clients get it; a request error has no `data` entry at all."""
    errors: Sequence[GraphQLError] | None = result.errors
    payload: dict[str, object] = {}
    if errors:
        payload["errors"] = [error.formatted for error in errors]
    if not is_request_error(result.data, errors):
        payload["data"] = result.data
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """The members of a GraphQL request, type-checked."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def operation_request(payload: object, documents: TrustedDocuments = NO_DOCUMENTS) -> OperationRequest | str:
    """Check a decoded request; a sentence saying what is wrong with it if it is not one.

    Instead of a `query` it may name one of the documents: as `documentId`, or as Apollo's links do, as
    `extensions.persistedQuery.sha256Hash`. `DocumentNotFound` if there is none of that id.
    """
    if isinstance(payload, list):
        return "Batching is not supported: send one operation per request."
    if not isinstance(payload, Mapping):
        return "The request must be a JSON object with a `query`."
    query, variables = payload.get("query"), payload.get("variables")
    operation_name, extensions = payload.get("operationName"), payload.get("extensions")
    if (id := _document_id(payload.get("documentId"), extensions)) is not None:
        if query is None and (query := documents.text(id)) is None:
            raise DocumentNotFound
        if isinstance(query, str) and not is_document_id(id, query):
            return "`query` is not the document of that id; send one of the two."
    if not isinstance(query, str) or not query.strip():
        return "`query` must be a non-empty string."
    if variables is not None and not isinstance(variables, dict):
        return "`variables` must be an object or null."
    if operation_name is not None and not isinstance(operation_name, str):
        return "`operationName` must be a string or null."
    if extensions is not None and not isinstance(extensions, dict):
        return "`extensions` must be an object or null."
    return OperationRequest(query, variables, operation_name or None)


def _document_id(given: object, extensions: object) -> str | None:
    """The id of a document that a request names, if it names one."""
    if (
        given is None
        and isinstance(extensions, dict)
        and isinstance(persisted := extensions.get("persistedQuery"), dict)
    ):
        given = persisted.get("sha256Hash")
    return given if isinstance(given, str) and given else None
