"""The limit in Python: a bare protocol on uvloop that writes frames made before the event to the transports.

Speaks just enough HTTP, RFC 6455 and graphql-transport-ws for the crowd. No GraphQL, no database, no heartbeat, no
back-pressure. `POST /prepare` makes everybody's next frame, `POST /wave` writes them, nearest the head first.
"""

import argparse
import asyncio
import base64
import gc
import hashlib
import re
import resource
import socket
from typing import cast

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"sec-websocket-key: *(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PLACE = re.compile(rb'"variables":\{"id":"(\d+)"')
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
_TEXT, _CLOSE = 1, 8


class House:
    """Everybody who watches, by place, and what they are told next. The benchmarks' tests make it tell lies."""

    def __init__(self, ahead: int) -> None:
        self.ahead, self.wave = ahead, 0
        self.watching: dict[int, Peer] = {}
        self.ready: list[tuple[asyncio.Transport, bytes]] = []

    def frame(self, place: int) -> bytes:
        """The frame of one place as of the current wave."""
        position = self.ahead + place + 1 - self.wave
        return framed(
            f'{{"id":"1","type":"next","payload":{{"data":{{"sessionChanged":{{'
            f'"ticketNumber":"A{self.ahead + place + 1:05d}","status":"WAITING","position":{position},'
            f'"aheadCount":{position - 1},"estimatedWaitSeconds":null,"revision":{self.wave + 2}}}}}}}}}'.encode()
        )

    def prepare(self) -> None:
        """Make the next event's frames."""
        self.wave += 1
        self.ready = [(peer.transport, self.frame(place)) for place, peer in sorted(self.watching.items())]

    def send(self) -> None:
        """Write them."""
        for transport, frame in self.ready:
            transport.write(frame)


class Peer(asyncio.Protocol):
    """One connection: HTTP until it is upgraded."""

    transport: asyncio.Transport

    def __init__(self, house: House) -> None:
        self._house = house
        self._held = b""
        self._is_socket = False
        self._place: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not derived from it

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio."""
        if self._place is not None and self._house.watching.get(self._place) is self:
            del self._house.watching[self._place]

    def data_received(self, data: bytes) -> None:
        """Of asyncio."""
        self._held += data
        while self._held and (used := self._frame() if self._is_socket else self._request()):
            self._held = self._held[used:]

    def _request(self) -> int:
        head, end, _ = self._held.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = len(head) + 4 + (int(length[1]) if length else 0)
        if not end or size > len(self._held):
            return 0
        if key := _KEY.search(head):
            accept = base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())
            self._is_socket = True
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
                b"sec-websocket-accept: " + accept + b"\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
            )
            return size
        if head.startswith(b"POST /prepare"):
            self._house.prepare()
        elif head.startswith(b"POST /wave"):
            self._house.send()
        self.transport.write(_OK)
        return size

    def _frame(self) -> int:
        held = self._held
        if len(held) < 6:
            return 0
        size, head = held[1] & 127, 2
        if size == 126:
            size, head = int.from_bytes(held[2:4]), 4
        if len(held) < head + 4 + size:
            return 0
        mask, text = held[head : head + 4], held[head + 4 : head + 4 + size]
        if any(mask):
            text = bytes(value ^ mask[number & 3] for number, value in enumerate(text))
        if held[0] & 15 == _CLOSE:
            self.transport.close()
        elif held[0] & 15 == _TEXT:
            self._message(text)
        return head + 4 + size

    def _message(self, text: bytes) -> None:
        if b'"connection_init"' in text:
            self.transport.write(framed(b'{"type":"connection_ack"}'))
        elif found := _PLACE.search(text):
            self._place = int(found[1])
            self._house.watching[self._place] = self
            self.transport.write(self._house.frame(self._place))


def framed(payload: bytes) -> bytes:
    """A text frame as servers send them."""
    size = len(payload)
    return bytes([0x80 | _TEXT]) + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2)) + payload


async def serve(house: House, listener: socket.socket) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(lambda: Peer(house), sock=listener, backlog=2048)
    await server.serve_forever()


def run(make: type[House]) -> None:
    """The program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--ahead", type=int, default=0)
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    serving = serve(make(arguments.ahead), socket.socket(fileno=arguments.fd))
    try:
        import uvloop
    except ImportError:  # not on every platform
        asyncio.run(serving)
    else:
        uvloop.run(serving)


if __name__ == "__main__":
    run(House)
