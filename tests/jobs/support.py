"""A tenant, handlers that leave a trace in the event log, and a real worker process to run them in. No test in here."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis
from sqlalchemy import text
from sqlmodel import select

from app.core.clock import Clock
from app.core.db import Database, Databases
from app.core.db.tenant_keys import give_keys
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.jobs import repository
from app.core.jobs.broker import redis_url
from app.core.jobs.models import Job
from app.core.jobs.repository import JobRef, NewJob
from app.settings import Settings
from app.tenants.models import Tenant

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@asynccontextmanager
async def databases(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Databases]:
    """Both roles' pools, for the length of the block."""
    dbs = Databases(
        Database(role_url(settings, APP_ROLE), secret=settings.secret, clock=clock),
        Database(role_url(settings, SYSTEM_ROLE), secret=settings.secret, clock=clock),
    )
    try:
        yield dbs
    finally:
        await dbs.dispose()


async def new_tenant(dbs: Databases) -> UUID:
    """A tenant of this test's own."""
    tenant_id = uuid4()
    async with dbs.system.write(tenant_id) as tx:
        now = tx.now()
        tx.add(
            Tenant(
                id=tenant_id,
                slug=f"t-{tenant_id.hex[:12]}",
                name="Bäckerei Nord",
                created_at=now,
                created_by="TEST",
                updated_at=now,
                updated_by="TEST",
            )
        )
        await tx.flush()
        await give_keys(tx)
    return tenant_id


async def forget(dbs: Databases, settings: Settings) -> None:
    """Empty what background processes work on: they serve all tenants, so another test's leftovers would be theirs."""
    async with dbs.system.write(None) as tx:
        for table in ("jobs", "events", "tenants"):
            await tx.exec(text(f"delete from {table}"))  # type: ignore[call-overload]
    async with Redis.from_url(redis_url(settings)) as redis:
        if keys := await redis.keys(f"{settings.bus_prefix}*"):
            await redis.delete(*keys)


async def write_job(
    dbs: Databases, tenant_id: UUID, name: str, args: Mapping[str, Any] | None = None, *, dedupe_key: str | None = None
) -> JobRef:
    """A job that is owed and not sent."""
    async with dbs.system.write(None) as tx:
        new = NewJob(tenant_id, name, dict(args or {}), dedupe_key or uuid4().hex)
        [ref] = await repository.write(tx, [new], send_at=tx.now())
    return ref


async def stored(dbs: Databases, ref: JobRef) -> Job:
    """The job's row."""
    async with dbs.app.read(ref.tenant_id) as tx:
        return (await tx.exec(select(Job).where(Job.id == ref.id))).one()


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float = 60.0) -> float:
    """Wait for a condition; how long it took."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return time.monotonic() - started
            await asyncio.sleep(0.02)


def environment(settings: Settings) -> dict[str, str]:
    """The variables a process needs to use the same servers."""
    values = {
        "VQ_DATABASE_URL": settings.database_url,
        "VQ_REDIS_URL": settings.redis_url,
        "VQ_BUS_PREFIX": settings.bus_prefix,
        "VQ_SECRET_KEY": settings.secret_key,
        "VQ_SMTP_URL": settings.smtp_url,
        "VQ_SMTP_FROM": settings.smtp_from,
        "VQ_DATA_DIR": str(settings.data_dir),
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("VQ_")} | {
        name: value for name, value in values.items() if value is not None
    }


@dataclass
class Program:
    """A child process running one of our modules."""

    process: subprocess.Popen[bytes]

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        """`kill -9`, and gone when this returns."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def program(settings: Settings, code: str, *arguments: str) -> Iterator[Program]:
    """Run Python code in a process of its own; it is gone after the block."""
    command: Sequence[str] = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(command, env=environment(settings))
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()


def worker(settings: Settings, jobs: str) -> Any:
    """A worker process; `jobs` says where its `Jobs` are, as `module:name`."""
    module, name = jobs.split(":")
    return program(
        settings,
        f"from {module} import {name} as jobs\n"
        "from app.core.jobs.worker import main\n"
        "from app.core.logs import configure_logging\n"
        "from app.settings import load_settings\n"
        "configure_logging('WARNING')\n"
        "main(load_settings(), jobs)\n",
    )
