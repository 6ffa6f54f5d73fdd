"""Joins on one queue with one API process and with two, on one port: for information, neither is a reference.

Nothing is pinned here: with one core for two processes there would be nothing to see.
"""

import socket
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

from bench import cores
from bench.benchmark import Bench
from bench.figures import Comparison, Findings, Series
from bench.live.asking import Asked, Clients, open_clients
from bench.stage import Server

_READY_SECONDS = 60.0
Joined = Callable[[Bench, Clients, Server, int, float], Awaitable[Asked]]


async def several_workers(bench: Bench, joined: Joined) -> Findings:
    """Given what measures and checks one window."""
    count = bench.scale.join_clients[-1]
    rates: dict[int, list[float]] = {1: [], 2: []}
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(open_clients(bench.stage))
        servers = {workers: stack.enter_context(_api(bench, workers)) for workers in rates}
        # The first round is the warm-up.
        for _ in range(bench.scale.rounds + 1):
            for workers, server in servers.items():
                window = await joined(bench, clients, server, count, bench.scale.window_seconds)
                rates[workers].append(window.per_second)
    one, two = (Series.of(rates[workers][1:]) for workers in (1, 2))
    return Findings([Comparison(f"joins, {count} clients, --workers 2", "/s", two, "--workers 1", one)])


@contextmanager
def _api(bench: Bench, workers: int) -> Iterator[Server]:
    # Several processes take their port themselves: a socket of ours would be in the way.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon = bench.stage.python(f"API of {workers}", "app.cli", ["serve", "--grace=1", f"--workers={workers}"])
    daemon.environment = {**(daemon.environment or {}), "VQ_HOST": "127.0.0.1", "VQ_PORT": str(port)}
    daemon.spawn()
    try:
        daemon.wait_until(lambda: _answers(port), _READY_SECONDS)
        server = Server(daemon, port)
        if cores.IS_PINNED:
            for process in (server.process, *server.process.children(recursive=True)):
                process.cpu_affinity([])
        yield server
    finally:
        daemon.stop()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
