"""One rush, from the first join to the verdict: servers, crowd, the two kills, and what was found.

The queue is METERED. Those who watch go in when they are released, and leave or forget to; everybody else does not
come, and keeps a place of the cap until the claim window is over. So the cap is met, and most places are freed by time
alone, which is the workers' part.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from app.core.ids import decode
from bench import cores
from bench.business import Business, Queue
from bench.http import Connection
from bench.rush.checker import Acknowledged, Entered, Event, Limits, Observed, Verdict, check
from bench.rush.visitors import Part
from bench.stage import REPOSITORY, Server, Stage

_LINE_BYTES = 2**20
_POLL_SECONDS = 0.01
_QUEUE = """mutation($input: QueueCreateInput!) { queueCreate(input: $input) {
  __typename ... on QueueCreateSuccess { queue { id } } ... on UserError { message }
} }"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a rush."""

    visitors: int = 50_000
    parts: int = 3
    connections: int = 64
    watchers: int = 300
    rate_per_minute: int = 3_000
    max_concurrent_users: int = 2_000
    claim_seconds: int = 45
    # None: a visitor who does not watch keeps the place all the same.
    grace_seconds: int | None = None
    # The run goes on until so many were released, and everybody has joined.
    releases: int = 4_500
    most_seconds: float = 400.0

    @property
    def limits(self) -> Limits:
        """What the queue may do."""
        return Limits(self.rate_per_minute, self.max_concurrent_users, self.claim_seconds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    verdict: Verdict
    join_seconds: float
    seconds: float
    tries: int
    joined_when_killed: int
    released_when_killed: int


async def rush(stage: Stage, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """The rush."""
    async with AsyncExitStack() as stack:
        apis = [stack.enter_context(stage.api()) for _ in range(2)]
        workers = [stack.enter_context(stage.worker(f"worker {number}")) for number in (1, 2)]
        for api in apis:
            _unpin(api)
        database = await stage.connect()
        stack.push_async_callback(database.close)
        connection = Connection("127.0.0.1", apis[0].port)
        stack.push_async_callback(connection.close)
        business = await Business.found(connection, database, stage.settings.demo_password)
        queue = await metered_queue(business, plan)
        say(f"Two API processes and two workers run; {plan.visitors} visitors come in {plan.parts} processes.")
        began = time.monotonic()
        crowd = await stack.enter_async_context(_crowd(stage, plan, queue.node_id, [api.port for api in apis]))
        await _until(database, queue.id, "last_sequence", plan.visitors // 2, plan.most_seconds)
        joined, released = await _line(database, queue.id)
        apis[1].daemon.kill()
        workers[1].kill()
        say(f"kill -9 of an API process and a worker: {joined} had joined, {released} were released.")
        for part in crowd:
            await _told(part, plan.most_seconds)
        join_seconds = time.monotonic() - began
        say(f"Everybody has joined, after {join_seconds:.1f} s.")
        await _until(database, queue.id, "release_count", plan.releases, plan.most_seconds)
        answers = await _answers(crowd, stage, plan)
        events = await _log(database, queue.id)
        say(f"{plan.releases} are released; {len(events)} events are held against {len(answers)} parts' answers.")
        return Outcome(
            verdict=check(events, _acknowledged(answers), _observed(answers), plan.limits, _entered(answers)),
            join_seconds=join_seconds,
            seconds=time.monotonic() - began,
            tries=sum(each["tries"] for each in answers),
            joined_when_killed=joined,
            released_when_killed=released,
        )


def _unpin(api: Server) -> None:
    # Two that share a core would be one.
    if cores.IS_PINNED:
        api.process.cpu_affinity([])


async def metered_queue(business: Business, plan: Plan) -> Queue:
    """A queue as the plan has it."""
    values = {
        "name": "Rush",
        "slug": f"rush-{uuid4().hex[:12]}",
        "mode": "METERED",
        "releaseRatePerMinute": plan.rate_per_minute,
        "maxConcurrentUsers": plan.max_concurrent_users,
        "claimSeconds": plan.claim_seconds,
        "staySeconds": plan.claim_seconds,
        "graceSeconds": plan.grace_seconds,
        "phoneGraceSeconds": None,
        "ticketLastNumber": 99_999,
    }
    created = await business.connection.execute(_QUEUE, {"input": values}, business.token)
    node_id = str(created["queue"]["id"])
    return Queue(node_id, decode("Queue", node_id).id)


@asynccontextmanager
async def _crowd(
    stage: Stage, plan: Plan, queue_id: str, ports: list[int]
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    processes: list[asyncio.subprocess.Process] = []
    try:
        for number in range(plan.parts):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bench.rush.visitors"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=REPOSITORY,
                limit=_LINE_BYTES,
            )
            processes.append(process)
            part = Part(
                name=f"part{number}",
                # Half of each part's connections begin at either process.
                ports=ports,
                queue_id=queue_id,
                visitors=_share(plan.visitors, plan.parts, number),
                connections=max(1, _share(plan.connections, plan.parts, number)),
                watchers=_share(plan.watchers, plan.parts, number),
                moves_per_second=2.0,
                answers=str(_answers_file(stage, number)),
            )
            assert process.stdin is not None
            process.stdin.write(orjson.dumps(asdict(part)) + b"\n")
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _share(whole: int, parts: int, number: int) -> int:
    return whole * (number + 1) // parts - whole * number // parts


def _answers_file(stage: Stage, number: int) -> Path:
    return stage.root / f"rush-{number}.json"


async def _told(process: asyncio.subprocess.Process, within: float) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(within):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("a process of visitors has ended; what it said stands above")
    return dict(orjson.loads(line))


async def _answers(crowd: Sequence[asyncio.subprocess.Process], stage: Stage, plan: Plan) -> list[dict[str, Any]]:
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write(b"over\n")
    for process in crowd:
        await _told(process, plan.most_seconds)
    return [orjson.loads(_answers_file(stage, number).read_bytes()) for number in range(len(crowd))]


def _acknowledged(answers: Sequence[dict[str, Any]]) -> list[Acknowledged]:
    return [
        Acknowledged(each["key"], _session_key(each["id"]), each["ticketNumber"], each["position"], each["revision"])
        for part in answers
        for each in part["joins"]
    ]


def _observed(answers: Sequence[dict[str, Any]]) -> list[Observed]:
    return [
        Observed(_session_key(each["id"]), each["position"], each["revision"])
        for part in answers
        for each in part["shown"]
    ]


def _entered(answers: Sequence[dict[str, Any]]) -> list[Entered]:
    return [Entered(_session_key(each["id"]), each["token"]) for part in answers for each in part["entered"]]


def _session_key(id: str) -> str:
    return str(decode("Session", id).id)


async def _until(database: asyncpg.Connection, queue_id: UUID, column: str, count: int, within: float) -> None:
    async with asyncio.timeout(within):
        # A column of ours, and nothing announces that it has changed.
        while await database.fetchval(f"select {column} from queue_lines where id = $1", queue_id) < count:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)


async def _line(database: asyncpg.Connection, queue_id: UUID) -> tuple[int, int]:
    row = await database.fetchrow("select last_sequence, release_count from queue_lines where id = $1", queue_id)
    assert row is not None
    return row["last_sequence"], row["release_count"]


async def _log(database: asyncpg.Connection, queue_id: UUID) -> list[Event]:
    rows = await database.fetch(
        "select revision, type, occurred_at, data::text as data from events where aggregate_id = $1 order by revision",
        queue_id,
    )
    return [Event(row["revision"], row["type"], row["occurred_at"], orjson.loads(row["data"])) for row in rows]
