"""Runs one job: claims it, keeps the lease while the handler works, and settles how it ended. Knows no broker.

A worker that dies holds its jobs for as long as their lease runs; then the sweep sends them to another one.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from app.core import logs
from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.db import Database
from app.core.jobs import repository
from app.core.jobs.context import JobContext, LeaseLost
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import JobKind, Jobs, RetryLater
from app.core.jobs.outage import Outage, is_database_away
from app.core.jobs.repository import ClaimedJob, JobRef
from app.settings import Settings

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""How long a dead worker's jobs lie still. A worker that is only slow renews three times in it."""

RENEW_EVERY_SECONDS = 5.0

CLOCK_SKEW = timedelta(seconds=1)
"""How far the clocks of two machines may differ without a fresh job looking as if it were not due yet."""

_LONGEST_DELAY_SECONDS = 60.0
_UNKNOWN_KIND_DELAY = timedelta(seconds=30)


class JobRunner:
    """Runs jobs in the loop it is used from."""

    def __init__(self, settings: Settings, clock: Clock, db: Database, jobs: Jobs, dispatcher: Dispatcher) -> None:
        self._settings = settings
        self._clock = clock
        self._db = db
        self._jobs = jobs
        self._dispatcher = dispatcher
        self._database = Outage(logger, "The database")
        self.running: set[asyncio.Task[None]] = set()

    async def run(self, ref: JobRef) -> None:
        """Run a job if it is due and nobody else has it. Raises nothing: what goes wrong is settled or comes again."""
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        try:
            claimed = await self._claim(ref)
            if claimed is not None:
                logs.request_id.set(claimed.request_id)
                await self._run_claimed(claimed)
            self._database.worked()
        except LeaseLost:
            logger.info("A job was given to another worker meanwhile.", extra={"job_id": ref.id})
        except Exception as problem:
            # Its row is as it was, or held until the lease ends: the sweep sends it again, whatever the reason was.
            if is_database_away(problem):
                self._database.failed(problem)
            else:
                logger.exception("A job could not be settled.", extra={"job_id": ref.id})
        finally:
            self.running.discard(task)

    async def _claim(self, ref: JobRef) -> ClaimedJob | None:
        now = self._clock.now()
        async with self._db.write(ref.tenant_id, SYSTEM) as tx:
            return await repository.claim(tx, ref.id, due_before=now + CLOCK_SKEW, lease_until=now + LEASE)

    async def _run_claimed(self, claimed: ClaimedJob) -> None:
        kind = self._jobs.get(claimed.name)
        if kind is None:
            # Written by a newer release: one of its workers will have it.
            logger.error("This worker does not know a kind of job.", extra={"job": claimed.name})
            await self._put_off(claimed, _UNKNOWN_KIND_DELAY, "the worker does not know this kind of job")
            return
        if kind.max_attempts is not None and claimed.tries > kind.max_attempts:
            await self._fail(claimed, f"given up after {kind.max_attempts} attempts, the last ones without an end")
            return
        context = JobContext(self._settings, self._clock, self._db, claimed, ringer=self._dispatcher.ring)
        try:
            async with self._keeping(claimed), asyncio.timeout(kind.timeout_seconds):
                await kind.handler(context)
                if not context.finished:
                    async with context.finish():
                        pass
        except asyncio.CancelledError:
            # The worker is stopping: another one need not wait for the lease to end.
            await self._put_off(claimed, timedelta(0), "the worker was stopped")
            raise
        except LeaseLost:
            raise
        except RetryLater as later:
            await self._retry(kind, claimed, later.delay, later.reason)
        except Exception as problem:
            # A handler may fail in any way; the job must not be lost with it.
            if context.finished:
                logger.exception("A job failed after it was done.", extra={"job": claimed.name})
            else:
                self._log_failure(claimed, problem)
                await self._retry(kind, claimed, _delay(claimed.tries), type(problem).__name__)
        if context.followers:
            await self._dispatcher.send(context.followers)
        await self._dispatcher.ring(context.rung)

    @asynccontextmanager
    async def _keeping(self, claimed: ClaimedJob) -> AsyncIterator[None]:
        """Renew the lease for the length of the block; the block is cancelled if the lease is lost."""
        worker = asyncio.current_task()
        assert worker is not None
        lost = False

        async def renew() -> None:
            nonlocal lost
            while True:
                await asyncio.sleep(RENEW_EVERY_SECONDS)
                lease_until = self._clock.now() + LEASE
                try:
                    async with self._db.write(claimed.ref.tenant_id, SYSTEM) as tx:
                        lost = not await repository.extend_lease(tx, claimed, lease_until=lease_until)
                except Exception as problem:
                    if not is_database_away(problem):
                        raise
                    # The next renewal may work; if none does, the lease ends.
                    self._database.failed(problem)
                if lost:
                    worker.cancel()
                    return

        renewing = asyncio.create_task(renew(), name=f"lease-{claimed.ref.id}")
        try:
            yield
        except asyncio.CancelledError:
            if lost and worker.uncancel() == 0:
                raise LeaseLost from None
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _retry(self, kind: JobKind, claimed: ClaimedJob, delay: timedelta, error: str) -> None:
        if kind.max_attempts is not None and claimed.tries >= kind.max_attempts:
            await self._fail(claimed, error)
        else:
            await self._put_off(claimed, delay, error)

    async def _put_off(self, claimed: ClaimedJob, delay: timedelta, error: str) -> None:
        async with self._db.write(claimed.ref.tenant_id, SYSTEM) as tx:
            await repository.put_off(tx, claimed, delay=delay, error=error)

    async def _fail(self, claimed: ClaimedJob, error: str) -> None:
        logger.error("A job has failed for good.", extra={"job": claimed.name, "job_id": claimed.ref.id})
        async with self._db.write(claimed.ref.tenant_id, SYSTEM) as tx:
            await repository.fail(tx, claimed, error=error)

    def _log_failure(self, claimed: ClaimedJob, problem: Exception) -> None:
        if isinstance(problem, DBAPIError) and is_database_away(problem):
            self._database.failed(problem)
        else:
            logger.error(
                "A job failed; it will be tried again.",
                exc_info=problem,
                extra={"job": claimed.name, "job_id": claimed.ref.id, "attempt": claimed.attempt},
            )


def _delay(attempt: int) -> timedelta:
    """2 s, 4 s, 8 s … 60 s, less up to a quarter, so that what failed together does not come back together."""
    return timedelta(seconds=min(_LONGEST_DELAY_SECONDS, 2.0 ** min(attempt, 10)) * random.uniform(0.75, 1.0))
