"""What it costs to know that 50,000 visitors are there: `python -m bench.rush.presence`. Beside it, what it would cost
to write a row for each of them every time, as is usually done.

One process reports; the line's verdict is asked under its lock, as the engine asks. Medians, in milliseconds.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from app.core.clock import SystemClock
from app.core.db import Databases
from app.main import build_databases
from app.queues.line import lock
from app.sessions.metered.absence import absence
from app.sessions.metered.presence import Presence
from bench.business import Business
from bench.figures import percentile
from bench.http import Connection
from bench.rush.run import Plan, metered_queue
from bench.stage import Stage, forget_environment, open_stage

_ROUNDS = 7
_NAIVE = """
    insert into presences (tenant_id, session_id, reporter_id, is_present, seen_at)
    select $1, id, $2, true, clock_timestamp() from unnest($3::uuid[]) as seen (id)
    on conflict (tenant_id, session_id, reporter_id) do update set seen_at = excluded.seen_at
"""


async def measure(stage: Stage, count: int) -> list[str]:
    """The figures."""
    dbs: Databases = build_databases(stage.settings, SystemClock(), "presence")
    with stage.api() as api:
        database = await stage.connect()
        connection = Connection("127.0.0.1", api.port)
        business = await Business.found(connection, database, stage.settings.demo_password)
        plan = Plan(rate_per_minute=0, grace_seconds=120)
        queue = await metered_queue(business, plan)
        await business.connection.send(business.join_request(queue))
        await business.add_waiting(queue, count - 1)
        ids: list[UUID] = [
            row["id"] for row in await database.fetch("select id from sessions where queue_id = $1", queue.id)
        ]
        tenant, presence = business.tenant_id, Presence(dbs, SystemClock())
        for id in ids:
            presence.arrived(tenant, id)
        arrival = await _timed(presence.report)
        sitting = [await _timed(presence.report) for _ in range(_ROUNDS)]

        async def naive() -> None:
            async with dbs.app.write(tenant) as tx:
                await tx.rows(_NAIVE, tenant, presence.id, ids)

        async def verdict() -> None:
            await presence.report()  # or it would be waited for
            async with dbs.app.write(tenant) as tx:
                await absence(tx, await lock(tx, queue.id))

        verdicts = [await _timed(verdict) for _ in range(_ROUNDS)]
        all_rows = [await _timed(naive) for _ in range(_ROUNDS)]
        await presence.stop()
        await connection.close()
        await database.close()
    await dbs.dispose()
    sat, rows = percentile(sitting, 0.5), percentile(all_rows, 0.5)
    return [
        f"{len(ids)} arrive at once: {arrival:.0f} ms, once",
        f"they sit: {sat:.2f} ms a report (every 2 s)",
        f"a row for each of them instead: {rows:.0f} ms, {rows / sat:.0f} times as much",
        f"who of them is absent: {percentile(verdicts, 0.5):.0f} ms (every 15 s at most, with a grace of two minutes)",
    ]


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return 1000 * (time.perf_counter() - began)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.rush.presence", description=__doc__)
    parser.add_argument("--visitors", type=int, default=50_000)
    given = parser.parse_args()
    forget_environment()
    with open_stage() as stage:
        for line in asyncio.run(measure(stage, given.visitors)):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
