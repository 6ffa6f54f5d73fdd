"""Position updates: one call moves everybody who watches. Beside it the bare server sends as many ready-made frames.

Server CPU is what counts; the crowd's own share says whether it could have been the bottleneck.
"""

import time
from dataclasses import dataclass

from bench.audience import Audience, Crowd, crowd
from bench.benchmark import Bench, Benchmark
from bench.figures import Comparison, Fact, Findings, Series, percentile, shown
from bench.http import Connection, request_for
from bench.scale import Scale

_WITHIN_SECONDS = 30.0
# The bare server is so much cheaper that as many waves would be too short to measure.
_BARE_WAVES = 4
_WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Wave:
    """One trigger and everything it delivered; times in seconds since it was sent."""

    answered: float
    arrivals: list[float]
    crowd_cpu_seconds: float

    @property
    def last(self) -> float:
        """The last delivery."""
        return max(self.arrivals)


@dataclass(frozen=True, slots=True)
class Round:
    """Several waves and what they cost the server."""

    waves: list[Wave]
    cpu_seconds: float

    @property
    def updates(self) -> int:
        """Delivered updates."""
        return sum(len(wave.arrivals) for wave in self.waves)

    @property
    def cpu_us_per_update(self) -> float:
        """Server CPU, the trigger's own work included."""
        return self.cpu_seconds / self.updates * 1e6

    @property
    def per_second(self) -> float:
        """Updates per second while a wave runs."""
        return self.updates / sum(wave.last for wave in self.waves)

    def latency_ms(self, share: float) -> float:
        """From the sending of the trigger to a delivery."""
        return percentile([arrival for wave in self.waves for arrival in wave.arrivals], share) * 1000

    def last_ms(self, *, after_answer: bool = False) -> float:
        """To the last delivery, the median wave's; from the sending of the trigger or from its answer."""
        return percentile([wave.last - (wave.answered if after_answer else 0) for wave in self.waves], 0.5) * 1000

    @property
    def crowd_share(self) -> float:
        """The crowd's CPU ÷ the time until the last delivery."""
        return sum(wave.crowd_cpu_seconds for wave in self.waves) / sum(wave.last for wave in self.waves)

    @property
    def server_share(self) -> float:
        """The server's CPU ÷ the same time."""
        return self.cpu_seconds / sum(wave.last for wave in self.waves)


def calls_needed(scale: Scale) -> int:
    """How many people have to wait before the audience."""
    return _WARM_UP + scale.rounds * scale.waves


async def fanout(bench: Bench) -> Findings:
    """The benchmark, on API and bare processes of its own."""
    stage, business, scale = bench.stage, bench.business, bench.scale
    audience = await Audience.gather(bench.server, business, calls_needed(scale), scale.sockets)
    products, bares, unexpected = [], [], 0
    size = len(audience.subscriptions)
    with stage.api() as server, stage.reference("bare server", "bench.bare_server") as bare:
        call_connection, bare_connection = Connection("127.0.0.1", server.port), Connection("127.0.0.1", bare.port)
        async with crowd() as watching, crowd() as bare_watching:
            frame_bytes = await watching.watch(server, audience.subscriptions)
            await bare_watching.watch(bare, audience.subscriptions)
            bare_request = request_for("", {}, path=f"/wave?bytes={frame_bytes}")
            counter = 0
            for number in range(scale.rounds + 1):
                await business.sign_in()
                await business.settle()
                unexpected += await watching.ask("clear")
                waves, cpu = [], server.cpu_seconds()
                for _ in range(scale.waves if number else _WARM_UP):
                    counter += 1
                    waves.append(
                        await _wave(call_connection, business.call_request(audience.queue, counter), watching, size)
                    )
                    # The relay brings the same event over the bus: work of the wave, and nothing to send.
                    await business.settle()
                    unexpected += await watching.ask("clear")
                product = Round(waves, server.cpu_seconds() - cpu)

                waves, cpu = [], bare.cpu_seconds()
                for _ in range(scale.waves * _BARE_WAVES):
                    waves.append(await _wave(bare_connection, bare_request, bare_watching, size))
                    await bare_watching.ask("clear")
                if number:  # the first round warms up
                    products.append(product)
                    bares.append(Round(waves, bare.cpu_seconds() - cpu))
            positions = await watching.ask("positions")
        await call_connection.close()
        await bare_connection.close()
    left = audience.ahead - counter
    if positions != list(range(left + 1, left + 1 + size)):
        raise AssertionError(f"the last positions shown are wrong: {positions[:20]} …")
    return _found(size, frame_bytes, unexpected, products, bares)


async def _wave(connection: Connection, trigger: bytes, watching: Crowd, size: int) -> Wave:
    await watching.tell("collect", expected=size, within=_WITHIN_SECONDS)
    sent = time.monotonic()  # one clock for all processes of a machine
    await connection.send(trigger)
    answered = time.monotonic()
    heard = await watching.hear()
    return Wave(answered - sent, [arrival - sent for arrival in heard["arrivals"]], heard["cpu_seconds"])


def _found(size: int, frame_bytes: int, unexpected: int, products: list[Round], bares: list[Round]) -> Findings:
    label = f"fan-out to {size:,} sockets"
    reference = "uvicorn + websockets, ready-made frames"
    findings = Findings()

    def compare(figure: str, unit: str, product: list[float], bare: list[float]) -> None:
        findings.comparisons.append(
            Comparison(f"{label}: {figure}", unit, Series.of(product), reference, Series.of(bare))
        )

    def both(of: str) -> tuple[list[float], list[float]]:
        return [getattr(each, of) for each in products], [getattr(each, of) for each in bares]

    compare("server CPU per update", "µs", *both("cpu_us_per_update"))
    compare("updates", "/s", *both("per_second"))
    compare(
        "median update, after sending the call",
        "ms",
        [each.latency_ms(0.5) for each in products],
        [each.latency_ms(0.5) for each in bares],
    )
    compare(
        "99th percentile, after sending the call",
        "ms",
        [each.latency_ms(0.99) for each in products],
        [each.latency_ms(0.99) for each in bares],
    )
    compare(
        "last update, after sending the call",
        "ms",
        [each.last_ms() for each in products],
        [each.last_ms() for each in bares],
    )
    after = Series.of([each.last_ms(after_answer=True) for each in products])
    crowd_share, server_share = (
        Series.of([getattr(each, name) for each in products]) for name in ("crowd_share", "server_share")
    )
    bare_crowd, bare_server = (
        Series.of([getattr(each, name) for each in bares]) for name in ("crowd_share", "server_share")
    )
    findings.facts += [
        Fact(f"{label}: bytes of an update", f"{frame_bytes}"),
        Fact(f"{label}: last update after the call's answer", f"{shown(after.median)} ms"),
        Fact(f"{label}: updates received that nothing explains", f"{unexpected}"),
        Fact(
            f"{label}: CPU share while a wave runs",
            f"server {shown(server_share.median)}, crowd {shown(crowd_share.median)} of one core; "
            f"bare server {shown(bare_server.median)}, its crowd {shown(bare_crowd.median)}",
        ),
    ]
    return findings


FANOUT = Benchmark(
    "fanout",
    """**Fan-out**: sockets that watch `sessionChanged`, each of another visitor in one queue; a call moves them all by
one. The reference is an ASGI application without GraphQL and database, on the same uvicorn, websocket class and
options, that sends ready-made frames of the same size. CPU is the server process's (kernel included), with the call itself.
Update times count from sending the call over HTTP. Every socket's last position is checked.""",
    fanout,
)
