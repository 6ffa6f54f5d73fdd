"""Position updates: one event moves everybody who watches, on this product and on the servers it is compared with.

All servers stand side by side with their crowds connected and take turns, round by round; server CPU is what counts.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.benchmark import Bench, Benchmark
from bench.business import Queue
from bench.figures import Comparison, Curve, Fact, Findings, Plot, Series, Target, percentile, shown, spread
from bench.http import Connection
from bench.live.audience import Audience
from bench.live.contenders import (
    LIMIT_C,
    LIMIT_PYTHON,
    NODE_WS,
    OURS,
    REFERENCES,
    Contender,
    Opened,
    Product,
    Reference,
    Wave,
    left_out,
    product,
    references,
)
from bench.scale import Fan

_WARM_UP_WAVES = 2
# As many events a second as the requests beside a fan-out have to bear.
_APART_SECONDS = 0.25
_CURVE_POINTS = 120
_KINDS = {kind.name: kind for kind in REFERENCES}


@dataclass(slots=True)
class Rounds:
    """What one server has shown, round by round."""

    opened: Opened
    cpu_us: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    median_ms: list[float] = field(default_factory=list)
    crowd_share: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    unexpected: int = 0
    frame_bytes: int = 0

    def add(self, waves: list[Wave]) -> None:
        """A round."""
        latencies = [latency for wave in waves for latency in wave.latencies]
        self.cpu_us.append(sum(wave.server_cpu_seconds for wave in waves) / len(latencies) * 1e6)
        self.p99_ms.append(percentile(latencies, 0.99) * 1000)
        self.median_ms.append(percentile(latencies, 0.5) * 1000)
        lasting = sum(max(wave.latencies) for wave in waves)
        self.crowd_share.append(sum(wave.crowd_cpu_seconds for wave in waves) / lasting)
        self.answered_ms.append(percentile([wave.answered for wave in waves], 0.5) * 1000)
        self.unexpected += sum(wave.unexpected for wave in waves)
        self.latencies += latencies


@dataclass(slots=True)
class Size:
    """Everything that was measured with so many sockets."""

    sockets: int
    servers: dict[str, Rounds]
    call_us: list[float]
    """CPU of a call that nobody watches, per socket of this size: what the call itself has in our figure."""

    @property
    def ours(self) -> Rounds:
        """This product's."""
        return self.servers[OURS]

    @property
    def limit(self) -> str:
        """The cheapest that the machine can do: C where there is a compiler."""
        return LIMIT_C.name if LIMIT_C.name in self.servers else LIMIT_PYTHON.name

    @property
    def best_node_graphql(self) -> str | None:
        """The one of the least CPU."""
        names = [name for name in self.servers if name != OURS and _KINDS[name].is_node_graphql]
        return min(names, key=lambda name: Series.of(self.servers[name].cpu_us).median, default=None)


async def fanout(bench: Bench) -> Findings:
    """The benchmark."""
    sizes = [await _measure(bench, sockets) for sockets in bench.scale.fan.sizes]
    findings = Findings()
    for size in sizes:
        findings.add(_found(size, with_targets=size is sizes[-1]))
    if len(sizes) > 1:
        findings.comparisons.append(_growth(sizes[0], sizes[-1]))
    findings.plots += [_latency_plot(sizes[-1]), _cpu_plot(sizes[-1])]
    return findings


async def _measure(bench: Bench, sockets: int) -> Size:
    fan = bench.scale.fan
    calls = _WARM_UP_WAVES + fan.rounds * fan.waves
    audience = await Audience.gather(bench, calls, sockets, calls)
    quiet = await bench.business.queue(counters=calls, waiting=calls)
    bench.say(f"{sockets:,} visitors wait")
    async with AsyncExitStack() as stack:
        ours = await product(bench, stack, audience)
        contenders: list[Contender] = [ours, *await references(bench, stack, sockets, calls)]
        servers = {}
        for contender in contenders:
            contender.apart_seconds = _APART_SECONDS
            servers[contender.name] = Rounds(await contender.open(bench.stage.root))
            for _ in range(_WARM_UP_WAVES if not _is_slow(contender) else 1):
                await contender.wave()
            bench.say(f"{contender.name}: {sockets:,} sockets are open")
        size = Size(sockets, servers, [])
        for number in range(fan.rounds):
            await bench.business.sign_in()
            for contender in contenders:
                size.servers[contender.name].add([await contender.wave() for _ in range(_waves(contender, fan))])
            size.call_us.append(await _call_us(bench, ours, quiet, fan.waves, number) / sockets)
        for contender in contenders:
            size.servers[contender.name].frame_bytes = await contender.check()
    return size


async def _call_us(bench: Bench, ours: Product, quiet: Queue, calls: int, number: int) -> float:
    """CPU of a call in a queue nobody watches, with everything it causes, in microseconds."""
    connection = Connection("127.0.0.1", ours.server.port)
    cpu = ours.server.cpu_seconds()
    for call in range(calls):
        await bench.business.call(connection, quiet, 1 + number * calls + call)
        await bench.business.settle()
    cpu = ours.server.cpu_seconds() - cpu
    await connection.close()
    return cpu / calls * 1e6


def _is_slow(contender: Contender) -> bool:
    return isinstance(contender, Reference) and contender.kind.is_slow


