"""A process of many clients over HTTP: each keeps one connection and asks again as soon as it is answered.

A program of its own, spoken to line by line (JSON), so that asking and being measured do not share a loop. It knows no
GraphQL: it sends what it is given and keeps the bodies of the answers for whoever checks them.
"""

import asyncio
import sys
import time
from collections import deque
from pathlib import Path

import orjson
import uvloop

from bench.figures import percentile

# Twelve characters that are replaced by a number of its own in every request: as long, so lengths stay right.
SLOT = b"@@@@@@@@@@@@"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class _Refused(Exception):
    """An answer that is not 200."""


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, asking: "Asking", head: bytes, tail: bytes) -> None:
        self._asking, self._head, self._tail = asking, head, tail
        self._buffer = b""
        self._asked_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, problem: Exception | None) -> None:
        """The server has hung up."""
        self.transport = None
        self._asking.lost()

    def ask(self) -> None:
        """Send the next request."""
        assert self.transport is not None
        self._asked_at = time.perf_counter()
        self.transport.write(b"%s%012d%s" % (self._head, self._asking.number(), self._tail))

    def data_received(self, data: bytes) -> None:
        """A part of an answer, or all of it."""
        if self._buffer:
            data = self._buffer + data
        end = data.find(_HEAD_END)
        if end < 0:
            self._buffer = data
            return
        head = data[:end].lower()
        length = int(head.partition(_LENGTH)[2].partition(b"\r\n")[0])
        if len(data) < end + 4 + length:
            self._buffer = data
            return
        self._buffer = b""
        if not head.startswith(b"http/1.1 200"):
            self._asking.fail(_Refused(data[:300].decode(errors="replace")))
        elif self._asking.answered(data[end + 4 :], time.perf_counter() - self._asked_at):
            self.ask()


class Asking:
    """All clients and what they were answered."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self._number = 0
        self._bodies: list[bytes] = []
        self._latencies: list[float] = []
        self._deadline = 0.0
        # Requests that may still be sent; None where only the time counts.
        self._left: int | None = None
        self._open = 0
        self._done: asyncio.Future[None] | None = None

    async def connect(self, port: int, requests: list[str], connections: int) -> int:
        """Open connections; each sends one of the requests over and over."""
        for client in self._clients:
            if client.transport is not None:
                client.transport.close()
        loop = asyncio.get_running_loop()
        self._clients = []
        for number in range(connections):
            head, _, tail = requests[number % len(requests)].encode().partition(SLOT)
            # Without a slot nothing is inserted.
            made = _client(self, head, tail) if tail else _Same(self, head, b"")
            await loop.create_connection(lambda made=made: made, "127.0.0.1", port)  # type: ignore[misc]
            self._clients.append(made)
        return connections

    async def run(self, seconds: float, answers: str, count: int | None = None) -> dict[str, float]:
        """Ask for so long, or so many times in all; write the answers' bodies to a file, one on a line."""
        self._bodies, self._latencies = [], []
        self._left = count
        self._done = asyncio.get_running_loop().create_future()
        self._open = len(self._clients)
        began, cpu = time.perf_counter(), time.process_time()
        self._deadline = began + seconds
        for client in self._clients:
            if self._may_ask():
                client.ask()
            else:
                self._open -= 1
        await self._done
        wall, used = time.perf_counter() - began, time.process_time() - cpu
        Path(answers).write_bytes(b"".join(body + b"\n" for body in self._bodies))
        return {
            "count": len(self._bodies),
            "wall": wall,
            "client_cpu": used,
            "median": percentile(self._latencies, 0.5),
            "p99": percentile(self._latencies, 0.99),
        }

    def number(self) -> int:
        """A number no other request has."""
        self._number += 1
        return self._number

    def answered(self, body: bytes, seconds: float) -> bool:
        """Keep an answer; whether to go on asking."""
        self._bodies.append(body)
        self._latencies.append(seconds)
        if self._may_ask():
            return True
        self._open -= 1
        if self._open == 0 and self._done is not None and not self._done.done():
            self._done.set_result(None)
        return False

    def _may_ask(self) -> bool:
        if self._left is not None:
            self._left -= 1
            return self._left >= 0
        return time.perf_counter() < self._deadline

    def fail(self, problem: Exception) -> None:
        """Something is wrong: the run is worth nothing."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(problem)

    def lost(self) -> None:
        """A connection has gone: during a run, with its answer."""
        self.fail(ConnectionError("the server has hung up"))


class _Same(Client):
    """A client whose requests are all the same."""

    def ask(self) -> None:
        assert self.transport is not None
        self._asked_at = time.perf_counter()
        self.transport.write(self._head)


_client = Client


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=64 * 2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    asking = Asking()
    while line := await reader.readline():
        command = orjson.loads(line)
        do = command.pop("do")
        try:
            answer = await getattr(asking, {"connect": "connect", "run": "run"}[do])(**command)
        except (OSError, _Refused) as problem:
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
