"""One export in a process that does nothing else, as a worker does it; prints what it took. For `bench.exports`."""

import asyncio
import resource
import sys
import time
from uuid import UUID

import orjson
import psutil

from app.core.actor import Actor, ActorKind
from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from app.core.ids import new_id
from app.core.jobs import repository as jobs
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import Jobs
from app.core.jobs.repository import JobRef, NewJob
from app.core.jobs.runner import JobRunner
from app.identity.permissions import Permission
from app.settings import Settings
from app.transfers.exports import repository, service
from app.transfers.exports.models import ExportKind
from app.transfers.exports.service import NewExport
from app.transfers.exports.tasks import make_export
from app.transfers.formats.kinds import FileFormat


async def run(settings: Settings, tenant_id: UUID, file_format: FileFormat) -> dict[str, float]:
    """Of no rows first, for what is loaded once."""
    db = Database(role_url(settings, APP_ROLE), secret=settings.secret, pool_size=4, clock=SystemClock())
    dispatcher = Dispatcher(settings)
    runner = JobRunner(settings, SystemClock(), db, Jobs([make_export]), dispatcher)
    try:
        await _exported(db, runner, tenant_id, ExportKind.USERS, file_format)
        before, began = psutil.Process().memory_info().rss, time.perf_counter()
        length = await _exported(db, runner, tenant_id, ExportKind.SESSIONS, file_format)
        seconds = time.perf_counter() - began
    finally:
        await dispatcher.close()
        await db.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "grown": max(0, peak - before), "length": length}


async def _exported(db: Database, runner: JobRunner, tenant_id: UUID, kind: ExportKind, file_format: FileFormat) -> int:
    who = Actor(ActorKind.USER, tenant_id, new_id(), permissions=frozenset(Permission))
    async with db.write(tenant_id, who) as tx:
        export = await service.create(tx, NewExport(kind, file_format))
    args = {
        "id": str(new_id()),
        "tenantId": str(tenant_id),
        "aggregateType": "export",
        "aggregateId": str(export.id),
        "revision": 1,
        "occurredAt": export.created_at.isoformat(),
        "type": "EXPORT_REQUESTED",
        "data": {},
        "requestId": None,
    }
    job = NewJob(tenant_id, make_export.name, args, str(export.id))
    async with db.write(tenant_id) as tx:
        await jobs.write(tx, [job], send_at=tx.now())
    await runner.run(JobRef(tenant_id, job.id))
    async with db.read(tenant_id) as tx:
        done = await repository.get(tx, export.id)
    assert done.file_length is not None, done.failure
    return done.file_length


if __name__ == "__main__":
    given = Settings(**orjson.loads(sys.argv[1]))
    found = asyncio.run(run(given, UUID(sys.argv[2]), FileFormat(sys.argv[3])))
    sys.stdout.buffer.write(orjson.dumps(found))
