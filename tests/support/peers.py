"""The other end of a websocket: a plain blocking socket and the reference library's parser. Reads only when told."""

import socket
import struct
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

WITHIN = 10.0
"""Seconds a peer waits for what must come."""


class Peer:
    """A client that has asked for its handshake. `buffer_bytes`: its receive buffer, so that it is soon full."""

    def __init__(self, port: int, *, buffer_bytes: int | None = None, **options: Any) -> None:
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/graphql"), max_size=None, **options)
        self.socket = socket.socket()
        if buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(WITHIN)
        self.socket.connect(("127.0.0.1", port))
        self._events: list[Any] = []
        self.protocol.send_request(self.protocol.connect())
        self._flush()
        self.answer: Response = self._next()

    def next_frame(self) -> Frame:
        """The next frame, control frames included. `ConnectionError` when the server has ended the connection."""
        frame: Frame = self._next()
        return frame

    def text(self) -> str:
        """The next frame, which must be a whole text message."""
        frame = self.next_frame()
        assert (frame.opcode, frame.fin) == (Opcode.TEXT, True), frame
        return bytes(frame.data).decode()

    def closed(self) -> tuple[int, str] | None:
        """Read on to the end: the server's close code and reason; None if it ended the connection without."""
        try:
            while True:
                self.next_frame()
        except ConnectionError:
            close = self.protocol.close_rcvd
            return None if close is None else (close.code, close.reason)

    def send(self, text: str) -> None:
        """A text message."""
        self.protocol.send_text(text.encode())
        self._flush()

    def ping(self, data: bytes) -> None:
        """A ping frame."""
        self.protocol.send_ping(data)
        self._flush()

    def close(self, code: int) -> None:
        """A close frame."""
        self.protocol.send_close(code)
        self._flush()

    def vanish(self) -> None:
        """End the connection as a killed process does that had something to read: with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _next(self) -> Any:
        while not self._events:
            data = self.socket.recv(65_536)
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()
            self._events.extend(self.protocol.events_received())
            self._flush()
            if not data and not self._events:
                raise ConnectionError("the server has ended the connection")
        return self._events.pop(0)

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.socket.sendall(data)
