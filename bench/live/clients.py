"""The program of many HTTP clients: each keeps one connection and asks again as soon as it is answered.

A process of its own, spoken to line by line (JSON), so that asking and being measured do not share a loop. It knows no
GraphQL: it sends what it is given and writes the bodies of the answers to a file for whoever checks them.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path
from typing import cast

import orjson

from bench.figures import percentile

# Twelve characters that are replaced by a number no other request has: as long, so that lengths stay right.
SLOT = "@@@@@@@@@@@@"
_LINE_BYTES = 64 * 2**20
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class WrongAnswer(Exception):
    """An answer that is not 200, or none."""


class Client(asyncio.Protocol):
    """One connection and what it asks, one after the other."""

    def __init__(self, crowd: "Crowd", requests: Iterator[bytes]) -> None:
        self._crowd = crowd
        self._requests = requests
        self._buffer = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback of this name."""
        # uvloop's are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, problem: Exception | None) -> None:
        """asyncio's callback of this name."""
        self._transport = None
        self._crowd.fail(WrongAnswer("the server has hung up"))

    def ask(self) -> bool:
        """Send the next request; False if there is none."""
        request = next(self._requests, None)
        if request is None or self._transport is None:
            return False
        self._asked_at = time.perf_counter()
        self._transport.write(request)
        return True

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """asyncio's callback of this name."""
        if self._buffer:
            data = self._buffer + data
        end = data.find(_HEAD_END)
        head = data[: max(0, end)].lower()
        if end < 0 or len(data) < end + 4 + int(head.partition(_LENGTH)[2].partition(b"\r\n")[0]):
            self._buffer = data
            return
        self._buffer = b""
        if head.startswith(b"http/1.1 200"):
            self._crowd.answered(self, data[end + 4 :], time.perf_counter() - self._asked_at)
        else:
            self._crowd.fail(WrongAnswer(data[:500].decode(errors="replace")))


class Crowd:
    """All clients of one run, and what they were answered."""

    def __init__(self, seconds: float | None) -> None:
        self.bodies: list[bytes] = []
        self.latencies: list[float] = []
        self._seconds = seconds
        self._deadline = float("inf")
        self._asking = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, clients: Sequence[Client]) -> None:
        """Let them ask until the time is over or nobody has a request left, and wait for the last answer."""
        if self._seconds is not None:
            self._deadline = time.perf_counter() + self._seconds
        self._asking = sum(client.ask() for client in clients)
        await self._done

    def answered(self, client: Client, body: bytes, seconds: float) -> None:
        """Keep an answer and go on."""
        self.bodies.append(body)
        self.latencies.append(seconds)
        if time.perf_counter() >= self._deadline or not client.ask():
            self._asking -= 1
            if self._asking == 0:
                self._done.set_result(None)

    def fail(self, problem: Exception) -> None:
        """Something is wrong: the run is worth nothing. After its end nobody minds."""
        if not self._done.done():
            self._done.set_exception(problem)


async def run(
    port: int, requests: Sequence[Sequence[str]], seconds: float | None, answers: str, first_number: int
) -> dict[str, float | int]:
    """One run: a connection for each list of requests.

    With `seconds` each list is asked over and over for so long, without each is asked once, from front to end. Raises
    `WrongAnswer`.
    """
    crowd = Crowd(seconds)
    numbers = count(first_number)
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    try:
        for each in requests:
            client = Client(crowd, _filled(each, numbers, forever=seconds is not None))
            await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
            clients.append(client)
        began, cpu = time.perf_counter(), time.process_time()
        await crowd.run(clients)
        wall, used = time.perf_counter() - began, time.process_time() - cpu
    finally:
        for client in clients:
            client.close()
    # Nothing else runs in this process now.
    Path(answers).write_bytes(b"".join(body + b"\n" for body in crowd.bodies))  # noqa: ASYNC240
    return {
        "count": len(crowd.bodies),
        "wall_seconds": wall,
        "cpu_seconds": used,
        "median_seconds": percentile(crowd.latencies, 0.5),
        "p99_seconds": percentile(crowd.latencies, 0.99),
        "next_number": next(numbers),
    }


def _filled(requests: Sequence[str], numbers: Iterator[int], *, forever: bool) -> Iterator[bytes]:
    # Whatever can be done before the clock runs is done here.
    parts = [request.encode().partition(SLOT.encode()) for request in requests]
    for head, slot, tail in cycle(parts) if forever else parts:
        yield b"%s%012d%s" % (head, next(numbers), tail) if slot else head


async def _serve() -> None:
    reader = asyncio.StreamReader(limit=_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer: dict[str, object] = {**await run(**orjson.loads(line))}
        except (OSError, WrongAnswer) as problem:
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    with suppress(ImportError):  # not on every platform
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve())
