"""The crowd in Python, for machines without a C compiler: the commands of `native/crowd.c`, at several times its cost.

See there and in `crowd.py`. Judges nothing.
"""

import resource
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import orjson

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_BUFFER_BYTES = 262_144
_PER_ADDRESS = 25_000
_GREETING = (
    b"GET /graphql HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
_REVISION = b'"revision":'


@dataclass(slots=True, eq=False)
class Member:
    """One socket."""

    number: int
    talk: tuple[bytes, bytes]
    connection: socket.socket | None = None
    is_upgraded: bool = False
    is_open: bool = False
    is_closed: bool = False
    code: int = 0
    rest: bytes = b""
    updates: int = 0
    revision: int = 0
    last: bytes = b""


class Crowd:
    """All sockets of this process."""

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._by_file: dict[int, Member] = {}
        self._poll = select.epoll()
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._arrivals = array("Q")
        self._arrived = self._opened = self._closed = self._in_progress = 0
        self._every, self._trouble = 1, ""

    def open(self, port: str, count: str, path: str, window: str, within: str) -> object:
        """Connect and subscribe everybody."""
        data, at, parts = Path(path).read_bytes(), 0, []
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], sys.byteorder)
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        self._members = [Member(n, (parts[2 * n], parts[2 * n + 1])) for n in range(int(count))]
        began, used, waiting = time.monotonic(), time.process_time(), iter(self._members)
        deadline = began + int(within) / 1000
        while self._opened + self._closed < len(self._members) and time.monotonic() < deadline:
            while self._in_progress < int(window) and (member := next(waiting, None)):
                self._dial(member, int(port))
            self._turn(deadline - time.monotonic())
        return {"seconds": time.monotonic() - began, "cpu": time.process_time() - used, **self._state()}

    def clear(self) -> object:
        """Read what is there, forget arrivals."""
        before = self._arrived
        while self._turn(0.0):
            pass
        unexpected = self._arrived - before
        self._arrived, self._arrivals = 0, array("Q")
        return {"unexpected": unexpected}

    def collect(self, expected: str, within: str) -> object:
        """Wait for updates."""
        began, used = time.monotonic(), time.process_time()
        # Nothing is worth waiting for when somebody has been dropped.
        self._turn_until(lambda: self._arrived >= int(expected) or self._closed > 0, within)
        seconds, cpu = time.monotonic() - began, time.process_time() - used
        return {"arrived": self._arrived, "seconds": seconds, "cpu": cpu, **self._state()}

    def until(self, revision: str, within: str) -> object:
        """Wait until every open socket knows of a revision."""

        def behind() -> int:
            return sum(member.is_open and member.revision < int(revision) for member in self._members)

        self._turn_until(lambda: not behind(), within)
        return {"behind": behind(), **self._state()}

    def every(self, every: str) -> object:
        """Keep the arrivals of every n-th."""
        self._every = int(every)
        return {}

    def arrivals(self, path: str) -> object:
        """Write them."""
        Path(path).write_bytes(self._arrivals.tobytes())
        return {"kept": len(self._arrivals) // 2, "arrived": self._arrived}

    def last(self, path: str) -> object:
        """Write what each socket was told last."""
        with Path(path).open("wb") as file:
            for member in self._members:
                head = array("I", [member.is_open, member.code, member.updates, len(member.last)])
                file.write(head.tobytes() + member.last)
        return self._state()

    def pause(self, first: str, end: str) -> object:
        """Stop reading."""
        return self._set_reading(int(first), int(end), 0)

    def resume(self, first: str, end: str) -> object:
        """Read again."""
        return self._set_reading(int(first), int(end), select.EPOLLIN)

    def probe(self, port: str, request: str, every: str, count: str, path: str) -> object:
        """Ask the same over HTTP at a steady pace."""
        asked, took, failed = Path(request).read_bytes(), array("Q"), 0
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            due = time.monotonic_ns()
            for _ in range(int(count)):
                time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
                connection.sendall(asked)
                answer = _answer(connection)
                took.append(time.monotonic_ns() - due)
                failed += not answer.startswith(b"HTTP/1.1 200") or b'"errors"' in answer
                due += int(every) * 1000
        Path(path).write_bytes(took.tobytes())
        return {"failed": failed}

    def wait(self) -> None:
        """Serve sockets until a command stands on stdin."""
        while True:
            for number, _ in self._poll.poll():
                if number == sys.stdin.fileno():
                    return
                self._ready(self._by_file[number])

    def _turn_until(self, is_done: Callable[[], bool], within: str) -> None:
        deadline = time.monotonic() + int(within) / 1000
        while not is_done() and (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, 0.02))

    def _turn(self, seconds: float) -> bool:
        ready = [number for number, _ in self._poll.poll(max(0.0, seconds)) if number != sys.stdin.fileno()]
        for number in ready:
            if member := self._by_file.get(number):
                self._ready(member)
        return bool(ready)

    def _state(self) -> dict[str, object]:
        return {"opened": self._opened, "closed": self._closed, "trouble": self._trouble}

    def _set_reading(self, first: int, end: int, events: int) -> object:
        for member in self._members[first:end]:
            if member.connection is not None and member.is_open:
                self._poll.modify(member.connection.fileno(), events)
        return self._state()

    def _dial(self, member: Member, port: int) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if member.number >= _PER_ADDRESS:  # one address has 28,000 ports
            connection.bind((f"127.0.0.{1 + member.number // _PER_ADDRESS}", 0))
        connection.connect(("127.0.0.1", port))  # the loopback answers at once
        connection.sendall(_GREETING)
        connection.setblocking(False)
        member.connection = connection
        self._by_file[connection.fileno()] = member
        self._poll.register(connection.fileno(), select.EPOLLIN)
        self._in_progress += 1

    def _ready(self, member: Member) -> None:
        assert member.connection is not None
        try:
            data = member.connection.recv(_BUFFER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(member, 1006)
            return
        now, data, start = time.monotonic_ns(), member.rest + data, 0
        if not member.is_upgraded:
            head, end, _ = data.partition(b"\r\n\r\n")
            if not end:
                member.rest = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._complain(member, head)
                return
            member.is_upgraded, start = True, len(head) + 4
            member.connection.sendall(member.talk[0])
        while start < len(data) and not member.is_closed:
            end_at, body = _frame_bounds(data, start)
            if end_at > len(data):
                break
            self._frame(member, data[start] & 15, data[body:end_at], now)
            start = end_at
        member.rest = data[start:]

    def _frame(self, member: Member, opcode: int, payload: bytes, now: int) -> None:
        assert member.connection is not None
        if opcode == _TEXT and b'"next"' in payload[:60]:
            self._update(member, payload, now)
        elif opcode == _TEXT and b'"connection_ack"' in payload:
            member.connection.sendall(member.talk[1])
        elif opcode == _TEXT and b'"ping"' in payload:
            member.connection.sendall(_masked(_TEXT, b'{"type":"pong"}'))
        elif opcode == _PING:
            member.connection.sendall(_masked(_PONG, payload))
        elif opcode == _CLOSE:
            self._trouble = self._trouble or f"closed: {payload[2:].decode(errors='replace')}"
            self._end(member, int.from_bytes(payload[:2]) or 1005)
        elif opcode != _PONG:
            self._complain(member, payload)

    def _update(self, member: Member, payload: bytes, now: int) -> None:
        member.updates += 1
        digits = payload.partition(_REVISION)[2]
        member.revision = int(digits[: len(digits) - len(digits.lstrip(b"0123456789"))] or 0)
        member.last = payload
        if not member.is_open:
            member.is_open = True
            self._opened += 1
            self._in_progress -= 1
        self._arrived += 1
        if member.number % self._every == 0:
            pair = (member.number, member.revision)
            low, high = pair if sys.byteorder == "little" else pair[::-1]
            self._arrivals.extend((now, low | high << 32))

    def _complain(self, member: Member, text: bytes) -> None:
        self._trouble = self._trouble or text[:300].decode(errors="replace")
        self._end(member, 1)

    def _end(self, member: Member, code: int) -> None:
        if member.is_closed or member.connection is None:
            return
        self._opened -= member.is_open
        self._in_progress -= not member.is_open
        self._closed += 1
        del self._by_file[member.connection.fileno()]
        self._poll.unregister(member.connection.fileno())
        member.connection.close()
        member.is_open, member.is_closed, member.code = False, True, code


def _frame_bounds(data: bytes, start: int) -> tuple[int, int]:
    """Where a frame ends and where its payload begins; an end beyond the data if it is not all here. Never masked."""
    beyond = len(data) + 1
    if start + 2 > len(data):
        return beyond, start
    length, body = data[start + 1], start + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        if body + size > len(data):
            return beyond, start
        length, body = int.from_bytes(data[body : body + size]), body + size
    return body + length, body


def _masked(opcode: int, payload: bytes) -> bytes:
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while True:
        answer += connection.recv(65_536)
        head, end, body = answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length):
            return answer


def main() -> None:
    """Serve commands until stdin ends."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd()
    # Unbuffered: a line read ahead would not wake epoll.
    commands = FileIO(sys.stdin.fileno(), closefd=False)
    while True:
        crowd.wait()
        line = commands.readline()
        if not line:
            return
        do, *arguments = line.decode().split()
        sys.stdout.buffer.write(orjson.dumps(getattr(crowd, do)(*arguments)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
