"""Long lines beside short ones: a position, a call that a hundred people watch, and what a line in memory costs.

The lines are copies of one visitor who joined over the API: a hundred thousand joins would be a benchmark of their own.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from typing import cast
from uuid import UUID

from app.core.clock import SystemClock
from app.core.ids import encode
from app.identity.keyring import KeyRing
from app.identity.tokens import Tokens
from bench import cores
from bench.benchmark import Bench, Benchmark
from bench.business import Queue
from bench.figures import Comparison, Fact, Findings, Series, Target, shown
from bench.http import request_for
from bench.live.asking import Asked, Clients, open_clients
from bench.live.audience import DOCUMENT, Audience, Visitor
from bench.live.checks import WrongServer
from bench.live.contenders import Product, Wave
from bench.live.crowd import crowd
from bench.stage import Server

POSITION = "query Mine($id: ID!) { session(id: $id) { position aheadCount revision } }"
BARE = "a sorted list of tuples and a dict of them"
_ASKED, _CLIENTS, _WARM_UP_SECONDS = 400, 16, 0.3
_SUBSCRIBERS = 100
_TINY_LINE = 20
_SEED = 1
_NOT_SLOWER = Target(1.5)
# Somebody who stands ahead of those who watch, and whom nobody speaks for.
_NOBODY = Visitor("", "")


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody in line whose position is asked for."""

    request: bytes
    position: int


@dataclass(frozen=True, slots=True)
class _Line:
    """A queue with so many waiting."""

    queue: Queue
    people: list[_Person]


async def long_lines(bench: Bench) -> Findings:
    """The benchmark."""
    findings = await _positions(bench)
    bench.say("long lines: positions")
    findings.add(await _watched_calls(bench))
    bench.say("long lines: calls")
    findings.add(await _lines_in_memory(bench))
    return findings


async def _positions(bench: Bench) -> Findings:
    short, long = [await _line(bench, size) for size in bench.scale.long_lines]
    asked: dict[str, list[tuple[Asked, Asked]]] = {"short": [], "long": []}
    with bench.stage.api() as server:
        async with open_clients(bench.stage) as clients:
            for line in (short, long):
                await _ask(clients, server, line, _WARM_UP_SECONDS)
            for number in range(bench.scale.rounds):
                both = [("short", short), ("long", long)]
                for name, line in both if number % 2 else reversed(both):
                    await bench.business.settle()
                    asked[name].append(await _ask(clients, server, line, bench.scale.window_seconds))
    of_short, of_long = (f"in a line of {size:,}" for size in bench.scale.long_lines)

    def of(name: str, which: int, value: Callable[[Asked], float]) -> Series:
        return Series.of([value(each[which]) for each in asked[name]])

    return Findings(
        [
            Comparison(
                f"position {of_long}: median of one client",
                "ms",
                of("long", 0, lambda each: each.median_ms),
                of_short,
                of("short", 0, lambda each: each.median_ms),
                _NOT_SLOWER,
            ),
            Comparison(
                f"position {of_long}: CPU of the server, {_CLIENTS} clients",
                "ms",
                of("long", 1, lambda each: each.server_cpu_ms),
                of_short,
                of("short", 1, lambda each: each.server_cpu_ms),
                _NOT_SLOWER,
            ),
        ],
        [
            Fact(
                f"positions {of_long}",
                f"{shown(of('long', 1, lambda each: each.per_second).median)}/s with {_CLIENTS} clients, CPU share of "
                f"the clients {shown(of('long', 1, lambda each: each.client_share).most)} of a core at most",
            )
        ],
    )


async def _line(bench: Bench, size: int) -> _Line:
    """With people from everywhere in it, to be asked about with their own tokens."""
    business = bench.business
    queue = await business.queue(waiting=size - 1)
    await business.database.execute("vacuum analyze sessions")
    rows = await business.database.fetch(
        "select id, joined_at from sessions where queue_id = $1 order by rank_class, rank_time, rank_sequence", queue.id
    )
    # A visitor's token needs the secret only, none of the keys of the ring.
    tokens = Tokens(bench.stage.settings, SystemClock(), cast(KeyRing, None))
    people = []
    for place in random.Random(_SEED).sample(range(size), min(size, _ASKED)):
        id, joined_at = rows[place]
        node_id = encode("Session", business.tenant_id, id)
        token = tokens.session_token(business.tenant_id, id, joined_at)
        people.append(_Person(request_for(POSITION, {"id": node_id}, token), place + 1))
    return _Line(queue, people)


async def _ask(clients: Clients, server: Server, line: _Line, seconds: float) -> tuple[Asked, Asked]:
    """One client, then several; every answer is held against the line."""
    requests = [person.request for person in line.people]
    positions = [person.position for person in line.people]
    one = await clients.ask(server, [requests], seconds)
    several = await clients.ask(server, [requests[number::_CLIENTS] for number in range(_CLIENTS)], seconds)
    told = [value["position"] for value in one.successes()]
    if told != [positions[number % len(positions)] for number in range(len(told))]:
        raise WrongServer("positions that are not the line's")
    if not {value["position"] for value in several.successes()} <= set(positions):
        raise WrongServer("positions nobody asked about has")
    return one, several


