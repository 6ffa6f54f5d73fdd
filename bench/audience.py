"""Everybody who watches: visitors with a place and a token each, and the process that holds their sockets."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from bench.business import Business, Queue
from bench.http import Connection, success
from bench.stage import REPOSITORY, Server

SUBSCRIPTION = """subscription Watch($id: ID!) { sessionChanged(sessionId: $id) {
  id ticketNumber status position aheadCount estimatedWaitSeconds revision
} }"""
_JOINING_AT_ONCE = 8
_SECONDS = 120.0
_LINE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Audience:
    """Visitors who wait in one queue, in order; `ahead` others wait before them, and as many counters are free."""

    queue: Queue
    ahead: int
    subscriptions: list[dict[str, str]]

    @classmethod
    async def gather(cls, server: Server, business: Business, ahead: int, size: int) -> "Audience":
        """Let everybody join over the API."""
        queue = await business.queue(counters=ahead, waiting=ahead - 1)
        connections = [Connection("127.0.0.1", server.port) for _ in range(_JOINING_AT_ONCE)]
        joined: list[tuple[int, dict[str, str]]] = []
        missing = iter(range(size))

        async def join(connection: Connection) -> None:
            for _ in missing:  # shared: each takes the next
                answer = success(await connection.send(business.join_request(queue)))
                session = answer["session"]
                joined.append((session["position"], {"id": session["id"], "token": answer["sessionToken"]}))

        async with asyncio.TaskGroup() as tasks:
            for connection in connections:
                tasks.create_task(join(connection))
        for connection in connections:
            await connection.close()
        return cls(queue, ahead, [subscription for _, subscription in sorted(joined, key=lambda each: each[0])])


class Crowd:
    """The other process, spoken to line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, do: str, **values: object) -> Any:
        """Give a command, wait for its answer."""
        await self.tell(do, **values)
        return await self.hear()

    async def tell(self, do: str, **values: object) -> None:
        """Give a command; its answer is waiting to be heard."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps({"do": do, **values}) + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> Any:
        """The answer to the oldest command not heard yet."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the crowd's process has ended; what it said stands above")
        return orjson.loads(line)

    async def watch(self, server: Server, subscriptions: list[dict[str, str]]) -> int:
        """Connect and subscribe everybody; bytes of an update."""
        given = {"port": server.port, "query": SUBSCRIPTION, "subscriptions": subscriptions, "within": _SECONDS}
        return int(await self.ask("connect", **given))


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """A crowd without sockets yet; they close when it goes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.crowd"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        limit=_LINE_BYTES,
    )
    try:
        yield Crowd(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
