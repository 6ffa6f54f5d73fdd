"""Asks protected sites how they are, and notices those that have fallen silent. Runs in every worker; decides nothing.

One question a tick, whatever the number of queues: whose time has come? Whoever is taken comes up again by itself if
the worker dies meanwhile. The site is asked with no transaction open; what it says is weighed in one of its own.
"""

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from uuid import UUID

from app.admission.health import repository, rules, service
from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.errors import NotFound
from app.core.ids import Ref
from app.core.jobs.outage import Outage, is_database_away
from app.core.outbound import Answer, NoAnswer, fetch, network
from app.queues import service as queues
from app.queues.models import OriginHealth
from app.settings import Settings

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.5
_AT_ONCE = 16
"""Sites asked at a time. They are waited for, which costs nothing; their answers take a connection for a moment."""
_OF_ONE_TENANT = 4
"""Taken of one tenant at a time, and none while it has as many: who names a hundred silent sites delays nobody else."""
_CONNECTIONS = 2
# Longer than any answer takes: nobody else asks meanwhile.
_LEASE = timedelta(seconds=20)


class Looks:
    """Runs in the loop it is used from."""

    def __init__(self, settings: Settings, app: Database, system: Database) -> None:
        self._settings = settings
        self._every = timedelta(seconds=settings.health_poll_seconds)
        self._allowed = [network(text) for text in settings.outbound_networks]
        self._app = app
        self._system = system
        self._database = Outage(logger, "The database (origin health)")
        self._busy: dict[asyncio.Task[None], UUID] = {}

    async def run(self) -> None:
        """Tick until cancelled. What was asked meanwhile is asked again by somebody else."""
        try:
            while True:
                begun = await self._begin()
                if self._busy and (begun == 0 or len(self._busy) >= _AT_ONCE):
                    await asyncio.wait(self._busy, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                elif begun == 0:
                    await asyncio.sleep(TICK_SECONDS)
        finally:
            for task in self._busy:
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

    async def look_at_due(self) -> int:
        """Look at everything that is due now; how many queues that were."""
        count = 0
        while due := await self._take(_AT_ONCE, []):
            await asyncio.gather(*(self.look_at(ref) for ref in due))
            count += len(due)
        return count

    async def look_at(self, ref: Ref) -> None:
        """Ask one queue's site, if it names an address, or see whether it has been silent for too long."""
        async with self._app.read(ref.tenant_id) as tx:
            url = (await queues.get(tx, ref.id)).health_url
        if url is None:
            async with self._app.write(ref.tenant_id) as tx:
                await service.look_again(tx, ref.id)
            return
        seen, detail = await self._ask(url)
        async with self._app.write(ref.tenant_id) as tx:
            await service.answered(tx, ref.id, url, seen, detail, at_most_every=self._every)

    async def _ask(self, url: str) -> tuple[OriginHealth, str]:
        try:
            answer: Answer = await fetch(
                url,
                timeout_seconds=self._settings.health_timeout_seconds,
                body_bytes=rules.BODY_BYTES,
                allowed=self._allowed,
            )
        except NoAnswer as nothing:
            return OriginHealth.DOWN, nothing.reason
        return rules.verdict(answer)

    async def _begin(self) -> int:
        """Begin with what is due and fits; how many those are."""
        room = _AT_ONCE - len(self._busy)
        if room == 0:
            return 0
        asked = Counter(self._busy.values())
        try:
            due = await self._take(room, [tenant_id for tenant_id, count in asked.items() if count >= _OF_ONE_TENANT])
        except Exception as problem:  # noqa: BLE001 - written down; whatever it is, the next tick tries again
            self._note(problem, "Sites that are due could not be looked up; trying again.")
            await asyncio.sleep(self._database.pause_seconds())
            return 0
        self._database.worked()
        for ref in due:
            task = asyncio.create_task(self._surely_look_at(ref), name=f"look {ref.id}")
            self._busy[task] = ref.tenant_id
            task.add_done_callback(self._busy.pop)
        return len(due)

    async def _take(self, limit: int, without: list[UUID]) -> list[Ref]:
        async with self._system.write(None) as tx:
            return await repository.take_due(
                tx, now=tx.now(), again_at=tx.now() + _LEASE, limit=limit, share=_OF_ONE_TENANT, without=without
            )

    async def _surely_look_at(self, ref: Ref) -> None:
        try:
            await self.look_at(ref)
        except NotFound:
            pass  # the tenant is gone, with its queues
        except Exception as problem:  # noqa: BLE001 - written down; the others go on, and this one comes up again
            self._note(problem, "A site could not be looked at; trying again.")

    def _note(self, problem: Exception, text: str) -> None:
        if is_database_away(problem):
            self._database.failed(problem)
        else:
            logger.error(text, exc_info=problem)


async def run_looks(settings: Settings, clock: Clock | None = None) -> None:
    """Look in this loop until cancelled, with connections of its own."""
    clock = clock or SystemClock()
    app = Database(
        role_url(settings, APP_ROLE), secret=settings.secret, pool_size=_CONNECTIONS, name="vq-health", clock=clock
    )
    system = Database(
        role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=1, name="vq-health", clock=clock
    )
    try:
        await Looks(settings, app, system).run()
    finally:
        await app.dispose()
        await system.dispose()
