"""Requests beside a fan-out: how long HTTP takes while four events a second move everybody, and while nothing happens.

The clock is a process of its own, in C where there is a compiler: an event loop would time itself.
"""

import asyncio
import time
from contextlib import AsyncExitStack

from bench.benchmark import Bench, Benchmark
from bench.figures import Comparison, Fact, Findings, Series, Target, percentile, shown, spread
from bench.http import request_for
from bench.live.audience import Audience
from bench.live.contenders import Product, product
from bench.live.crowd import crowd

_EVENTS_PER_SECOND = 4.0
_PROBE_SECONDS = 0.01
_WARM_UP_PROBES = 20
_WITHIN_SECONDS = 30.0
_SESSION = "query Session($id: ID!) { session(id: $id) { ticketNumber status position aheadCount revision } }"


async def beside(bench: Bench) -> Findings:
    """The benchmark."""
    fan, sockets = bench.scale.fan, bench.scale.fan.sizes[-1]
    # With a margin: probes that are late make a window longer.
    calls = 10 + round(fan.rounds * fan.probes * _PROBE_SECONDS * _EVENTS_PER_SECOND * 3)
    audience = await Audience.gather(bench, calls, sockets, calls)
    visitor = audience.watching[0]
    request = request_for(_SESSION, {"id": visitor.node_id}, visitor.token)
    idle, busy, behind = [], [], 0
    async with AsyncExitStack() as stack:
        ours = await product(bench, stack, audience)
        clock = await stack.enter_async_context(crowd(bench.stage.root))
        await ours.open(bench.stage.root)
        await clock.probe(ours.server.port, request, _PROBE_SECONDS, _WARM_UP_PROBES)
        for _ in range(fan.rounds):
            await bench.business.sign_in()
            await bench.business.settle()
            idle.append(await clock.probe(ours.server.port, request, _PROBE_SECONDS, fan.probes))
            over = asyncio.Event()
            calling = asyncio.create_task(_calls(ours, over))
            try:
                busy.append(await clock.probe(ours.server.port, request, _PROBE_SECONDS, fan.probes))
            finally:
                over.set()
                await calling
            behind += await ours.crowd.until(ours.revision, _WITHIN_SECONDS)
        await ours.check()
    p99 = [[percentile(each, 0.99) * 1000 for each in rounds] for rounds in (busy, idle)]
    middle, still = (Series.of([percentile(each, 0.5) * 1000 for each in rounds]) for rounds in (busy, idle))
    label = f"HTTP during a fan-out to {sockets:,} sockets at {_EVENTS_PER_SECOND:g} events/s"
    return Findings(
        [Comparison(f"{label}: p99", "ms", Series.of(p99[0]), "the same while idle", Series.of(p99[1]), Target(3))],
        [
            Fact(f"{label}: median", f"{spread(middle)} ms; while idle {spread(still)} ms"),
            Fact(
                f"{label}: events", f"{ours.events} in all; {behind} sockets were behind {_WITHIN_SECONDS:.0f} s later"
            ),
            Fact(f"{label}: slowest answer", f"{shown(max(max(each) for each in busy) * 1000)} ms"),
        ],
    )


async def _calls(ours: Product, over: asyncio.Event) -> None:
    """Events at a steady pace until it is over."""
    due = time.monotonic()
    while not over.is_set():
        await ours.call()
        due += 1 / _EVENTS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))


BESIDE = Benchmark(
    "beside",
    """**HTTP beside a fan-out**: a visitor asks for their session a hundred times a second, over one connection, while
  everybody in their queue is moved by four calls a second; and while nothing happens. An answer's time counts from when
  the request was due.""",
    beside,
)
