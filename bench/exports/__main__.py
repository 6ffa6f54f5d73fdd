"""`python -m bench.exports`: what an export of many rows costs a worker, in time and in memory, by format.

Each runs in a process of its own, twice: with a tenth of the rows and with all of them. Memory that is constant is the
same for both. The reference is what PostgreSQL itself takes to write the table down as CSV (`copy … to stdout`).
"""

import argparse
import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import orjson
from sqlalchemy.engine import make_url

from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.queues import service as queues
from app.queues.config import QueueConfig
from app.settings import Settings
from app.tenants import service as tenants
from app.tenants.service import NewTenant
from app.transfers.formats.kinds import FileFormat
from bench.stage import forget_environment, open_stage

_FILL = """
    insert into sessions (tenant_id, id, queue_id, status, ticket_queue_id, service_day, ticket_serial, ticket_number,
        priority, rank_class, rank_time, rank_sequence, party_size, joined_at, called_at, started_at, completed_at,
        ended_at, call_count, device, admission_number)
    select $1, gen_random_uuid(), $2, 'COMPLETED', $2, date '2020-01-01', n, 'A' || n, 0, 0, at, n, 1, at,
        at + interval '5 minutes', at + interval '6 minutes', at + interval '11 minutes', at + interval '11 minutes',
        1, 'BROWSER', 0
    from (select n, timestamptz '2020-01-01Z' + n * interval '1 second' as at from generate_series(1, $3::int) n) made
"""


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.exports", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="sessions; default: 100,000")
    parser.add_argument("--format", choices=[each.value for each in FileFormat], action="append", help="default: all")
    given = parser.parse_args()
    forget_environment()
    with open_stage() as stage:
        asyncio.run(_run(stage.settings, given.rows, given.format or [each.value for each in FileFormat]))
    return 0


async def _run(settings: Settings, rows: int, formats: list[str]) -> None:
    url = make_url(settings.database_url or "").set(drivername="postgresql").render_as_string(hide_password=False)
    admin = await asyncpg.connect(url)
    try:
        few, many = await _filled(settings, admin, rows // 10), await _filled(settings, admin, rows)
        began, length = time.perf_counter(), 0

        async def swallow(piece: bytes) -> None:
            nonlocal length
            length += len(piece)

        await admin.copy_from_query("select * from sessions where tenant_id = $1", many, output=swallow, format="csv")
        seconds = time.perf_counter() - began
        print(f"copy to stdout: {rows / seconds:,.0f} rows a second, {length / 1e6:.0f} MB", flush=True)
        for file_format in formats:
            small, large = [await _one(settings, tenant_id, file_format) for tenant_id in (few, many)]
            print(
                f"{file_format}: {rows:,} rows in {large['seconds']:.1f} s, {rows / large['seconds']:,.0f} a second "
                f"({large['seconds'] / seconds:.1f} × copy), file {large['length'] / 1e6:.1f} MB; peak of memory over "
                f"the idle worker {large['grown'] / 2**20:.0f} MB, with a tenth of the rows "
                f"{small['grown'] / 2**20:.0f} MB",
                flush=True,
            )
    finally:
        await admin.close()


async def _filled(settings: Settings, admin: "asyncpg.Connection[asyncpg.Record]", rows: int) -> UUID:
    system = Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, clock=SystemClock())
    app = Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=1, clock=SystemClock())
    try:
        async with system.write(uuid4()) as tx:
            tenant = await tenants.create(tx, NewTenant("Business", f"t-{uuid4().hex[:12]}"))
        async with app.write(tenant.id) as tx:
            queue = await queues.create(tx, QueueConfig(name="Queue", slug="queue"))
    finally:
        await system.dispose()
        await app.dispose()
    began = datetime.now(UTC)
    await admin.execute(_FILL, tenant.id, queue.id, rows)
    await admin.execute("analyze sessions")
    print(f"{rows:,} sessions made in {(datetime.now(UTC) - began).total_seconds():.0f} s", flush=True)
    return tenant.id


async def _one(settings: Settings, tenant_id: UUID, file_format: str) -> dict[str, float]:
    told = orjson.dumps(settings.model_dump(mode="json", exclude_defaults=True)).decode()
    command = [sys.executable, "-m", "bench.exports.one", told, str(tenant_id), file_format]
    done = await asyncio.to_thread(subprocess.run, command, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = orjson.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
