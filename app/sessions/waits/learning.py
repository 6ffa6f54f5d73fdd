"""The learners: what has happened in queues becomes what is known of their waits. Runs in every worker.

Nothing rings: one question a second, whatever the number of queues, finds those whose log goes on behind what was
learned. Each has one worker at a time, by its row; a portion is one transaction, so a worker that is killed has either
learned from it or not, and another one goes on where it stopped.
"""

import asyncio
import logging
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.core.actor import SYSTEM
from app.core.clock import Clock, SystemClock
from app.core.db import Database, Recorded
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.events import read_recorded
from app.core.ids import Ref
from app.core.jobs.outage import Outage, is_database_away
from app.queues.events import QUEUE
from app.sessions.line import read_event
from app.sessions.waits import repository
from app.sessions.waits.fold import Learner, Stored
from app.settings import Settings

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=5)
"""A queue is learned from so often at most: what is known changes slowly, and is read and written as a whole."""
KEEP: Final = timedelta(days=92)
PORTION: Final = 250
"""Events of one transaction: some 20 ms of work, in which everything else in this loop waits."""
_TICK_SECONDS: Final = 1.0
_AT_ONCE: Final = 64
_AFTER_FAILURE_SECONDS: Final = 60.0
_DELETED_AT_ONCE: Final = 5_000


class Learners:
    """Runs in the loop it is used from."""

    def __init__(self, app: Database, system: Database) -> None:
        self._app = app
        self._system = system
        self._database = Outage(logger, "The database (learners)")
        # Queues that cannot be learned from, until they are tried again.
        self._failed: dict[Ref, float] = {}
        # Queues with more than a portion: they go on at once, each in its turn.
        self._unfinished: list[Ref] = []

    async def run(self) -> None:
        """Learn until cancelled; what has begun is rolled back then."""
        while True:
            try:
                await self.once()
            except Exception as problem:
                if is_database_away(problem):
                    self._database.failed(problem)
                else:
                    logger.exception("Learning of waits failed; trying again.")
                await asyncio.sleep(max(_TICK_SECONDS, self._database.pause_seconds()))
            else:
                self._database.worked()
                await asyncio.sleep(0 if self._unfinished else _TICK_SECONDS)

    async def once(self, every: timedelta = EVERY) -> int:
        """A portion of each queue not looked at for so long, and of those that had more; how many queues that were."""
        now = asyncio.get_running_loop().time()
        self._failed = {ref: until for ref, until in self._failed.items() if until > now}
        async with self._system.read(None) as tx:
            behind = await repository.behind(tx, self._system.clock.now() - every, _AT_ONCE + len(self._failed))
        due = [ref for ref in dict.fromkeys([*behind, *self._unfinished]) if ref not in self._failed]
        self._unfinished = []
        for ref in due:
            try:
                if await learn_portion(self._app, ref) == PORTION:
                    self._unfinished.append(ref)
            except Exception as problem:
                if is_database_away(problem):
                    raise
                self._failed[ref] = now + _AFTER_FAILURE_SECONDS
                logger.exception("Nothing could be learned from a queue.", extra={"queueId": str(ref.id)})
        return len(due)


async def learn_portion(db: Database, ref: Ref) -> int:
    """Learn from the next events of one queue; how many there were. None while somebody else is at it."""
    async with db.write(ref.tenant_id, SYSTEM) as tx:
        held = await repository.hold(tx, ref.id)
        if held is None:
            return 0
        found = await read_recorded(tx, QUEUE, ref.id, after=held.revision, limit=PORTION)
        if not found:
            return 0
        events = [read_event(*each) for each in found]
        learner = _learner(held, found)
        sessions = {UUID(int=event.session_key) for event in events if event.session_key is not None}
        begun = await repository.begun(tx, ref.id, list(sessions))
        learner.learn(events, begun)
        if learner.samples:
            await repository.add(tx, ref.id, list(learner.samples.values()))
        if learner.decided:
            await repository.decide(tx, ref.id, learner.decided)
        await repository.keep(tx, ref.id, found[-1].revision, learner.rest())
    return len(found)


def _learner(held: repository.Held, found: Sequence[Recorded]) -> Learner:
    zone = ZoneInfo(held.time_zone)
    # Of a log whose beginning was deleted nothing is known before.
    revision = held.revision if held.stored.said is not None else found[0].revision - 1
    try:
        return Learner.at_rest(revision, held.stored, zone)
    except (ValueError, KeyError, TypeError, zlib.error):
        # Another release's: what was learned is lost, and learned again.
        logger.exception("What a queue had learned of its waits cannot be read; it begins anew.")
        return Learner.at_rest(found[0].revision - 1, Stored(), zone)


async def delete_old(system: Database) -> bool:
    """Delete samples nobody asks for any more, a portion; False while there are more."""
    async with system.write(None) as tx:
        return await repository.delete_before(tx, tx.now() - KEEP, _DELETED_AT_ONCE) < _DELETED_AT_ONCE


async def run_learners(settings: Settings, clock: Clock | None = None) -> None:
    """Run them in this loop until cancelled, with connections of their own."""
    app, system = (
        Database(
            role_url(settings, role),
            secret=settings.secret,
            pool_size=1,
            name="vq-learners",
            clock=clock or SystemClock(),
        )
        for role in (APP_ROLE, SYSTEM_ROLE)
    )
    try:
        await Learners(app, system).run()
    finally:
        await app.dispose()
        await system.dispose()
