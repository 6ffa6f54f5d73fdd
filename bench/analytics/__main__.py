"""How fast figures are: what a dashboard asks, the fold, a rebuild. As it is, it takes some two minutes.

Scale 1 is ten million visits of a year in 200 queues of one tenant, and a tenth as many of twenty others.
"""

import argparse
import asyncio
import statistics
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import orjson
import psutil
from sqlalchemy.engine import make_url

from app.analytics.rebuild import Progress, Rebuilding
from app.analytics.worker import AnalyticsWorker
from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.settings import Settings
from bench.analytics import made
from bench.analytics.questions import Question, questions
from bench.stage import forget_environment, open_stage

SESSIONS = 10_000_000
QUEUES = 200
OTHERS = 20
FACT_MONTHS = 24


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.analytics", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.02, help="of ten million visits; default: 0.02")
    parser.add_argument("--queues", type=int, default=QUEUES, help="among which they are shared out; default: 200")
    parser.add_argument("--events", type=int, default=60_000, help="of the log that is folded; default: 60,000")
    parser.add_argument("--asked", type=int, default=15, help="how often each question is asked; default: 15")
    parser.add_argument(
        "--wait", action="store_true", help="for a line on the standard input before anything is measured"
    )
    parser.add_argument("--results", type=Path, help="a file for the figures, as JSON")
    given = parser.parse_args()
    forget_environment()
    with open_stage() as stage:
        found = asyncio.run(_run(stage.settings, given))
    if given.results is not None:
        given.results.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return 0


async def _run(settings: Settings, given: argparse.Namespace) -> dict[str, object]:
    app = Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=4, clock=SystemClock())
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, clock=SystemClock())
    url = make_url(settings.database_url or "").set(drivername="postgresql").render_as_string(hide_password=False)
    admin = await asyncpg.connect(url)
    try:
        asked_of = await _year(system, app, admin, given.scale, given.queues)
        folded = await _log(system, app, admin, given.events)
        if given.wait:
            print("ready; a line, please", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
        questions_asked = [await _asked(app, admin, asked_of, each, given.asked) for each in questions(_today())]
        return {
            "scale": given.scale,
            "queues": given.queues,
            "questions": questions_asked,
            "fold": await _fold(system, *folded),
        }
    finally:
        await admin.close()
        await app.dispose()
        await system.dispose()


async def _log(
    system: Database, app: Database, admin: "asyncpg.Connection[asyncpg.Record]", events: int
) -> tuple[made.Made, int]:
    tenant = await made.tenant(system, app, QUEUES)
    worker = AnalyticsWorker(system, FACT_MONTHS)
    while await worker.fold_new():
        pass
    began_at = datetime.now(ZoneInfo("UTC"))
    return tenant, await made.log(admin, tenant, made.per_queue(events // 4, tenant.queue_ids), began_at)


async def _fold(system: Database, tenant: made.Made, written: int) -> dict[str, object]:
    worker = AnalyticsWorker(system, FACT_MONTHS)
    process = psutil.Process()
    before, cpu, began = process.memory_info().rss, process.cpu_times(), time.perf_counter()
    while await worker.fold_new():
        pass
    seconds = time.perf_counter() - began
    used = process.cpu_times()
    own = used.user + used.system - cpu.user - cpu.system
    print(
        f"fold: {written:,} events of {QUEUES} queues, {written / seconds:,.0f} a second by the clock, "
        f"{written / own:,.0f} for a second of the worker's own CPU; "
        f"memory {(process.memory_info().rss - before) / 2**20:+.0f} MB"
    )
    rebuilding = Rebuilding(system, FACT_MONTHS)
    wanted = [each for each in await rebuilding.wanted(None, None) if each[0] == tenant.tenant_id]
    told: list[float] = []

    def show(progress: Progress) -> None:
        told.append(progress.events_done / progress.events)

    before, began = process.memory_info().rss, time.perf_counter()
    rebuilt = await rebuilding.rebuild(wanted, show)
    rebuild_seconds = time.perf_counter() - began
    print(
        f"rebuild: {rebuilt.events:,} events, {rebuilt.events / rebuild_seconds:,.0f} a second, shown {len(told)} ×; "
        f"{rebuilt.differences} rows differ; memory {(process.memory_info().rss - before) / 2**20:+.0f} MB",
        flush=True,
    )
    return {
        "events": written,
        "events_per_second": written / seconds,
        "events_per_cpu_second": written / own,
        "rebuild_per_second": rebuilt.events / rebuild_seconds,
        "differences": rebuilt.differences,
    }


def _today() -> datetime:
    return datetime.now(ZoneInfo(made.ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)


async def _year(
    system: Database, app: Database, admin: "asyncpg.Connection[asyncpg.Record]", scale: float, queues: int
) -> made.Made:
    first_day = _today() - timedelta(days=made.DAYS)
    await admin.execute("select ensure_fact_partitions($1, 1)", first_day)
    one = await made.tenant(system, app, queues)
    began = time.perf_counter()
    await made.year(admin, one, made.per_queue(int(SESSIONS * scale), one.queue_ids), first_day, 0)
    for number in range(OTHERS):
        other = await made.tenant(system, app, 5)
        sessions = int(SESSIONS * scale / 10 / OTHERS)
        await made.year(admin, other, made.per_queue(sessions, other.queue_ids), first_day, number + 1)
    await admin.execute("vacuum analyze session_facts")
    await admin.execute("vacuum analyze analytics_rollups")
    sizes = await admin.fetchrow(
        "select (select sum(pg_total_relation_size(inhrelid)) from pg_inherits"
        " where inhparent = 'session_facts'::regclass) as facts, pg_total_relation_size('analytics_rollups') as rows,"
        " (select count(*) from analytics_rollups) as count"
    )
    assert sizes is not None
    print(
        f"made: {one.visits:,} visits in {queues} queues, and others', in {time.perf_counter() - began:.0f} s; "
        f"visits {sizes['facts'] / 2**20:,.0f} MB, {sizes['count']:,} roll-up rows {sizes['rows'] / 2**20:,.0f} MB",
        flush=True,
    )
    return one


async def _asked(
    app: Database, admin: "asyncpg.Connection[asyncpg.Record]", one: made.Made, question: Question, times: int
) -> dict[str, object]:
    ours, cpu = [], time.process_time()
    for number in range(times):
        queue_id = one.queue_ids[number * 7 % len(one.queue_ids)]
        began = time.perf_counter()
        async with app.read(one.tenant_id) as tx:
            await question.ask(tx, queue_id)
        ours.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / times
    plain = []
    for number in range(3):
        queue_id = one.queue_ids[number * 7 % len(one.queue_ids)]
        began = time.perf_counter()
        await admin.fetch(question.sql, one.tenant_id, queue_id, question.period.starts, question.period.ends)
        plain.append((time.perf_counter() - began) * 1000)
    median, reference = statistics.median(ours), statistics.median(plain)
    print(
        f"{question.name:42} median {median:6.1f} ms, worst {max(ours):6.1f} ms, CPU {cpu:5.1f} ms; "
        f"plain SQL {reference:8.1f} ms, {reference / median:6.1f} times",
        flush=True,
    )
    return {"name": question.name, "median_ms": median, "worst_ms": max(ours), "plain_sql_ms": reference}


if __name__ == "__main__":
    sys.exit(main())
