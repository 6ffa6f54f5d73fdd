"""A soak: everybody watches, somebody is called every second, people join all the time. Nobody may be dropped.

It measures no speed; at the end every socket's last position is held against the line.
"""

import asyncio
import time
from contextlib import AsyncExitStack

from bench.benchmark import Bench, Benchmark
from bench.business import Queue
from bench.figures import Comparison, Curve, Fact, Findings, Plot, Series, Target, percentile, shown
from bench.http import Connection, success
from bench.live.audience import Audience
from bench.live.contenders import Product, product

_CALL_SECONDS = 1.0
_JOINS_PER_SECOND = 20
_SIGN_IN_SECONDS = 120.0
_WITHIN_SECONDS = 30.0
_EVERY = 50
_MB = 1024 * 1024


async def soak(bench: Bench) -> Findings:
    """The benchmark."""
    seconds, sockets = bench.scale.fan.soak_seconds, bench.scale.fan.sizes[-1]
    calls = round(seconds / _CALL_SECONDS)
    audience = await Audience.gather(bench, calls + 1, sockets, calls)
    async with AsyncExitStack() as stack:
        ours = await product(bench, stack, audience)
        opened = await ours.open(bench.stage.root)
        await ours.crowd.keep_every(_EVERY)
        bench.say(f"{sockets:,} sockets are open; now {seconds} s of a call a second and {_JOINS_PER_SECOND} joins/s")
        over = asyncio.Event()
        joining = asyncio.create_task(_join(bench, ours, audience.queue, over))
        try:
            memory, called = await _call(bench, ours, calls)
        finally:
            over.set()
            joined = await joining
        behind = await ours.crowd.until(ours.revision, _WITHIN_SECONDS)
        arrivals = await ours.crowd.arrivals()
        members = await ours.crowd.members()
        await ours.check()
        await bench.business.check(audience.queue, sessions=calls + 1 + sockets + joined, called=calls)
    # A join makes a revision as well, and moves nobody who watches.
    told = zip(arrivals.seconds, arrivals.revisions, strict=True)
    late = [at - called[revision] for at, revision in told if revision in called]
    still_open = sum(member.is_open for member in members)
    label = f"soak of {seconds} s, {sockets:,} sockets, a call a second, {_JOINS_PER_SECOND} joins/s"
    return Findings(
        [
            Comparison(
                f"{label}: still open, with the right last position",
                "sockets",
                Series.of([float(still_open - behind)]),
                "opened",
                Series.of([float(sockets)]),
                Target(1, at_least=True),
            )
        ],
        [
            Fact(f"{label}: opened", f"at {shown(opened.per_second)}/s"),
            Fact(
                f"{label}: done meanwhile",
                f"{calls} calls, {joined} joins, {sum(member.updates for member in members):,} updates",
            ),
            Fact(
                f"{label}: from sending a call to its updates",
                f"{shown(percentile(late, 0.5) * 1000)} ms in the middle, {shown(percentile(late, 0.99) * 1000)} ms p99"
                f" (of every {_EVERY}th socket)",
            ),
            Fact(f"{label}: memory", f"{shown(memory[-1][1] - memory[0][1])} MB more at the end than at the beginning"),
        ],
        [Plot("soak", f"Memory of the server during the {label}", "s", "MB", [Curve(ours.name, memory)])],
    )


async def _call(bench: Bench, ours: Product, calls: int) -> tuple[list[tuple[float, float]], dict[int, float]]:
    """Memory over time, and when each revision was asked for."""
    began = signed_in = time.monotonic()
    memory, called = [(0.0, ours.server.memory_bytes() / _MB)], {}
    for number in range(1, calls + 1):
        if time.monotonic() - signed_in > _SIGN_IN_SECONDS:
            await bench.business.sign_in()
            signed_in = time.monotonic()
        sent = time.monotonic()
        called[await ours.call()] = sent
        await asyncio.sleep(max(0.0, began + number * _CALL_SECONDS - time.monotonic()))
        if number % max(1, calls // 100) == 0:
            memory.append((time.monotonic() - began, ours.server.memory_bytes() / _MB))
    return memory, called


async def _join(bench: Bench, ours: Product, queue: Queue, over: asyncio.Event) -> int:
    """Join at a steady pace until it is over; how many did."""
    connection, joined, due = Connection("127.0.0.1", ours.server.port), 0, time.monotonic()
    while not over.is_set():
        success(await connection.send(bench.business.join_request(queue)))
        joined += 1
        due += 1 / _JOINS_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await connection.close()
    return joined


SOAK = Benchmark(
    "soak",
    """**Soak**: the sockets of the fan-out, open for a while (`--soak` for ten minutes) while somebody is called every
  second and people join behind. At the end every socket has to be open and to show its true position, and the tables
  have to hold exactly what was answered.""",
    soak,
)
