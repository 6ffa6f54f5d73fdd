"""Sockets that stop reading: what they cost the server and the others while a line moves a hundred times a second.

An event is a visitor ahead of everybody who gives up their place. Every event counts for every socket, from when it was
asked for until the first update that is as new as it: what is coalesced away was not delivered earlier.
"""

import asyncio
import time
from bisect import bisect_left
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise

from bench.benchmark import Bench, Benchmark
from bench.figures import Comparison, Curve, Fact, Findings, Plot, Series, Target, percentile, shown
from bench.http import Connection, request_for, success
from bench.live.audience import Audience, Visitor
from bench.live.contenders import Product, product
from bench.live.crowd import Arrivals

_EVENTS_PER_SECOND = 100
_CLIENTS = 16
_WITHIN_SECONDS = 60.0
_EVERY = 7
_MB = 1024 * 1024
_CANCEL = """mutation Leave($input: SessionCancelInput!) { sessionCancel(input: $input) {
  __typename ... on SessionCancelSuccess { session { revision } } ... on UserError { message }
} }"""


@dataclass(slots=True)
class Phase:
    """A stretch of time under events."""

    asked: dict[int, float] = field(default_factory=dict)
    """When each revision was asked for."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    updates: int = 0

    @property
    def p99_ms(self) -> float:
        """Over all events and the sockets that read."""
        return percentile(self.latencies, 0.99) * 1000


async def stalled(bench: Bench) -> Findings:
    """The benchmark."""
    fan, (sockets, sleepers) = bench.scale.fan, bench.scale.fan.stalled
    events = _EVENTS_PER_SECOND * fan.stall_seconds
    audience = await Audience.gather(bench, 2 * events, sockets, 1)
    waiting = deque(audience.ahead)
    async with AsyncExitStack() as stack:
        ours = await product(bench, stack, audience)
        await ours.open(bench.stage.root)
        await ours.crowd.keep_every(_EVERY)
        calm = await _phase(ours, waiting, events, 0)
        await ours.crowd.set_reading(0, sleepers, is_reading=False)
        hard = await _phase(ours, waiting, events, sleepers)
        await ours.crowd.set_reading(0, sleepers, is_reading=True)
        last = max(hard.asked)
        behind = await ours.crowd.until(last, _WITHIN_SECONDS)
        members = await ours.crowd.members()
    asleep, awake = members[:sleepers], members[sleepers:]
    if dropped := sum(not member.is_open for member in awake):
        raise AssertionError(f"{dropped} sockets that were reading all the time were closed")
    current = sum(member.is_open for member in asleep) - behind
    closed = [member.close_code for member in asleep if not member.is_open]
    return _found(sockets, sleepers, fan.stall_seconds, calm, hard, current, closed)


async def _phase(ours: Product, waiting: deque[Visitor], events: int, sleepers: int) -> Phase:
    await ours.crowd.clear()
    phase, began, over = Phase(), time.monotonic(), asyncio.Event()
    watching = asyncio.create_task(_memory(ours, phase, began, over))
    turns = iter(range(events))

    async def client() -> None:
        connection = Connection("127.0.0.1", ours.server.port)
        for number in turns:  # shared: each takes the next
            await asyncio.sleep(max(0.0, began + number / _EVENTS_PER_SECOND - time.monotonic()))
            visitor = waiting.popleft()
            request = request_for(_CANCEL, {"input": {"sessionId": visitor.node_id}}, visitor.token)
            sent = time.monotonic()
            phase.asked[success(await connection.send(request))["session"]["revision"]] = sent
        await connection.close()

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_CLIENTS):
                tasks.create_task(client())
    finally:
        over.set()
        await watching
    phase.seconds = time.monotonic() - began
    if not sleepers:
        await ours.crowd.until(max(phase.asked), _WITHIN_SECONDS)
    else:
        await asyncio.sleep(1.0)
    arrivals = await ours.crowd.arrivals()
    phase.latencies, phase.updates = latencies(phase.asked, arrivals, sleepers)
    return phase


async def _memory(ours: Product, phase: Phase, began: float, over: asyncio.Event) -> None:
    while not over.is_set():
        phase.memory.append((time.monotonic() - began, ours.server.memory_bytes() / _MB))
        await asyncio.sleep(0.25)
    phase.memory.append((time.monotonic() - began, ours.server.memory_bytes() / _MB))


def latencies(asked: dict[int, float], arrivals: Arrivals, first: int) -> tuple[list[float], int]:
    """Of every event at every kept socket from number `first` on; and how many updates those got.

    `AssertionError` when one of them was never told of the last event.
    """
    told: dict[int, list[tuple[int, float]]] = {}
    for at, member, revision in zip(arrivals.seconds, arrivals.members, arrivals.revisions, strict=True):
        if member >= first:
            told.setdefault(member, []).append((revision, at))
    found, order = [], sorted(asked)
    for member, updates in told.items():
        if any(later[0] < earlier[0] for earlier, later in pairwise(updates)):
            raise AssertionError(f"socket {member} was told of an older state after a newer one")
        for revision in order:
            place = bisect_left(updates, (revision, 0.0))
            if place == len(updates):
                raise AssertionError(f"socket {member} was never told of revision {revision}")
            found.append(updates[place][1] - asked[revision])
    return found, sum(map(len, told.values()))


def _found(
    sockets: int, sleepers: int, seconds: int, calm: Phase, hard: Phase, current: int, closed: list[int]
) -> Findings:
    label = f"{sleepers:,} of {sockets:,} sockets stop reading for {seconds} s under {_EVENTS_PER_SECOND} events/s"
    grown = [phase.memory[-1][1] - phase.memory[0][1] for phase in (hard, calm)]
    codes = ", ".join(f"{closed.count(code)} with {code}" for code in sorted(set(closed))) or "none"
    before = "the same sockets, all reading"
    return Findings(
        [
            Comparison(
                f"{label}: the others' p99", "ms", Series.of([hard.p99_ms]), before, Series.of([calm.p99_ms]), Target(2)
            ),
            Comparison(
                f"{label}: closed, or current after they resume",
                "sockets",
                Series.of([float(current + len(closed))]),
                "stalled",
                Series.of([float(sleepers)]),
                Target(1, at_least=True),
            ),
            Comparison(
                f"{label}: growth of the server's memory",
                "MB",
                Series.of([grown[0]]),
                before,
                Series.of([grown[1]]),
                Target(10, is_of_ratio=False),
            ),
        ],
        [
            Fact(f"{label}: stalled sockets", f"{current} current after they resumed; closed: {codes}"),
            Fact(
                f"{label}: events",
                f"{shown(len(hard.asked) / hard.seconds)}/s, before {shown(len(calm.asked) / calm.seconds)}/s",
            ),
        ],
        [
            Plot(
                "stalled",
                f"Memory of the server: {label}",
                "s",
                "MB",
                [Curve("all read", calm.memory), Curve(f"{sleepers} do not", hard.memory)],
            )
        ],
    )


STALLED = Benchmark(
    "stalled",
    """**Sockets that stop reading**: an event is a visitor at the head who leaves, over HTTP. An event's time at a
  socket counts from when it was asked for until the first update as new as it or newer (of every seventh socket), so
  that what is coalesced away is not flattered. Memory is the server's unique set size, four times a second.""",
    stalled,
)
