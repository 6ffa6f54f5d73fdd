"""The clockwork: does in lines what only time causes. Runs in every worker; the lines share out which does which.

It asks one question a tick, whatever the number of queues: whose time has come? Each line that answers gets a
transaction of its own, unless somebody holds it: whoever changes a line settles it too. A worker that is killed leaves
nothing behind: what it had not committed is still due, and another one does it.
"""

import asyncio
import logging
from datetime import timedelta

from app.core.actor import SYSTEM
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.ids import Ref
from app.core.jobs.outage import Outage, is_database_away
from app.queues.line import hold, keep, lock
from app.schedules.service import apply_due
from app.sessions.metered import presence_rows, repository
from app.sessions.metered.absence import LOST_AFTER
from app.sessions.metered.settle import settle
from app.settings import Settings

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""How late what only time causes may be noticed."""
_AT_ONCE = 4
"""Lines at a time; each takes a connection, and some milliseconds."""
_LOOKED_AT = 64
# Portions of a long line, and many lines, come one after the other: so often is asked who is next.
_LEAST_SECONDS = 0.01
_AFTER_FAILURE_SECONDS = 5.0
_FORGET_SECONDS = 60.0
_FORGOTTEN_AT_ONCE = 5_000
FORGOTTEN_AFTER = timedelta(minutes=10)
"""Releases are numbered for the rate's sake, which looks back for one minute."""


class Clockwork:
    """Runs in the loop it is used from."""

    def __init__(self, app: Database, system: Database) -> None:
        self._app = app
        self._system = system
        self._database = Outage(logger, "The database (clockwork)")
        self._busy: dict[Ref, asyncio.Task[None]] = {}
        # Lines that cannot be settled, until they are tried again: the others must not wait for them.
        self._failed: dict[Ref, float] = {}
        self._forgets_at = 0.0

    async def run(self) -> None:
        """Tick until cancelled; what has begun is rolled back then."""
        try:
            while True:
                pause = await self._tick()
                if self._busy:
                    await asyncio.wait(self._busy.values(), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.sleep(_LEAST_SECONDS)
                else:
                    await asyncio.sleep(pause)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def do_due(self) -> int:
        """Everything that is due now, however much that is; how many lines were looked at."""
        count = 0
        while due := (await self._due())[0]:
            for ref in due:
                await settle_due(self._app, ref)
            count += len(due)
        return count

    async def _tick(self) -> float:
        """Begin with what is due and fits; how long nothing will be, at most `TICK_SECONDS`."""
        now = asyncio.get_running_loop().time()
        try:
            if now >= self._forgets_at:
                self._forgets_at = now + _FORGET_SECONDS
                await self._forget()
            due, next_in = await self._due()
        except Exception as problem:
            if is_database_away(problem):
                self._database.failed(problem)
            else:
                logger.exception("The clockwork failed; trying again.")
            return max(TICK_SECONDS, self._database.pause_seconds())
        self._database.worked()
        self._failed = {ref: until for ref, until in self._failed.items() if until > now}
        for ref in due:
            if len(self._busy) < _AT_ONCE and ref not in self._busy and ref not in self._failed:
                self._busy[ref] = asyncio.create_task(self._settle(ref), name=f"clockwork {ref.id}")
        return min(TICK_SECONDS, max(next_in, _LEAST_SECONDS))

    async def _due(self) -> tuple[list[Ref], float]:
        """Lines whose time has come, longest first, and in how many seconds the next one's will."""
        async with self._system.read(None) as tx:
            found = await repository.next_due(tx, _LOOKED_AT + len(self._busy) + len(self._failed))
        if not found:
            return [], TICK_SECONDS
        now = self._system.clock.by_database(found[0].now)
        later = [(one.due_at - now).total_seconds() for one in found if one.due_at > now]
        return [one.ref for one in found if one.due_at <= now], later[0] if later else TICK_SECONDS

    async def _settle(self, ref: Ref) -> None:
        try:
            await settle_due(self._app, ref)
        except Exception as problem:
            if is_database_away(problem):
                self._database.failed(problem)
            else:
                self._failed[ref] = asyncio.get_running_loop().time() + _AFTER_FAILURE_SECONDS
                logger.exception("A line could not be settled; trying again.", extra={"queueId": str(ref.id)})
        finally:
            del self._busy[ref]

    async def _forget(self) -> None:
        async with self._system.write(None) as tx:
            now = tx.now_by_database(await repository.time(tx))
            await repository.forget_releases(tx, now - FORGOTTEN_AFTER)
            await presence_rows.forget(tx, now - LOST_AFTER, _FORGOTTEN_AT_ONCE)


async def settle_due(db: Database, ref: Ref) -> bool:
    """Do what is due in one line: first its schedule, then whatever follows for its visitors; whether anything was.

    Nothing while somebody else holds the line: they settle it themselves.
    """
    async with db.write(ref.tenant_id, SYSTEM) as tx:
        claimed = await repository.claim(tx, ref.id)
        if claimed is None or claimed.due_at > tx.now_by_database(claimed.now):
            return False
        if claimed.schedule_due_at is None or claimed.schedule_due_at > tx.now_by_database(claimed.now):
            line = await settle(tx, await hold(tx, ref.id))
            await keep(tx, line)
        else:
            line = await apply_due(tx, await lock(tx, ref.id))
            await settle(tx, line)
    return True


async def run_clockwork(settings: Settings, clock: Clock | None = None) -> None:
    """Run one in this loop until cancelled, with connections of its own."""
    app = Database(
        role_url(settings, APP_ROLE),
        secret=settings.secret,
        pool_size=_AT_ONCE,
        name="vq-clockwork",
        clock=clock or SystemClock(),
    )
    system = Database(
        role_url(settings, SYSTEM_ROLE),
        secret=settings.secret,
        pool_size=1,
        name="vq-clockwork",
        clock=clock or SystemClock(),
    )
    try:
        await Clockwork(app, system).run()
    finally:
        await app.dispose()
        await system.dispose()
