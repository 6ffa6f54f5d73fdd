"""Calls per second over HTTP on one queue, every member of staff calling one after the other, beside the bare SQL.

Each call goes to another free counter, so that nothing but calling is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.core.ids import decode
from bench.benchmark import Bench, Benchmark
from bench.business import Queue
from bench.figures import Comparison, Fact, Findings, Series, shown, spread
from bench.live.asking import Asked, Clients, open_clients
from bench.live.checks import WrongServer
from bench.live.sql_reference import SQL, call_by_sql
from bench.pgbench import Transactions
from bench.stage import Server

_WARM_UP_CALLS = 40


@dataclass(slots=True)
class _Rounds:
    """All rounds with one number of staff."""

    calls: list[Asked] = field(default_factory=list)
    sql: list[Transactions] = field(default_factory=list)

    def of(self, value: Callable[[Asked], float]) -> Series:
        """One quantity of each round."""
        return Series.of([value(each) for each in self.calls])


async def calls(bench: Bench) -> Findings:
    """The benchmark."""
    findings = Findings()
    with bench.stage.api() as server:
        async with open_clients(bench.stage) as clients:
            for staff in bench.scale.staff:
                await _round(bench, server, clients, staff, _WARM_UP_CALLS, _Rounds())
                rounds = _Rounds()
                for _ in range(bench.scale.rounds):
                    await _round(bench, server, clients, staff, bench.scale.calls, rounds)
                findings.add(_found(staff, rounds))
                bench.say(f"calls: {staff} staff, {shown(rounds.of(lambda asked: asked.per_second).median)}/s")
    return findings


async def _round(bench: Bench, server: Server, clients: Clients, staff: int, most: int, rounds: _Rounds) -> None:
    business = bench.business
    per_client = max(1, most // staff)
    total = staff * per_client
    # The token is good for minutes.
    await business.sign_in()
    queue = await business.queue(counters=total, waiting=2 * total)
    await business.settle()
    requests = [
        [business.call_request(queue, 1 + number * per_client + turn) for turn in range(per_client)]
        for number in range(staff)
    ]
    called = await clients.ask(server, requests, seconds=None)
    await _check(bench, queue, called, total)
    rounds.calls.append(called)

    queue = await business.queue(counters=total, waiting=2 * total)
    await business.settle()
    rounds.sql.append(await call_by_sql(bench.stage, business, queue, staff, per_client))
    await business.check(queue, sessions=1 + 2 * total, called=total)


async def _check(bench: Bench, queue: Queue, called: Asked, total: int) -> None:
    """Everybody who was called stood in front of everybody who was not, and was called once."""
    await bench.business.check(queue, sessions=1 + 2 * total, called=total)
    answered = [decode("Session", each["session"]["id"]).id for each in called.successes()]
    front = await bench.business.database.fetch(
        "select id from sessions where queue_id = $1 order by rank_class, rank_time, rank_sequence limit $2",
        queue.id,
        total,
    )
    if len(answered) != total or set(answered) != {row["id"] for row in front}:
        raise WrongServer(f"{total} calls did not call the first {total} of the line, each once")


def _found(staff: int, rounds: _Rounds) -> Findings:
    label = f"call-next, {staff} staff"
    rate = rounds.of(lambda asked: asked.per_second)
    cpu, share = rounds.of(lambda asked: asked.server_cpu_ms), rounds.of(lambda asked: asked.server_share)
    median, p99 = rounds.of(lambda asked: asked.median_ms), rounds.of(lambda asked: asked.p99_ms)
    sql = Series.of([each.per_second for each in rounds.sql])
    return Findings(
        [Comparison(label, "/s", rate, SQL, sql)],
        [
            Fact(
                label,
                f"median {spread(median)} ms, p99 {spread(p99)} ms; CPU of the server {spread(cpu)} ms a call; of a "
                f"core: server {shown(share.median)}, "
                f"clients {shown(rounds.of(lambda asked: asked.client_share).most)} at most",
            )
        ],
    )


CALLS = Benchmark(
    "calls",
    f"""**Calls**: `queueCallNext`, each to another free counter, so many members of staff at once (all with one access
token), on one queue. *{SQL}*: a transaction written by hand (`bench/live/sql/call.sql`) that takes the same lock and
writes the same rows, prepared, as the same role, with as many connections. After every round those who were called are
the front of the line, each called once.""",
    calls,
)
