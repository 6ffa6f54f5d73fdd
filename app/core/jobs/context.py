"""What a job's handler works with: transactions of the job's tenant that count only while the job is held."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.clock import Clock
from app.core.db import Database, ReadTx, WriteTx
from app.core.jobs import repository
from app.core.jobs.repository import ClaimedJob, JobRef, NewJob
from app.settings import Settings

if TYPE_CHECKING:
    from app.core.jobs.kinds import JobKind

SEND_AGAIN_AFTER = timedelta(seconds=10)
"""A sent job nobody has claimed is sent again: longer than a busy worker's backlog usually waits, and no flood."""


_FOLLOWERS = "followers"


async def write_jobs(tx: WriteTx, jobs: Sequence[NewJob]) -> None:
    """Write jobs in whatever block: what a job writes is sent after its commit, the rest by the next sweep (1 s)."""
    followers: list[JobRef] | None = tx.info.get(_FOLLOWERS)
    now = tx.now()
    written = await repository.write(tx, jobs, send_at=now if followers is None else now + SEND_AGAIN_AFTER)
    if followers is not None:
        later = {job.id for job in jobs if job.due_at is not None and job.due_at > now}
        followers += [ref for ref in written if ref.id not in later]


def jobs_of(tx: WriteTx) -> list[JobRef]:
    """What this block writes to be done at once, from here on: for who sends, or runs, it after the commit."""
    jobs: list[JobRef] = tx.info.setdefault(_FOLLOWERS, [])
    return jobs


class LeaseLost(Exception):
    """The job was given to another worker meanwhile: nothing more may be written for it here."""


@dataclass(slots=True)
class JobContext:
    """One claimed job. Its blocks are bound to its tenant; each of them rolls back with `LeaseLost` if it was lost."""

    settings: Settings
    clock: Clock
    db: Database
    claimed: ClaimedJob
    finished: bool = False
    followers: list[JobRef] = field(default_factory=list)
    rung: set[str] = field(default_factory=set)
    ringer: Callable[[Collection[str]], Awaitable[None]] | None = None

    @property
    def tenant_id(self) -> UUID:
        """Whose job it is."""
        return self.claimed.ref.tenant_id

    @property
    def args(self) -> dict[str, Any]:
        """What the job was written with."""
        return self.claimed.args

    @property
    def attempt(self) -> int:
        """How often it has been claimed since it was written, or given another chance; this time included."""
        return self.claimed.tries

    def read(self) -> AbstractAsyncContextManager[ReadTx]:
        """A read-only block."""
        return self.db.read(self.tenant_id)

    @asynccontextmanager
    async def write(self, *, fenced: bool = True) -> AsyncIterator[WriteTx]:
        """A block for a step on the way. Not `fenced`: it counts although the lease was lost."""
        async with self._block() as tx:
            yield tx
            if not await repository.holds(tx, self.claimed) and fenced:
                raise LeaseLost

    @asynccontextmanager
    async def finish(self, *, fenced: bool = True) -> AsyncIterator[WriteTx]:
        """The last block: what is done in it and the job's being done are one commit. `fenced` as for `write`."""
        async with self._block() as tx:
            yield tx
            if not await repository.finish(tx, self.claimed) and fenced:
                raise LeaseLost
        self.finished = True

    async def then(self, tx: WriteTx, kind: "JobKind", args: dict[str, Any], *, dedupe_key: str) -> None:
        """Write another job, in the `finish` block; it is sent after the commit."""
        new = NewJob(self.tenant_id, kind.name, args, dedupe_key, self.claimed.request_id, lane=kind.lane)
        await write_jobs(tx, [new])

    def ring(self, topic: str) -> None:
        """Tell who listens to a topic to look, once the handler is done; for what is committed. It may be lost."""
        self.rung.add(topic)

    async def ring_now(self, topic: str) -> None:
        """The same at once, for what a long job has committed on its way."""
        if self.ringer is not None:
            await self.ringer([topic])

    @asynccontextmanager
    async def _block(self) -> AsyncIterator[WriteTx]:
        written: list[JobRef] = []
        async with self.db.write(self.tenant_id, SYSTEM, self.claimed.request_id) as tx:
            tx.info[_FOLLOWERS] = written
            yield tx
        self.followers += written
