"""Asks a server with many clients at once (`clients.py`) and tells how fast it was, who paid, and what it answered.

Checks nothing: the answers go to whoever knows what they should be.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.http import success
from bench.stage import REPOSITORY, Server, Stage

_LINE_BYTES = 64 * 2**20
# Connecting, the last answers, and requests that are asked once.
_MOST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One window."""

    answers: list[bytes]
    """Bodies, in the order in which they came."""
    per_second: float
    median_ms: float
    p99_ms: float
    server_cpu_ms: float
    """CPU time of the server per answer, user and system."""
    server_share: float
    """CPU time of the server ÷ wall time: 1 is a whole core."""
    client_share: float
    """CPU time of the clients' process ÷ wall time."""

    @property
    def count(self) -> int:
        """Answers."""
        return len(self.answers)

    def successes(self) -> list[Any]:
        """The value of each answer's root field; `UnexpectedAnswer` if one is an error."""
        return [success(body) for body in self.answers]


class Clients:
    """The clients' process."""

    def __init__(self, process: asyncio.subprocess.Process, answers: Path) -> None:
        self._process = process
        self._answers = answers
        self._next_number = 1

    async def ask(self, server: Server, requests: Sequence[Sequence[bytes]], seconds: float | None) -> Asked:
        """A connection for each list of requests.

        With `seconds` each list is asked over and over for so long, without each is asked once, from front to end.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {
            "port": server.port,
            "requests": [[request.decode() for request in each] for each in requests],
            "seconds": seconds,
            "answers": str(self._answers),
            "first_number": self._next_number,
        }
        cpu = server.cpu_seconds()
        self._process.stdin.write(orjson.dumps(command) + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout((seconds or 0.0) + _MOST_SECONDS):
            line = await self._process.stdout.readline()
        used = server.cpu_seconds() - cpu
        if not line:
            raise RuntimeError("the clients' process has ended; what it said stands above")
        told = orjson.loads(line)
        if "problem" in told:
            raise RuntimeError(f"the clients could not go on: {told['problem']}")
        self._next_number = told["next_number"]
        wall, count = told["wall_seconds"], told["count"]
        return Asked(
            answers=self._answers.read_bytes().splitlines(),
            per_second=count / wall,
            median_ms=told["median_seconds"] * 1000,
            p99_ms=told["p99_seconds"] * 1000,
            server_cpu_ms=used / count * 1000,
            server_share=used / wall,
            client_share=told["cpu_seconds"] / wall,
        )


@asynccontextmanager
async def open_clients(stage: Stage) -> AsyncIterator[Clients]:
    """The process, without connections yet."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.live.clients"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        limit=_LINE_BYTES,
    )
    try:
        yield Clients(process, stage.root / "answers.jsonl")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
