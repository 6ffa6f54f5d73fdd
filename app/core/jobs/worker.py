"""The worker: Dramatiq's threads fetch messages and wait, one asyncio loop does the work.

Dramatiq runs inside this process instead of through its command line, so that there is one loop, one pool of
connections and one way to stop; more workers are more processes.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import suppress
from threading import Event, Thread
from types import MappingProxyType
from uuid import UUID

import dramatiq

from app.core.clock import SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, role_url
from app.core.jobs.alive import keep_showing
from app.core.jobs.broker import receiving_broker, redis_url
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.kinds import Jobs
from app.core.jobs.lanes import Lane
from app.core.jobs.repository import JobRef
from app.core.jobs.runner import JobRunner
from app.core.live.connection import connect_redis
from app.settings import Settings

logger = logging.getLogger(__name__)

_THREADS: Mapping[Lane, int] = MappingProxyType({Lane.URGENT: 8, Lane.NORMAL: 8, Lane.BULK: 4})
"""Jobs at a time. They wait for mail servers more than they compute, and share the pool of database connections."""

_POLL_MS = 200
# `vq up` gives its processes five seconds to stop.
_GRACE_SECONDS = 2.5
_LAST_SECONDS = 1.5


Beside = Callable[[Settings], Awaitable[None]]
"""Work that is no job: it runs beside them, until it is cancelled."""


def main(settings: Settings, jobs: Jobs, beside: Sequence[Beside] = ()) -> None:
    """Run a worker in this process until SIGTERM or SIGINT."""
    with suppress(asyncio.CancelledError):
        asyncio.run(_until_signal(settings, jobs, beside))


async def run_worker(settings: Settings, jobs: Jobs, beside: Sequence[Beside] = ()) -> None:
    """Run a worker in this loop until cancelled. Jobs under way get some seconds to end; the rest is given back."""
    db = Database(
        role_url(settings, APP_ROLE), secret=settings.secret, pool_size=settings.database_pool_size, name="vq-worker"
    )
    dispatcher = Dispatcher(settings)
    redis = connect_redis(redis_url(settings), max_connections=1)
    runner = JobRunner(settings, SystemClock(), db, jobs, dispatcher)
    loop, stopping = asyncio.get_running_loop(), Event()

    def run(tenant_id: str, job_id: str) -> None:
        """What Dramatiq calls, in one of its threads. Raises nothing: a message that was not served comes again."""
        if stopping.is_set():
            return
        job = asyncio.run_coroutine_threadsafe(runner.run(JobRef(UUID(tenant_id), UUID(job_id))), loop)
        try:
            job.result()
        except FutureCancelledError:
            logger.info("A job was interrupted; another worker will have it.", extra={"job_id": job_id})

    # Each lane has threads of its own: a thousand newsletters leave those alone that tell somebody it is their turn.
    workers = [
        dramatiq.Worker(
            receiving_broker(settings, stopping, run, lane), worker_timeout=_POLL_MS, worker_threads=threads
        )
        for lane, threads in _THREADS.items()
    ]
    showing = asyncio.create_task(keep_showing(redis, settings, "worker"), name="alive")
    try:
        for worker in workers:
            await asyncio.to_thread(worker.start)
        logger.info("Worker started.", extra={"kinds": sorted(jobs)})
        await asyncio.gather(asyncio.Event().wait(), *(work(settings) for work in beside))
    finally:
        stopping.set()
        showing.cancel()
        await _stop(workers, runner)
        await dispatcher.close()
        await redis.aclose()
        await db.dispose()
        logger.info("Worker stopped.")


async def _until_signal(settings: Settings, jobs: Jobs, beside: Sequence[Beside]) -> None:
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, this.cancel)
    await run_worker(settings, jobs, beside)


async def _stop(workers: Sequence[dramatiq.Worker], runner: JobRunner) -> None:
    loop = asyncio.get_running_loop()
    stopped = [asyncio.Event() for _ in workers]

    def stop(worker: dramatiq.Worker, done: asyncio.Event) -> None:
        try:
            worker.stop(timeout=int(1000 * (_GRACE_SECONDS + _LAST_SECONDS)))
        except Exception:
            # Redis is away: what was fetched cannot be given back to it. The sweep sends it again.
            logger.info("Dramatiq could not give back what it had fetched.", exc_info=True)
        loop.call_soon_threadsafe(done.set)

    # Not the loop's executor: the process would wait for these threads, however long Redis is away.
    for each in zip(workers, stopped, strict=True):
        Thread(target=stop, args=each, name="stop-dramatiq", daemon=True).start()
    if runner.running:
        await asyncio.wait(runner.running, timeout=_GRACE_SECONDS)
    for job in runner.running:
        job.cancel()
    try:
        async with asyncio.timeout(_LAST_SECONDS):
            if runner.running:
                await asyncio.wait(runner.running)
            for each_stopped in stopped:
                await each_stopped.wait()
    except TimeoutError:
        logger.warning("The worker did not stop in time; what it held is taken over when the lease ends.")
