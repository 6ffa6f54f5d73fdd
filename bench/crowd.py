"""A crowd of websocket clients in a process of its own: counts and times frames, and answers pings. Judges nothing.

One loop over epoll on plain sockets: an update costs it a few microseconds, so that the server is what is measured.
Commands come as JSON lines on stdin; each is answered by one JSON line on stdout.
"""

import base64
import os
import select
import socket
import sys
import time
from dataclasses import dataclass

import orjson

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_AT_ONCE = 50
_BUFFER_BYTES = 262_144
_GRAPHQL_PING = b'{"type":"ping"'
_GRAPHQL_PONG = b'{"type":"pong"}'
_NEXT = b'"type":"next"'


@dataclass(slots=True)
class Member:
    """One socket."""

    socket: socket.socket
    rest: bytes = b""
    """The beginning of a frame whose end has not come yet."""
    updates: int = 0
    last: bytes = b""


class Crowd:
    """All sockets of this process."""

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}
        self._poll = select.epoll()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._arrivals: list[float] = []

    def connect(self, port: int, query: str, subscriptions: list[dict[str, str]], within: float) -> int:
        """Open a socket for each subscription, wait for its first item; bytes of the last one."""
        deadline = time.monotonic() + within
        for start in range(0, len(subscriptions), _AT_ONCE):
            members = [_open(port) for _ in subscriptions[start : start + _AT_ONCE]]
            for member, given in zip(members, subscriptions[start:], strict=False):
                _finish_handshake(member.socket)
                init = {"type": "connection_init", "payload": {"authorization": f"Bearer {given['token']}"}}
                payload = {"query": query, "variables": {"id": given["id"]}}
                subscribe = {"type": "subscribe", "id": "1", "payload": payload}
                member.socket.sendall(_masked(_TEXT, orjson.dumps(init)) + _masked(_TEXT, orjson.dumps(subscribe)))
                member.socket.setblocking(False)
                self._members[member.socket.fileno()] = member
                self._poll.register(member.socket.fileno(), select.EPOLLIN)
            self.collect(start + len(members), deadline - time.monotonic())
        self._arrivals.clear()
        return len(next(iter(self._members.values())).last)

    def collect(self, expected: int, within: float) -> list[float]:
        """Wait until so many updates have arrived since the last `clear`; when each did."""
        deadline = time.monotonic() + within
        while len(self._arrivals) < expected:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(self._arrivals)} of {expected} updates came within {within:.0f} s")
            for number, _ in self._poll.poll(left):
                self._read(self._members[number])
        return self._arrivals

    def clear(self) -> int:
        """Read what is there already; how many updates nobody had waited for."""
        taken = len(self._arrivals)
        while ready := self._poll.poll(0):
            for number, _ in ready:
                self._read(self._members[number])
        unexpected = len(self._arrivals) - taken
        self._arrivals.clear()
        return unexpected

    def positions(self) -> list[int | None]:
        """What each socket was told last."""
        found = []
        for member in self._members.values():
            (value,) = orjson.loads(member.last)["payload"]["data"].values()
            found.append(value["position"])
        return found

    def _read(self, member: Member) -> None:
        size = member.socket.recv_into(self._buffer)
        if size == 0:
            raise ConnectionError("the server closed a socket")
        now = time.monotonic()
        view = self._view[:size]
        if member.rest:
            view = memoryview(member.rest + bytes(view))
            size, member.rest = len(view), b""
        start = 0
        while start < size:
            end, body = _frame_bounds(view, start, size)
            if end > size:
                member.rest = bytes(view[start:])
                return
            self._frame(member, view[start] & 15, view[body:end], now)
            start = end

    def _frame(self, member: Member, opcode: int, payload: memoryview, now: float) -> None:
        if opcode == _TEXT:
            data = bytes(payload)
            if _NEXT in data:
                member.updates += 1
                member.last = data
                self._arrivals.append(now)
            elif data.startswith(_GRAPHQL_PING):
                member.socket.sendall(_masked(_TEXT, _GRAPHQL_PONG))
            elif b'"connection_ack"' not in data:
                raise ConnectionError(f"the server sent {data[:300]!r}")
        elif opcode == _PING:
            member.socket.sendall(_masked(_PONG, bytes(payload)))
        elif opcode == _CLOSE:
            raise ConnectionError(f"the server closed a socket: {bytes(payload)!r}")


def _frame_bounds(view: memoryview, start: int, size: int) -> tuple[int, int]:
    """Where a frame ends and where its payload begins; an end beyond `size` if it is not all here. Never masked."""
    if start + 2 > size:
        return size + 1, size
    length, body = view[start + 1], start + 2
    if length == 126:
        if body + 2 > size:
            return size + 1, size
        length, body = int.from_bytes(view[body : body + 2]), body + 2
    elif length == 127:
        if body + 8 > size:
            return size + 1, size
        length, body = int.from_bytes(view[body : body + 8]), body + 8
    return body + length, body


def _masked(opcode: int, payload: bytes) -> bytes:
    # A mask of zeros is a mask, and saves the work of applying it.
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def _open(port: int) -> Member:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30.0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        (
            "GET /graphql HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            f"sec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        ).encode()
    )
    return Member(connection)


def _finish_handshake(connection: socket.socket) -> None:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # the server speaks next only when it is spoken to
        chunk = connection.recv(4096)
        if not chunk:
            break
        answer += chunk
    if not answer.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(f"the handshake was refused: {answer[:300]!r}")


def main() -> None:
    """Serve commands until stdin ends."""
    crowd = Crowd()
    for line in sys.stdin.buffer:
        command = orjson.loads(line)
        answer: object
        match command.pop("do"):
            case "connect":
                answer = crowd.connect(**command)
            case "clear":
                answer = crowd.clear()
            case "collect":
                cpu, began = time.process_time(), time.monotonic()
                arrivals = crowd.collect(**command)
                answer = {
                    "arrivals": arrivals,
                    "cpu_seconds": time.process_time() - cpu,
                    "wall_seconds": time.monotonic() - began,
                }
            case "positions":
                answer = crowd.positions()
            case unknown:
                raise ValueError(f"no such command: {unknown}")
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
