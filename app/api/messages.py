"""The messages of graphql-transport-ws: what a client may send, checked, and what it is sent, as bytes.

Keeps no state: which message may come when is the connection's business (`websocket.py`).
"""

from collections.abc import Sequence
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.types import Message

from app.api.sockets import CLOSE_BAD_REQUEST, CLOSE_TOO_LARGE

ACK = orjson.dumps({"type": "connection_ack"})
PING = orjson.dumps({"type": "ping"})
PONG = orjson.dumps({"type": "pong"})


class ProtocolViolation(Exception):
    """The client broke the protocol; the socket closes with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def decode(event: Message, most_bytes: int) -> dict[str, Any]:
    """What a `websocket.receive` carries: a JSON object."""
    text = event.get("text")
    if text is None:
        raise ProtocolViolation(CLOSE_BAD_REQUEST, "Messages must be text")
    if len(text) > most_bytes:
        raise ProtocolViolation(CLOSE_TOO_LARGE, f"Messages have at most {most_bytes} bytes")
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ProtocolViolation(CLOSE_BAD_REQUEST, "Messages must be valid JSON") from None
    if not isinstance(decoded, dict):
        raise ProtocolViolation(CLOSE_BAD_REQUEST, "Messages must be JSON objects")
    return decoded


def payload_of(message: dict[str, Any]) -> dict[str, Any]:
    """The payload of a message that need not have one."""
    payload = message.get("payload")
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise ProtocolViolation(CLOSE_BAD_REQUEST, "payload must be an object or null")
    return payload


def operation_id_of(message: dict[str, Any]) -> str:
    """The operation a message is about."""
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= 256:
        raise ProtocolViolation(CLOSE_BAD_REQUEST, "id must be a string of 1 to 256 characters")
    return operation_id


def next_message(operation_id: str, payload: dict[str, object]) -> bytes:
    """One item of an operation."""
    return orjson.dumps({"id": operation_id, "type": "next", "payload": payload})


def error_message(operation_id: str, errors: Sequence[GraphQLError]) -> bytes:
    """An operation's end, where it failed."""
    return orjson.dumps({"id": operation_id, "type": "error", "payload": [error.formatted for error in errors]})


def complete_message(operation_id: str) -> bytes:
    """An operation's end, where all went well."""
    return orjson.dumps({"id": operation_id, "type": "complete"})