def _waves(contender: Contender, fan: Fan) -> int:
    return max(1, fan.waves // 4) if _is_slow(contender) else fan.waves


def _found(size: Size, *, with_targets: bool) -> Findings:
    findings, ours, label = Findings(), size.ours, f"{size.sockets:,} sockets"
    limit, best, node_ws = size.limit, size.best_node_graphql, NODE_WS.name
    targets = {limit: Target(1.5), best: Target(0.33), node_ws: Target(1.0)} if with_targets else {}

    for name, rounds in size.servers.items():
        if name != OURS:
            is_best = " (the best of Node's GraphQL servers)" if name == best else ""
            findings.comparisons.append(
                Comparison(
                    f"fan-out to {label}: server CPU per update",
                    "µs",
                    Series.of(ours.cpu_us),
                    name + is_best,
                    Series.of(rounds.cpu_us),
                    targets.get(name),
                )
            )
    for name, rounds in size.servers.items():
        if name != OURS:
            target = Target(1.6) if with_targets and name == limit else None
            findings.comparisons.append(
                Comparison(
                    f"fan-out to {label}: p99 from sending the event to the delivery",
                    "ms",
                    Series.of(ours.p99_ms),
                    name,
                    Series.of(rounds.p99_ms),
                    target,
                )
            )
    for name in [limit, *([best] if best else []), next(n for n in reversed(size.servers) if n != OURS)]:
        findings.comparisons += _opening(size, name, with_targets=with_targets and name == limit)
    findings.facts += _facts(size, label)
    return findings


def _opening(size: Size, name: str, *, with_targets: bool) -> list[Comparison]:
    """What a socket costs, the server's memory and CPU."""
    ours, theirs, label = size.ours.opened, size.servers[name].opened, f"{size.sockets:,} sockets"
    rows = [
        ("memory per live subscriber", "KB", "memory_kb", Target(40, is_of_ratio=False)),
        ("server CPU to connect and subscribe one visitor", "ms", "cpu_ms", Target(1.0, is_of_ratio=False)),
        ("connected and subscribed", "/s", "per_second", Target(500, is_of_ratio=False, at_least=True)),
    ]
    return [
        Comparison(
            f"{label}: {figure}",
            unit,
            Series.of([getattr(ours, of)]),
            name,
            Series.of([getattr(theirs, of)]),
            target if with_targets else None,
        )
        for figure, unit, of, target in rows
    ]


def _facts(size: Size, label: str) -> list[Fact]:
    ours = size.ours
    shares = [max(rounds.crowd_share) for rounds in size.servers.values()]
    frames = {name: rounds.frame_bytes for name, rounds in size.servers.items()}
    odd = {name: count for name, count in frames.items() if count != frames[size.limit]}
    bound = []
    if best := size.best_node_graphql:
        limit = Series.of(size.servers[size.limit].cpu_us).median / Series.of(size.servers[best].cpu_us).median
        bound.append(
            Fact(
                f"fan-out to {label}: the limit itself ÷ the best of Node's GraphQL servers",
                f"{shown(limit)} of its CPU",
            )
        )
    return [
        *bound,
        Fact(
            f"fan-out to {label}: bytes of an update",
            f"{frames[size.limit]}" + "".join(f"; {name}: {count}" for name, count in odd.items()),
        ),
        Fact(
            f"fan-out to {label}: of our CPU per update, the call's own",
            f"{spread(Series.of(size.call_us))} µs (a call nobody watches ÷ {label})",
        ),
        Fact(f"fan-out to {label}: our median from sending the call", f"{spread(Series.of(ours.median_ms))} ms"),
        Fact(f"fan-out to {label}: the call is answered after", f"{spread(Series.of(ours.answered_ms))} ms"),
        Fact(f"fan-out to {label}: updates that nothing explains", str(ours.unexpected)),
        Fact(f"fan-out to {label}: the crowd's share of a core", f"{shown(max(shares))} at most, of any server"),
    ]


def _growth(small: Size, large: Size) -> Comparison:
    """Without the call's own CPU, which divided by more sockets would flatter."""

    def alone(size: Size) -> Series:
        return Series.of([cpu - call for cpu, call in zip(size.ours.cpu_us, size.call_us, strict=True)])

    return Comparison(
        f"server CPU per update at {large.sockets:,} sockets, without the call's own",
        "µs",
        alone(large),
        f"the same at {small.sockets:,}",
        alone(small),
        Target(1.3),
    )


def _latency_plot(size: Size) -> Plot:
    def curve(name: str, latencies: list[float]) -> Curve:
        ordered = sorted(latencies)
        ranks = [round(n * (len(ordered) - 1) / _CURVE_POINTS) for n in range(_CURVE_POINTS + 1)]
        return Curve(name, [(ordered[rank] * 1000, (rank + 1) / len(ordered) * 100) for rank in ranks])

    return Plot(
        "latency",
        f"One event to {size.sockets:,} sockets: who has been told when",
        "ms since the event was sent (logarithmic)",
        "% of the sockets",
        [curve(name, rounds.latencies) for name, rounds in size.servers.items()],
        x_is_log=True,
    )


def _cpu_plot(size: Size) -> Plot:
    return Plot(
        "cpu",
        f"Server CPU per delivered update, {size.sockets:,} sockets",
        "µs",
        "",
        [Curve(name, [(0.0, Series.of(rounds.cpu_us).median)]) for name, rounds in size.servers.items()],
        is_bars=True,
    )


FANOUT = Benchmark(
    "fanout",
    """**Fan-out**: sockets that watch `sessionChanged`, each of another visitor in one queue. Of this product an event
  is `queueCallNext` over HTTP: it commits, goes over the log, and moves everybody by one; all of that is in its CPU
  (`vq serve`'s, kernel included; not PostgreSQL's) and in its times. Of a reference an event is `POST /wave`; its
  personalised updates have the same fields and as many bytes. Events are a quarter of a second apart. Server CPU,
  every server on the same core, alternating; the crowd has another. After the last round every socket's last position
  is held against the line. Memory is the growth of the server's unique set size while everybody connects and
  subscribes. """
    + " ".join(left_out()),
    fanout,
)
