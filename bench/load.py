"""Closed loops: clients that ask again as soon as they are answered. Measures rate, latency and who paid for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.figures import percentile
from bench.stage import Server

# What a client does once, and what is counted.
Turn = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one round."""

    count: int
    per_second: float
    latency_ms: float
    """The median turn's; pgbench tells the mean only."""
    server_cpu_ms: float
    """CPU time of the API process per turn; 0 where it takes no part."""
    client_share: float
    """CPU time of this process ÷ wall time: near 1 the client would be the bottleneck."""


async def closed_loop(server: Server, turns: Sequence[Turn], *, seconds: float | None, per_client: int = 0) -> Sample:
    """Let every client take turns for so many seconds, or (with None) so many times each."""
    latencies: list[float] = []
    deadline = None if seconds is None else time.perf_counter() + seconds

    async def client(turn: Turn) -> None:
        taken = 0
        while (taken < per_client) if deadline is None else (time.perf_counter() < deadline):
            began = time.perf_counter()
            await turn()
            latencies.append(time.perf_counter() - began)
            taken += 1

    began, own_cpu, server_cpu = time.perf_counter(), time.process_time(), server.cpu_seconds()
    async with asyncio.TaskGroup() as tasks:
        for turn in turns:
            tasks.create_task(client(turn))
    wall = time.perf_counter() - began
    count = len(latencies)
    return Sample(
        count,
        count / wall,
        percentile(latencies, 0.5) * 1000,
        (server.cpu_seconds() - server_cpu) / count * 1000,
        (time.process_time() - own_cpu) / wall,
    )
