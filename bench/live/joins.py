"""Joins per second over HTTP on one queue, beside mutations that do nothing, a Node server, and the bare SQL.

Every round measures all of them one after the other, each on a fresh queue, with the relay idle at the start, and then
holds what was answered against the tables.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

from app.core.crypto import derive_key
from app.core.db.urls import APP_ROLE, role_password
from bench.benchmark import Bench, Benchmark
from bench.business import JOIN, Queue
from bench.business import NOTHING as NOTHING_DOCUMENT
from bench.figures import Comparison, Curve, Fact, Findings, Plot, Series, Target, shown, spread
from bench.http import request_for
from bench.live.asking import Asked, Clients, open_clients
from bench.live.checks import answered, check_joins, read_stored
from bench.live.clients import SLOT
from bench.live.node_packages import NodeMissing
from bench.live.sql_reference import SQL, join_by_sql
from bench.live.workers import several_workers
from bench.stage import Server, Stage

_WARM_UP_SECONDS, _WARM_UP_CLIENTS = 0.3, 16
_MANY_CLIENTS = 64
# pg's default, and the product's: the row lock lets one at a time through anyway.
_NODE_POOL = 10

_PRODUCT = "joins"
NOTHING, CONSTANTS = "a mutation that does nothing", "constants in the product's types"
NODE, PIPELINING = "Mercurius + pg", "Mercurius + pg, pipelining"
_AS_FAST_AS_IT_SPEAKS, _FASTER_THAN_NODE = Target(0.7, at_least=True), Target(1.5, at_least=True)
_TARGETS = {
    NOTHING: _AS_FAST_AS_IT_SPEAKS,
    CONSTANTS: _AS_FAST_AS_IT_SPEAKS,
    NODE: _FASTER_THAN_NODE,
    PIPELINING: _FASTER_THAN_NODE,
}


@dataclass(slots=True)
class _Rounds:
    """All rounds at one number of clients, by what was measured."""

    asked: dict[str, list[Asked]] = field(default_factory=dict)
    sql: list[float] = field(default_factory=list)

    def of(self, name: str, value: Callable[[Asked], float]) -> Series:
        """One quantity of each round."""
        return Series.of([value(each) for each in self.asked[name]])


@dataclass(frozen=True, slots=True)
class _Servers:
    """Who is measured."""

    product: Server
    constants: Server
    node: dict[str, Server]
    """By name."""
    clients: Clients


def join_request(queue: Queue) -> bytes:
    """A join of a person each time another: the clients put a number of their own into the slot."""
    values = {"queueId": queue.node_id, "userIdentifier": f"{uuid4().hex[:23]}-{SLOT}"}
    return request_for(JOIN, {"input": values})


async def joins(bench: Bench) -> Findings:
    """The benchmark."""
    stage, business, scale = bench.stage, bench.business, bench.scale
    findings = Findings()
    rates: dict[str, list[tuple[float, float]]] = {}
    async with AsyncExitStack() as stack:
        product = stack.enter_context(stage.api())
        constants = stack.enter_context(stage.reference("constants", "bench.live.constant_joins"))
        node = _node(stack, stage)
        if not node:
            findings.facts.append(Fact("joins: Mercurius + pg", "not measured: node and npm are needed"))
        servers = _Servers(product, constants, node, await stack.enter_async_context(open_clients(stage)))
        # Everybody's first thousand requests are slower than the rest: compilers, caches, connections.
        await _round(bench, servers, _WARM_UP_CLIENTS, scale.window_seconds, _Rounds(), 0)
        for count in scale.join_clients:
            await _round(bench, servers, count, _WARM_UP_SECONDS, _Rounds(), 0)
            rounds = _Rounds()
            for number in range(scale.rounds):
                await _round(bench, servers, count, scale.window_seconds, rounds, number)
                queue = await business.queue()
                await business.settle()
                done = await join_by_sql(stage, business, queue, count, scale.window_seconds)
                await business.check(queue, sessions=1 + done.count)
                rounds.sql.append(done.per_second)
            findings.add(_found(count, rounds))
            for name in rounds.asked:
                rates.setdefault(name, []).append((count, rounds.of(name, _rate).median))
            bench.say(f"joins: {count} clients, {shown(rounds.of(_PRODUCT, _rate).median)}/s")
    findings.add(await several_workers(bench, joined))
    findings.plots.append(
        Plot("joins", "Joins on one queue", "clients", "per second", [Curve(*each) for each in rates.items()])
    )
    return findings


def _rate(asked: Asked) -> float:
    return asked.per_second


def _node(stack: AsyncExitStack, stage: Stage) -> dict[str, Server]:
    postgres = stage.cluster.postgres
    assert postgres is not None
    environment = {
        "PGHOST": str(postgres.home.sockets),
        "PGUSER": APP_ROLE,
        "PGPASSWORD": role_password(stage.settings, APP_ROLE),
        "PGDATABASE": "vq",
        "BENCH_POOL": str(_NODE_POOL),
        "BENCH_SESSION_KEY": derive_key(stage.settings.secret, "session tokens").hex(),
        "BENCH_SESSION_SECONDS": str(stage.settings.session_token_seconds),
    }
    try:
        return {
            name: stack.enter_context(stage.node(name, "joins.cjs", **environment, BENCH_PIPELINE=pipeline))
            for name, pipeline in ((NODE, "0"), (PIPELINING, "1"))
        }
    except NodeMissing:
        return {}


async def joined(bench: Bench, clients: Clients, server: Server, count: int, seconds: float) -> Asked:
    """Joins on a fresh queue, held against the tables."""
    queue = await bench.business.queue()
    await bench.business.settle()
    done = await clients.ask(server, [[join_request(queue)]] * count, seconds)
    stored = await read_stored(bench.business.database, queue.id)
    check_joins([answered(each) for each in done.successes()], stored, before=1)
    return done


async def _round(bench: Bench, servers: _Servers, count: int, seconds: float, rounds: _Rounds, number: int) -> None:
    clients = servers.clients

    async def nothing() -> Asked:
        await bench.business.settle()
        return await clients.ask(servers.product, [[request_for(NOTHING_DOCUMENT, {})]] * count, seconds)

    async def constants() -> Asked:
        await bench.business.settle()
        request = join_request(Queue("x" * 96, UUID(int=0)))
        return await clients.ask(servers.constants, [[request]] * count, seconds)

    measures: list[tuple[str, Callable[[], Awaitable[Asked]]]] = [
        (_PRODUCT, lambda: joined(bench, clients, servers.product, count, seconds)),
        (NOTHING, nothing),
        (CONSTANTS, constants),
    ]
    measures += [(name, partial(joined, bench, clients, node, count, seconds)) for name, node in servers.node.items()]
    # Each round begins with another one: what drifts in the course of a round hits everybody.
    turn = number % len(measures)
    for name, measure in measures[turn:] + measures[:turn]:
        rounds.asked.setdefault(name, []).append(await measure())


def _found(count: int, rounds: _Rounds) -> Findings:
    label = "1 client" if count == 1 else f"{count} clients"
    findings = Findings()
    rate = rounds.of(_PRODUCT, _rate)
    for name in rounds.asked:
        if name != _PRODUCT:
            target = _TARGETS.get(name) if count >= _MANY_CLIENTS else None
            findings.comparisons.append(Comparison(f"joins, {label}", "/s", rate, name, rounds.of(name, _rate), target))
    sql = Series.of(rounds.sql)
    findings.comparisons.append(Comparison(f"joins, {label}", "/s", rate, SQL, sql))
    for name in rounds.asked:
        if name == _PRODUCT:
            continue
        # CPU time is what a busy machine disturbs least.
        cpu = (rounds.of(each, lambda asked: asked.server_cpu_ms) for each in (_PRODUCT, name))
        findings.comparisons.append(
            Comparison(f"joins, {label}: CPU of the server per join", "ms", next(cpu), name, next(cpu))
        )
    for name in rounds.asked:
        median, p99 = rounds.of(name, lambda asked: asked.median_ms), rounds.of(name, lambda asked: asked.p99_ms)
        server, own = (
            rounds.of(name, lambda asked: asked.server_share),
            rounds.of(name, lambda asked: asked.client_share),
        )
        findings.facts.append(
            Fact(
                f"joins, {label}, {name}" if name != _PRODUCT else f"joins, {label}",
                f"median {spread(median)} ms, p99 {spread(p99)} ms; of a core: server {shown(server.median)}, "
                f"clients {shown(own.most)} at most",
            )
        )
    return findings


JOINS = Benchmark(
    "joins",
    f"""**Joins**: the mutation `queueJoin` with an identifier, position and token in the answer, on one queue, over
  open connections; a client asks again as soon as it is answered. *{NOTHING}*: `mutation Nothing {{ __typename }}` on
  the same server, the stricter reference; *{CONSTANTS}*: the same document and variables to an ASGI application of the
  product's transport, schema classes, uvicorn options and a `queueJoin` that answers constants. What comes again is run
  by a plan in both (`app/api/prepared`); `__typename` alone leaves nothing to plan, and graphql-core's executor runs
  it: of the two, constants say what a join costs for being a join. *{NODE}*: a Node server
  (`bench/live/node/joins.cjs`) with compiled queries and prepared statements that writes the same rows in one
  transaction per join, as the same role under the same policies. It keeps no order in memory (the position is the
  count, right where all have one priority) and knows no idempotency keys, priorities, categories, tenant limits or
  doorbell. *{PIPELINING}*: the same with `pg`'s option `pipeline`, which is off by default: two waits for the database
  per join instead of five; the stricter reference. Both have {_NODE_POOL} connections. *{SQL}*: a transaction written
  by hand (`bench/live/sql/join.sql`) that takes the same lock and writes the same rows, prepared, as the same role, at
  most 64 connections. The targets are for {_MANY_CLIENTS} clients and more: fewer cannot keep a server busy while
  their joins wait for the disk. After every window the tables are held against every single answer: stored once,
  tickets and revisions without a gap, the position the one the line has. The relay runs all the time and is idle when
  a window starts. *--workers 2*: two API processes on one queue beside one, nothing pinned, for information.""",
    joins,
)
