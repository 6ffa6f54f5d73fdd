"""Periodic work: each piece once per slot, with any number of workers. What there is to do is said elsewhere.

PostgreSQL holds when a piece is due; whoever is first has it. A worker that dies in it holds it until the lease ends,
so a piece must bear being done twice, and beside itself.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.jobs import repository_periodic as repository
from app.core.jobs.outage import Outage, heed_cancellation, is_database_away
from app.core.jobs.worker import Beside
from app.settings import Settings

logger = logging.getLogger(__name__)

_LOOK_AT_LEAST_EVERY = timedelta(seconds=30)
_SOON = timedelta(seconds=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A piece of periodic work. `work` is given the system's database, and has `lease` to end in.

    It answers False where not all of it could be done, which is tried again soon.
    """

    name: str
    every: timedelta
    work: Callable[[Database], Awaitable[object]]
    lease: timedelta = timedelta(minutes=10)


class Timetable:
    """Does what is due. One per process; many may run at once."""

    def __init__(self, system: Database, pieces: Sequence[Periodic]) -> None:
        if len({piece.name for piece in pieces}) != len(pieces):
            raise ValueError("two pieces of periodic work have one name")
        self._system = system
        self._pieces = pieces
        self._database = Outage(logger, "The database (timetable)")

    async def once(self, piece: Periodic) -> datetime:
        """Do a piece if it is due and nobody else has it. Returns when to look again."""
        async with self._system.write(None) as tx:
            held = await repository.hold(tx, piece.name, until=tx.now() + piece.lease)
            if held is None:
                return min(await repository.due_at(tx, piece.name), tx.now() + _LOOK_AT_LEAST_EVERY)
        limit = asyncio.timeout(piece.lease.total_seconds())
        try:
            async with limit:
                error = "not all of it could be done" if await piece.work(self._system) is False else None
        except Exception as problem:
            # Nobody restarts a worker at night: whatever it stumbles over, it says so and tries again.
            if is_database_away(problem) and not limit.expired():
                raise
            logger.exception("Periodic work failed; it will be tried again.", extra={"piece": piece.name})
            error = type(problem).__name__
        heed_cancellation()
        async with self._system.write(None) as tx:
            now = tx.now()
            next_slot = slot_after(now, piece.every)
            if error is None:
                await repository.end(tx, piece.name, held.run, due_at=next_slot)
                return next_slot
            again: datetime = min(next_slot, now + _SOON * 2.0 ** min(held.failures, 8))
            await repository.fail(tx, piece.name, held.run, due_at=again, error=error)
            return again

    async def keep(self, piece: Periodic) -> None:
        """Do a piece whenever it is due, until cancelled. Outlasts PostgreSQL's being away."""
        while True:
            try:
                look_at = await self.once(piece)
            except Exception as problem:
                if not is_database_away(problem):
                    logger.exception("The timetable failed; trying again.", extra={"piece": piece.name})
                self._database.failed(problem)
                await asyncio.sleep(max(1.0, self._database.pause_seconds()))
            else:
                self._database.worked()
                wait = (look_at - self._system.clock.now()).total_seconds()
                # Apart from each other: all workers look at the same slots.
                await asyncio.sleep(max(0.0, min(wait, _LOOK_AT_LEAST_EVERY.total_seconds())) + random.uniform(0, 0.2))


def slot_after(now: datetime, every: timedelta) -> datetime:
    """The next slot: slots are whole multiples of `every` since 1970, so that all workers mean the same ones."""
    passed: int = (now - _EPOCH) // every
    return _EPOCH + (passed + 1) * every


def timetable(pieces: Sequence[Periodic], clock: Clock | None = None) -> Beside:
    """What a worker runs beside its jobs."""

    async def run(settings: Settings) -> None:
        system = Database(
            role_url(settings, SYSTEM_ROLE),
            secret=settings.secret,
            pool_size=2,
            clock=clock or SystemClock(),
            name="vq-timetable",
        )
        table = Timetable(system, pieces)
        try:
            async with asyncio.TaskGroup() as tasks:
                for piece in pieces:
                    tasks.create_task(table.keep(piece), name=f"periodic {piece.name}")
        finally:
            await system.dispose()

    return run
