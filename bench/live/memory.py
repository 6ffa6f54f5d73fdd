"""Memory: how a server grows while it delivers, in a fresh process: what was freed before is not used again.

Counted is the unique set size, the pages nobody else shares. What a socket costs is found by `fanout.py`, what a
waiting session costs by `long_lines.py`.
"""

import time
from contextlib import AsyncExitStack

from bench.benchmark import Bench, Benchmark
from bench.figures import Comparison, Curve, Fact, Findings, Plot, Series, Target, shown
from bench.live.audience import DOCUMENT, Audience
from bench.live.contenders import NAIVE, Contender, Product, product, references

_WARM_UP_WAVES = 5
_MB = 1024 * 1024
_MILLION = 1_000_000
# The ordinary path and the naive server cost ten times as much: as many updates would take minutes.
_ORDINARY_SHARE = 4
# The very same selection, too long to be compiled: every update is executed.
_ORDINARY = DOCUMENT + " " * 16_000


async def memory(bench: Bench) -> Findings:
    """The benchmark."""
    sockets = bench.scale.fan.sizes[0]
    waves = max(1, bench.scale.fan.growth_updates // sockets)
    few = max(1, waves // _ORDINARY_SHARE)
    compiled = await _grown(bench, sockets, waves, DOCUMENT)
    ordinary = await _grown(bench, sockets, few, _ORDINARY)
    naive = await _naive_grown(bench, sockets, few)
    measured = [("compiled path", compiled), ("ordinary path", ordinary)]
    target = Target(50, is_of_ratio=False)
    return Findings(
        [
            Comparison(
                f"server memory growth per million delivered updates, {name}",
                "MB",
                Series.of([each.per_million_mb]),
                NAIVE.name,
                Series.of([naive.per_million_mb]),
                target,
            )
            for name, each in measured
        ],
        [
            Fact(
                f"memory growth, {name}",
                f"{each.delivered:,} updates to {sockets:,} sockets, {shown(each.cpu_us)} µs of CPU each",
            )
            for name, each in [*measured, (NAIVE.name, naive)]
        ],
        [
            Plot(
                "memory",
                f"Memory while {sockets:,} sockets are told of one event after the other",
                "thousand delivered updates",
                "MB since the first event",
                [Curve(name, each.curve) for name, each in [*measured, (NAIVE.name, naive)]],
            )
        ],
    )


class Growth:
    """A server's memory while it delivers."""

    def __init__(self, sockets: int) -> None:
        self._sockets = sockets
        self.delivered, self.cpu_us = 0, 0.0
        self.curve: list[tuple[float, float]] = []

    @property
    def per_million_mb(self) -> float:
        """Growth between the first and the last event; never less than nothing."""
        return max(0.0, self.curve[-1][1] - self.curve[0][1]) / self.delivered * _MILLION

    async def watch(self, contender: Contender, waves: int) -> None:
        """Let it deliver."""
        for _ in range(_WARM_UP_WAVES):
            await contender.wave()
        started, cpu = contender.server.memory_bytes(), 0.0
        self.curve.append((0.0, 0.0))
        step = max(1, waves // 50)
        for number in range(1, waves + 1):
            cpu += (await contender.wave()).server_cpu_seconds
            if number % step == 0 or number == waves:
                grown = (contender.server.memory_bytes() - started) / _MB
                self.curve.append((number * self._sockets / 1000, grown))
        self.delivered = waves * self._sockets
        self.cpu_us = cpu / self.delivered * 1e6
        await contender.check()


async def _grown(bench: Bench, sockets: int, waves: int, document: str) -> Growth:
    calls = _WARM_UP_WAVES + waves
    audience = await Audience.gather(bench, calls, sockets, calls)
    growth, signed_in = Growth(sockets), time.monotonic()
    async with AsyncExitStack() as stack:
        ours: Product = await product(bench, stack, audience, document)
        await bench.business.sign_in()
        await ours.open(bench.stage.root)
        await growth.watch(ours, waves)
    bench.say(f"{growth.delivered:,} updates delivered in {time.monotonic() - signed_in:.0f} s")
    return growth


async def _naive_grown(bench: Bench, sockets: int, waves: int) -> Growth:
    growth = Growth(sockets)
    async with AsyncExitStack() as stack:
        (naive,) = await references(bench, stack, sockets, _WARM_UP_WAVES + waves, (NAIVE,))
        await naive.open(bench.stage.root)
        await growth.watch(naive, waves)
    return growth


MEMORY = Benchmark(
    "memory",
    """**Memory**: growth of a fresh server's unique set size while it delivers updates, one event
  after the other. *The ordinary path* is the same subscription in a document too long to be compiled, so that
  every update is executed. The naive reference shows what a leak in graphql-core costs.""",
    memory,
)
