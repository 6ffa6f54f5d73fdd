"""The connection behind an event stream: what HTTP in ASGI has no words for, small buffers and giving somebody up.

Only our own server offers it; under any other one both are left to that server.
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "vq.transport"


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own, which shows applications their connection."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}

    def handle_websocket_upgrade(self) -> None:
        """The connection becomes a socket; another protocol has it from now on."""
        super().handle_websocket_upgrade()
        # It and its parser hold each other: 3 KB a socket that would wait for the collector.
        self.parser = None  # type: ignore[assignment] # as the library does at the end


class Peer:
    """The other end of one request's connection."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self._transport = transport
        self.aborted = False

    def expect_a_slow_reader(self, kernel_bytes: int, silence_seconds: float) -> None:
        """Keep little for it, so that a reader that stops is noticed after hundreds of items instead of 23,000.

        `kernel_bytes` is its send buffer, which Linux doubles; `silence_seconds` how long a machine that vanished
        without a word may leave unconfirmed what it was sent.
        """
        if self._transport is None:
            return
        self._transport.set_write_buffer_limits(high=0)
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is None:
            return
        with suppress(OSError):  # it is gone already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, kernel_bytes)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(silence_seconds * 1000))

    def abort(self) -> None:
        """Give it up now: what is buffered for it is dropped."""
        if self._transport is not None:
            self._transport.abort()
            self.aborted = True


def peer_of(scope: Scope) -> Peer:
    """Who sent a request."""
    extension: dict[str, Any] = scope.get("extensions", {}).get(_EXTENSION, {})
    return Peer(extension.get("transport"))
