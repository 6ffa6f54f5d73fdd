"""Calls per second over HTTP, every member of staff at a counter of their own, beside the same SQL by pgbench.

Two figures: the whole cycle (call, start, complete) in a loop, and calls alone, each to another free counter.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from app.core.ids import decode
from bench.benchmark import Bench, Benchmark
from bench.business import COMPLETE, START, Business, Queue
from bench.capture import Recorded, Recorder, recorder
from bench.figures import Comparison, Fact, Findings, Series, shown, spread
from bench.http import Connection
from bench.load import Sample, Turn, closed_loop
from bench.pgbench import pgbench
from bench.script import Captured, Script, script
from bench.stage import Server, Stage

# More than anything here serves in a second: the line must not run dry.
_WAITING_PER_SECOND = 2_000
# pgbench is so much faster that as many calls would mostly show its connections warming up.
_SQL_CALLS = 5
_WARM_UP = 3
# A counter's key is computed from its number, here as in `Queue.counter_id`.
_COUNTER = "md5(:queue::text || '-' || (:client_id::int * :per_client::int + :turn::int)::text)::uuid"
# The cycle's counter is the client's own, a pure call's the next free one.
_OWN_COUNTER = ["\\set turn 1"]
_NEXT_COUNTER = ["\\set turn :turn + 1"]


@dataclass(frozen=True, slots=True)
class References:
    """The scripts, and what the operations say to the database."""

    cycle: Script
    call: Script
    facts: list[Fact]


async def capture_calls(business: Business, recorder: Recorder) -> References:
    """Capture a cycle twice."""
    queue = await business.queue(counters=1, waiting=10)
    captured: list[list[Captured]] = []
    recorded: list[Recorded] = []
    for _ in range(_WARM_UP):
        cycle: list[Captured] = []
        recorded = []
        session_id = ""
        for document in (None, START, COMPLETE):
            before = await business.line_row(queue)
            call = business.call_request(queue, 1)
            request = call if document is None else business.session_request(document, session_id)
            done = await recorder.send(request)
            session_id = done.answer["session"]["id"]
            session = decode("Session", session_id).id
            keys: dict[UUID, str] = {queue.id: ":queue", session: ":session_id", queue.counter_id(1): _COUNTER}
            cycle.append(Captured(done.write, before, keys))
            recorded.append(done)
        captured.append(cycle)
    # The first in the application's life reads more: its caches are empty.
    first, again = captured[-2:]
    facts = [
        Fact(
            f"round trips to the database per {name}",
            f"{done.write.round_trips} in its transaction, {done.round_trips} in all",
        )
        for name, done in zip(("call", "start", "complete"), recorded, strict=True)
    ]
    return References(script(first, again, _OWN_COUNTER), script(first[:1], again[:1], _NEXT_COUNTER), facts)


@dataclass(slots=True)
class _Rounds:
    """Samples of all rounds, over HTTP and by pgbench."""

    cycles: list[Sample] = field(default_factory=list)
    cycles_sql: list[Sample] = field(default_factory=list)
    calls: list[Sample] = field(default_factory=list)
    calls_sql: list[Sample] = field(default_factory=list)


async def calls(bench: Bench) -> Findings:
    """The benchmark."""
    stage, server, business, scale = bench.stage, bench.server, bench.business, bench.scale
    async with recorder(stage.settings) as listening:
        references = await capture_calls(business, listening)
    findings = Findings(facts=references.facts)
    for staff in scale.staff:
        rounds = _Rounds()
        per_client = max(1, scale.calls // staff)
        await _measure(stage, server, business, references, staff, 0.2, 1, _Rounds())  # warm-up, not counted
        for _ in range(scale.rounds):
            await _measure(stage, server, business, references, staff, scale.window_seconds, per_client, rounds)
        findings.add(_found(staff, rounds))
    return findings


async def _measure(
    stage: Stage,
    server: Server,
    business: Business,
    references: References,
    staff: int,
    seconds: float,
    per_client: int,
    rounds: _Rounds,
) -> None:
    await business.sign_in()
    async with AsyncExitStack() as stack:
        connections = [Connection("127.0.0.1", server.port) for _ in range(staff)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        waiting = round(_WAITING_PER_SECOND * max(1.0, seconds))

        queue = await business.queue(counters=staff, waiting=waiting)
        turns = [_cycle(each, business, queue, number) for number, each in enumerate(connections, 1)]
        for _ in range(_WARM_UP):
            await turns[0]()
        await business.settle()
        cycles = await closed_loop(server, turns, seconds=seconds)
        await business.check(queue, sessions=1 + waiting, called=_WARM_UP + cycles.count)
        rounds.cycles.append(cycles)

        queue = await business.queue(counters=staff, waiting=waiting)
        await business.settle()
        constants = {"queue": queue.id, "per_client": 1, "turn": 1}
        cycles = await pgbench(stage, references.cycle, clients=staff, seconds=seconds, constants=constants)
        await business.check(queue, sessions=1 + waiting, called=cycles.count)
        rounds.cycles_sql.append(cycles)

        total = staff * per_client
        queue = await business.queue(counters=total, waiting=total)
        turns = [_call(each, business, queue, 1 + number * per_client) for number, each in enumerate(connections)]
        await business.settle()
        called = await closed_loop(server, turns, seconds=None, per_client=per_client)
        await business.check(queue, sessions=1 + total, called=total)
        rounds.calls.append(called)

        per_client, total = per_client * _SQL_CALLS, total * _SQL_CALLS
        queue = await business.queue(counters=total, waiting=total)
        await business.settle()
        constants = {"queue": queue.id, "per_client": per_client, "turn": 0}
        called = await pgbench(stage, references.call, clients=staff, per_client=per_client, constants=constants)
        await business.check(queue, sessions=1 + total, called=total)
        rounds.calls_sql.append(called)


def _cycle(connection: Connection, business: Business, queue: Queue, counter: int) -> Turn:
    async def turn() -> None:
        await business.serve(connection, await business.call(connection, queue, counter))

    return turn


def _call(connection: Connection, business: Business, queue: Queue, first_counter: int) -> Turn:
    numbers = count(first_counter)

    async def turn() -> None:
        await business.call(connection, queue, next(numbers))

    return turn


def _found(staff: int, rounds: _Rounds) -> Findings:
    def rate(samples: list[Sample]) -> Series:
        return Series.of([sample.per_second for sample in samples])

    label = f"{staff} staff"
    cpu = Series.of([sample.server_cpu_ms for sample in rounds.calls])
    latency = Series.of([sample.latency_ms for sample in rounds.calls])
    shares = [sample.client_share for sample in (*rounds.cycles, *rounds.calls)]
    sql = "the same SQL by pgbench"
    return Findings(
        [
            Comparison(f"call-next, {label}", "/s", rate(rounds.calls), sql, rate(rounds.calls_sql)),
            Comparison(
                f"call, start, complete, {label}", "cycles/s", rate(rounds.cycles), sql, rate(rounds.cycles_sql)
            ),
        ],
        [
            Fact(f"call-next, {label}: CPU of the API process per call", f"{spread(cpu)} ms"),
            Fact(f"call-next, {label}: median latency", f"{shown(latency.median)} ms"),
            Fact(f"calls, {label}: CPU share of the client process", f"{shown(max(shares))} of one core at most"),
        ],
    )


CALLS = Benchmark(
    "calls",
    """**Calls**: `queueCallNext` alone, each to another free counter; and the cycle `queueCallNext`, `sessionStart`,
`sessionComplete` at one counter per member of staff. The reference is made as for joins. Everybody uses one access
token. After every window the tables are held against what was answered: nobody called twice, nobody missing, the
queue's log without a gap.""",
    calls,
)
