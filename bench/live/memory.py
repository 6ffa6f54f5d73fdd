"""Memory per live subscriber and per waiting session, each in fresh processes: what was freed before is not used again.

What is counted is the unique set size: pages that nobody else shares.
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.audience import Audience, crowd
from bench.benchmark import Bench, Benchmark
from bench.business import Business
from bench.figures import Comparison, Findings, Series
from bench.http import Connection
from bench.stage import REPOSITORY, Server

_WARM_UP = 20
_DISPLAY = "query Line($ids: [ID!]!) { display(queueIds: $ids) { queues { waitingCount next } } }"


async def memory(bench: Bench) -> Findings:
    """The benchmark."""
    stage, business, scale = bench.stage, bench.business, bench.scale
    audience = await Audience.gather(bench.server, business, 2, scale.sockets)
    sockets, bare_sockets, lines, bare_lines = [], [], [], []
    for _ in range(scale.memory_rounds):
        # The line after the sockets, while they are open: what its loading leaves behind would be theirs.
        with stage.api() as server:
            async with _everybody(server, audience) as costs:
                sockets.append(costs)
                lines.append(await _line_bytes(server, business, scale.line))
        with stage.reference("bare server", "bench.bare_server") as bare:
            async with _everybody(bare, audience) as costs:
                bare_sockets.append(costs)
        bare_lines.append(_bare_line_bytes(scale.line))
    size = len(audience.subscriptions)
    bare_name = "uvicorn + websockets without GraphQL"
    return Findings(
        [
            Comparison(
                f"memory per live subscriber ({size:,})",
                "KB",
                Series.of([each[0] for each in sockets]),
                bare_name,
                Series.of([each[0] for each in bare_sockets]),
            ),
            Comparison(
                f"server CPU to connect and subscribe one visitor ({size:,})",
                "ms",
                Series.of([each[1] for each in sockets]),
                bare_name,
                Series.of([each[1] for each in bare_sockets]),
            ),
            Comparison(
                f"memory per waiting session (a line of {scale.line:,})",
                "bytes",
                Series.of(lines),
                "a list of bare tuples",
                Series.of(bare_lines),
            ),
        ],
    )


@asynccontextmanager
async def _everybody(server: Server, audience: Audience) -> AsyncIterator[tuple[float, float]]:
    """Everybody subscribed: KB and CPU milliseconds that each has cost."""
    async with crowd() as first:
        await first.watch(server, audience.subscriptions[:_WARM_UP])
    async with crowd() as watching:
        bytes_before, cpu_before = server.memory_bytes(), server.cpu_seconds()
        await watching.watch(server, audience.subscriptions)
        count = len(audience.subscriptions)
        grown, used = server.memory_bytes() - bytes_before, server.cpu_seconds() - cpu_before
        yield grown / count / 1024, used / count * 1000


async def _line_bytes(server: Server, business: Business, size: int) -> float:
    """Growth of the API process when it loads a line, per waiting session."""
    connection = Connection("127.0.0.1", server.port)
    small, large = await business.queue(waiting=_WARM_UP), await business.queue(waiting=size)
    await connection.execute(_DISPLAY, {"ids": [small.node_id]})
    before = server.memory_bytes()
    await connection.execute(_DISPLAY, {"ids": [large.node_id]})
    grown = server.memory_bytes() - before
    await connection.close()
    return grown / size


def _bare_line_bytes(size: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.bare_line", str(size)], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return float(done.stdout) / size


MEMORY = Benchmark(
    "memory",
    """**Memory**: growth of a fresh server's unique set size when everybody subscribes, or when a line is loaded.""",
    memory,
)
