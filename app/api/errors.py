"""How errors look to clients: expected ones with message and code, all others masked; each with the request id.

Also the one place that logs unexpected errors. Neither query texts nor variables are logged: they hold personal data.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from app.core.db.outage import is_worth_another_try
from app.core.errors import BadInput, CodedError, InvalidInput, RateLimited, Unavailable, UserFacingError
from app.core.logs import request_id

logger = logging.getLogger(__name__)

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = BadInput.code
INTERNAL = "INTERNAL"
_OURS = frozenset({INTERNAL, Unavailable.code})

_NOT_BY_POST = "Subscriptions run over a websocket (graphql-transport-ws), or by POST with `Accept: text/event-stream`."
# Where sentences of graphql-core and Strawberry go on with the value they are about: it may have been meant for another
# field, or be the whole input. Anchored or bounded each, because the text is long if somebody wants it to be.
_ECHOES = (
    (re.compile(r"(cannot represent (?:an? )?[\w -]{0,40}value): .*", re.DOTALL), r"\1."),
    (re.compile(r"Value (cannot represent an? \w{1,40}): .*", re.DOTALL), r"The value \1."),
    (
        re.compile(r"\A((?:(?:Variable|Argument) [^:]*: )?)Value '.*' (does not exist in '\w+' enum)", re.DOTALL),
        r"\1The value \2",
    ),
    (re.compile(r"(\. Did you mean [\w', ]{1,300}\?) Found: .*", re.DOTALL), r"\1"),
    (re.compile(r"[,;] found: .*", re.DOTALL), "."),
    (re.compile(r"\A(Syntax Error: .{0,60}?\b(?:String|BlockString|Int|Float)) ['\"].*", re.DOTALL), r"\1."),
)
_INTERNAL_MESSAGE = "Something went wrong on our side. Quote the request id when you report it."


class PublicError(GraphQLError):
    """An error as the client may see it; already mapped, never mapped again."""


class Failures:
    """How many answers of this process had an error of ours: one number that grows, for whoever counts by it."""

    def __init__(self) -> None:
        self.count = 0


failures = Failures()


def public_errors(errors: Iterable[GraphQLError], operation_name: str | None = None) -> list[GraphQLError]:
    """Map an answer's errors for the client, and log those nobody expected."""
    mapped: list[GraphQLError] = [_mapped(error, operation_name) for error in errors]
    failures.count += any((error.extensions or {}).get("code") in _OURS for error in mapped)
    return mapped


def public_error(error: GraphQLError, operation_name: str | None = None) -> PublicError:
    """Map the only error of an answer."""
    mapped = _mapped(error, operation_name)
    failures.count += (mapped.extensions or {}).get("code") in _OURS
    return mapped


def _mapped(error: GraphQLError, operation_name: str | None) -> PublicError:
    if isinstance(error, PublicError):
        return error
    cause = _cause(error)
    if cause is not None and is_worth_another_try(cause):
        logger.warning("The database is away.", extra={"operation": operation_name, "cause": type(cause).__name__})
        cause = Unavailable()
    code, message, details = _judge(error, cause)
    if code == INTERNAL:
        logger.error(
            "Unexpected error in a GraphQL operation.",
            exc_info=cause or error,
            extra={"operation": operation_name, "path": _path(error)},
        )
    return PublicError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code, "requestId": request_id.get(), **details},
    )


def coded_error(problem: CodedError) -> PublicError:
    """A `CodedError` that happened before any field was reached, for instance while authenticating."""
    return public_error(GraphQLError(problem.message, original_error=problem))


def plain_error(message: str, code: str) -> PublicError:
    """An error of the transport itself."""
    return PublicError(message, extensions={"code": code, "requestId": request_id.get()})


def without_values(message: str) -> str:
    """What is wrong with a document or its variables, without the values: people's data belongs in no error's text."""
    for echo, told in _ECHOES:
        message = echo.sub(told, message, count=1)
    return message


def _cause(error: GraphQLError) -> Exception | None:
    """What was raised, below graphql-core's own wrapping."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _judge(error: GraphQLError, cause: Exception | None) -> tuple[str, str, Mapping[str, Any]]:
    """Code, message and further extensions."""
    match cause:
        case RateLimited():
            details = {"retryAfterSeconds": cause.retry_after_seconds, "limit": cause.limit}
            return cause.code, cause.message, details
        case Unavailable():
            return cause.code, cause.message, {"retryAfterSeconds": cause.retry_after_seconds}
        case CodedError():
            return cause.code, cause.message, {}
        case InvalidInput():
            return BAD_USER_INPUT, cause.message, {"field": cause.field}
        case UserFacingError():
            # Raised by a field whose type has no member for it; the message is meant for users all the same.
            return BAD_USER_INPUT, cause.message, {}
        case InvalidOperationTypeError():
            return VALIDATION_FAILED, _NOT_BY_POST, {}
        case CannotGetOperationTypeError() | MissingQueryError():
            return VALIDATION_FAILED, error.message, {}
    if isinstance(error, GraphQLSyntaxError):
        return PARSE_FAILED, without_values(error.message), {}
    if error.path is None:
        if isinstance(cause, RecursionError):
            return PARSE_FAILED, "The document is nested too deeply.", {}
        if cause is None or error.message.startswith("Variable "):
            # Validation says so in the extensions; what else comes without a path are unusable variables.
            return str((error.extensions or {}).get("code", BAD_USER_INPUT)), without_values(error.message), {}
    elif isinstance(cause, GraphQLError) and cause.message.startswith("Argument "):
        # A variable left out where an argument needs a value is only seen while executing.
        return BAD_USER_INPUT, without_values(cause.message), {}
    return INTERNAL, _INTERNAL_MESSAGE, {}


def _path(error: GraphQLError) -> str | None:
    return ".".join(str(part) for part in error.path) if error.path else None