async def _watched_calls(bench: Bench) -> Findings:
    """Those who watch are the last: whoever walks through the line to find them has it all to walk."""
    waves: dict[int, list[list[Wave]]] = {size: [] for size in bench.scale.long_lines}
    calls = bench.scale.rounds * bench.scale.long_line_calls + 1
    async with AsyncExitStack() as stack:
        server = stack.enter_context(bench.stage.api())
        contenders: dict[int, Product] = {}
        for size in bench.scale.long_lines:
            audience = await _last_in_line(bench, size, calls)
            people = await stack.enter_async_context(crowd(bench.stage.root))
            contenders[size] = Product(server, people, bench, audience, DOCUMENT)
            stack.push_async_callback(contenders[size].close)
            await contenders[size].open(bench.stage.root)
            await contenders[size].wave()
        for _ in range(bench.scale.rounds):
            await bench.business.sign_in()
            done: dict[int, list[Wave]] = {size: [] for size in contenders}
            for _ in range(bench.scale.long_line_calls):
                for size, contender in contenders.items():
                    done[size].append(await contender.wave())
            for size, found in done.items():
                waves[size].append(found)
        for contender in contenders.values():
            await contender.check()

    def of(size: int, value: Callable[[Wave], float]) -> Series:
        return Series.of([median(value(wave) for wave in each) for each in waves[size]])

    short, long = bench.scale.long_lines
    figures: list[tuple[str, str, Callable[[Wave], float]]] = [
        ("last update, after sending the call", "ms", lambda wave: max(wave.latencies) * 1000),
        ("CPU of the server", "ms", lambda wave: wave.server_cpu_seconds * 1000),
    ]
    watching = _watching(bench)
    return Findings(
        [
            Comparison(
                f"a call in a line of {long:,}, {watching} subscribers: {name}",
                unit,
                of(long, value),
                f"in a line of {short:,}",
                of(short, value),
                _NOT_SLOWER,
            )
            for name, unit, value in figures
        ]
    )


def _watching(bench: Bench) -> int:
    return min(_SUBSCRIBERS, bench.scale.long_lines[0] // 2)


async def _last_in_line(bench: Bench, size: int, calls: int) -> Audience:
    business, watching = bench.business, _watching(bench)
    queue = await business.queue(counters=calls, waiting=size - 1)
    await business.database.execute("vacuum analyze sessions")
    rows = await business.database.fetch(
        "select id, joined_at from sessions where queue_id = $1"
        " order by rank_class desc, rank_time desc, rank_sequence desc limit $2",
        queue.id,
        watching,
    )
    tokens = Tokens(bench.stage.settings, SystemClock(), cast(KeyRing, None))
    visitors = [
        Visitor(
            encode("Session", business.tenant_id, row["id"]),
            tokens.session_token(business.tenant_id, row["id"], row["joined_at"]),
        )
        for row in reversed(rows)
    ]
    return Audience(queue, [_NOBODY] * (size - watching), visitors)


async def _lines_in_memory(bench: Bench) -> Findings:
    size = bench.scale.long_lines[-1]
    small, large = [await bench.business.queue(waiting=count - 1) for count in (_TINY_LINE, size)]
    await bench.business.database.execute("vacuum analyze sessions")
    measured: dict[str, list[dict[str, float]]] = {"product": [], "bare": []}
    for _ in range(bench.scale.line_processes):
        for kind, found in measured.items():
            found.append(await _program(bench, kind, small.id, large.id))

    def compared(figure: str, unit: str, name: str, target: Target | None = None) -> Comparison:
        ours, bare = (Series.of([each[name] for each in measured[kind]]) for kind in ("product", "bare"))
        return Comparison(figure, unit, ours, BARE, bare, target)

    line = f"a line of {size:,}"
    return Findings(
        [
            compared(f"{line}: loading it", "s", "load_seconds", Target(1.0, is_of_ratio=False)),
            compared(f"{line}: one position", "µs", "position_us", Target(10.0, is_of_ratio=False)),
            compared(f"{line}: memory per waiting session", "bytes", "bytes"),
            compared(f"{line}: reading and applying a join", "µs", "join_us"),
            compared(f"{line}: reading and applying a cancellation in the middle", "µs", "cancel_us"),
            compared(f"{line}: reading and applying a call", "µs", "call_us"),
        ]
    )


async def _program(bench: Bench, kind: str, small: UUID, large: UUID) -> dict[str, float]:
    arguments = [kind, *(str(each) for each in (bench.business.tenant_id, small, large))]
    program = bench.stage.python("line", "bench.live.line_program", arguments)
    with cores.for_a_server():
        process = await asyncio.create_subprocess_exec(
            *(str(part) for part in program.command),
            stdout=asyncio.subprocess.PIPE,
            env=program.environment,
            cwd=program.directory,
        )
    output = (await process.communicate())[0]
    if process.returncode != 0:
        raise RuntimeError("the line's process has failed; what it said stands above")
    return dict(json.loads(output))


LONG_LINES = Benchmark(
    "long-lines",
    f"""**Long lines**: a *position* is `session(id)` with `position aheadCount revision`, of people from everywhere in
  the line with their own tokens; every answer is held against the line. A *call* is `queueCallNext` while the last
  {_SUBSCRIBERS} in line watch `sessionChanged`. The long and the short line are in one server, in turn. *A line in
  memory* is loaded by a process of its own with the product's loader, asked for {20_000:,} places and fed events that
  were read from JSON; *{BARE}* is filled with the driver alone. Memory is the growth of the unique set size.""",
    long_lines,
)
