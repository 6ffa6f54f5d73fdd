"""Joins per second over HTTP, beside the same SQL by pgbench and beside a mutation that does nothing.

Every round measures the three one after the other, each on a fresh queue, with the relay idle at the start.
"""

from contextlib import AsyncExitStack
from uuid import UUID

from app.core.ids import decode
from bench.benchmark import Bench, Benchmark
from bench.business import NOTHING, Business, Queue
from bench.capture import Recorder, recorder
from bench.figures import Comparison, Fact, Findings, Series, shown
from bench.http import Connection, request_for, success
from bench.load import Sample, Turn, closed_loop
from bench.pgbench import pgbench
from bench.script import Captured, Script, script
from bench.stage import Server, Stage

_WARM_UP = 20


async def capture_join(business: Business, recorder: Recorder) -> tuple[Script, int, int]:
    """The script of a join; round trips of its transaction, and of the whole operation."""
    queue = await business.queue()
    captures, trips = [], (0, 0)
    # The first in the application's life reads more: its caches are empty.
    await recorder.send(business.join_request(queue))
    for _ in range(2):
        before = await business.line_row(queue)
        recorded = await recorder.send(business.join_request(queue))
        session = decode("Session", recorded.answer["session"]["id"]).id
        keys: dict[UUID, str] = {queue.id: ":queue", session: "gen_random_uuid()"}
        captures.append(Captured(recorded.write, before, keys))
        trips = recorded.write.round_trips, recorded.round_trips
    return script(captures[:1], captures[1:]), *trips


async def joins(bench: Bench) -> Findings:
    """The benchmark."""
    stage, server, business, scale = bench.stage, bench.server, bench.business, bench.scale
    async with recorder(stage.settings) as listening:
        reference, trips, all_trips = await capture_join(business, listening)
    findings = Findings(
        facts=[Fact("round trips to the database per join", f"{trips} in its transaction, {all_trips} in all")]
    )
    for clients in scale.join_clients:
        await _measure(stage, server, business, reference, clients, 0.2)  # warm-up, not counted
        rounds = [
            await _measure(stage, server, business, reference, clients, scale.window_seconds)
            for _ in range(scale.rounds)
        ]
        nothing, joined, sql = (list(samples) for samples in zip(*rounds, strict=True))
        findings.add(_found(clients, nothing, joined, sql))
    return findings


async def _measure(
    stage: Stage, server: Server, business: Business, reference: Script, clients: int, seconds: float
) -> tuple[Sample, Sample, Sample]:
    await business.sign_in()
    async with AsyncExitStack() as stack:
        connections = [Connection("127.0.0.1", server.port) for _ in range(clients)]
        for connection in connections:
            stack.push_async_callback(connection.close)

        await business.settle()
        nothing = await closed_loop(server, [_nothing(each) for each in connections], seconds=seconds)

        queue = await business.queue()
        turns = [_join(each, business, queue) for each in connections]
        for _ in range(_WARM_UP):
            await turns[0]()
        await business.settle()
        joined = await closed_loop(server, turns, seconds=seconds)
        await business.check(queue, sessions=1 + _WARM_UP + joined.count)

        queue = await business.queue()
        await business.settle()
        sql = await pgbench(stage, reference, clients=clients, seconds=seconds, constants={"queue": queue.id})
        await business.check(queue, sessions=1 + sql.count)
    return nothing, joined, sql


def _nothing(connection: Connection) -> Turn:
    request = request_for(NOTHING, {})

    async def turn() -> None:
        await connection.send(request)

    return turn


def _join(connection: Connection, business: Business, queue: Queue) -> Turn:
    async def turn() -> None:
        success(await connection.send(business.join_request(queue)))

    return turn


def _found(clients: int, nothing: list[Sample], joined: list[Sample], sql: list[Sample]) -> Findings:
    label = "1 client" if clients == 1 else f"{clients} clients"
    rate = Series.of([sample.per_second for sample in joined])
    compared = [
        ("the same SQL by pgbench", Series.of([sample.per_second for sample in sql])),
        ("a mutation that does nothing", Series.of([sample.per_second for sample in nothing])),
    ]
    return Findings(
        [
            *(Comparison(f"joins, {label}", "/s", rate, name, reference) for name, reference in compared),
            # CPU time is what a busy machine disturbs least.
            Comparison(
                f"joins, {label}: CPU of the API process per join",
                "ms",
                Series.of([sample.server_cpu_ms for sample in joined]),
                "a mutation that does nothing",
                Series.of([sample.server_cpu_ms for sample in nothing]),
            ),
        ],
        [
            Fact(
                f"joins, {label}: median latency",
                f"{shown(Series.of([sample.latency_ms for sample in joined]).median)} ms; "
                f"pgbench's mean {shown(Series.of([sample.latency_ms for sample in sql]).median)} ms",
            ),
            Fact(
                f"joins, {label}: CPU share of the client process",
                f"{shown(Series.of([sample.client_share for sample in joined]).median)} of one core",
            ),
        ],
    )


JOINS = Benchmark(
    "joins",
    """**Joins**: the mutation `queueJoin` with an identifier, position and token in the answer, on one queue, over open
connections; a client asks again as soon as it is answered. *The same SQL by pgbench*: before the run the application
says what it sends to the database for one join; exactly these statements, in one transaction, with parameters and
prepared, are run by `pgbench -M prepared` as the same role, with as many clients, on the same tables. Keys, times and
numbers are made anew each time; what the product reads after the commit, to answer with the position, is not in it.
*A mutation that does nothing*: `mutation Nothing { __typename }` on the same server. After every window the tables are
held against what was answered. The relay runs all the time and is idle when a window starts.""",
    joins,
)
