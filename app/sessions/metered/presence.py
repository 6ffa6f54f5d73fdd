"""Which visitors are there, as one API process sees it, told to the database in batches. Ends nobody's place.

A visitor is there while a socket or stream is open that speaks with the session's token, and at each operation that
comes with it. Only comings and goings are written; that those who came are still there is one row for all of them,
which says that this process lives. So fifty thousand people who sit and wait cost what one does.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from app.core.clock import Clock
from app.core.db import Databases
from app.core.ids import new_id
from app.core.jobs.outage import Outage, is_database_away
from app.sessions.metered import presence_rows, repository
from app.sessions.metered.presence_rows import Seen

logger = logging.getLogger(__name__)

REPORT_SECONDS = 2.0
_AT_ONCE = 5_000


class _Tenant:
    """The visitors of one tenant."""

    __slots__ = ("is_known", "news", "open")

    def __init__(self) -> None:
        # How many sockets and streams each has open here.
        self.open: dict[UUID, int] = {}
        # When those were last seen whose row is not written yet.
        self.news: dict[UUID, datetime] = {}
        # Whether the tables have everybody who is not news.
        self.is_known = True


class Presence:
    """The visitors of one process."""

    def __init__(self, dbs: Databases, clock: Clock, report_seconds: float = REPORT_SECONDS) -> None:
        # Of this process alone, and of this run of it: what an earlier one has said is not ours to change.
        self.id = new_id()
        self._dbs = dbs
        self._clock = clock
        self._report_seconds = report_seconds
        self._tenants: dict[UUID, _Tenant] = {}
        self._task: asyncio.Task[None] | None = None
        self._database = Outage(logger, "The database (presence)")

    def start(self) -> None:
        """Begin to report."""
        self._task = asyncio.create_task(self._keep_reporting(), name="presence")

    async def stop(self) -> None:
        """Say who has gone with this process, and that it is no longer to be waited for."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        # Sockets that did not end in time end with the process.
        for tenant in self._tenants.values():
            tenant.news |= dict.fromkeys(tenant.open, self._clock.now())
            tenant.open.clear()
        try:
            await self._report_news()
            async with self._dbs.system.write(None) as tx:
                await presence_rows.leave(tx, self.id)
        except Exception:
            logger.exception("that this process stops could not be reported; it is taken for lost after a while")

    def arrived(self, tenant_id: UUID, session_id: UUID) -> None:
        """A socket or stream of a session's visitor is open."""
        tenant = self._of(tenant_id)
        if session_id not in tenant.open:
            tenant.news[session_id] = self._clock.now()
        tenant.open[session_id] = tenant.open.get(session_id, 0) + 1

    def left(self, tenant_id: UUID, session_id: UUID) -> None:
        """It is not any more."""
        tenant = self._of(tenant_id)
        still_open = tenant.open.pop(session_id, 1) - 1
        if still_open:
            tenant.open[session_id] = still_open
        else:
            tenant.news[session_id] = self._clock.now()

    def seen(self, tenant_id: UUID, session_id: UUID) -> None:
        """A session's visitor has asked for something."""
        tenant = self._of(tenant_id)
        if session_id not in tenant.open:
            tenant.news[session_id] = self._clock.now()

    async def report(self) -> None:
        """Tell the tables who has come and gone since, and then that this process is alive.

        In this order: whoever reads that it lives knows of everybody it has seen until then.
        """
        await self._report_news()
        async with self._dbs.system.write(None) as tx:
            await presence_rows.live(tx, self.id, tx.now_by_database(await repository.time(tx)))

    async def _report_news(self) -> None:
        if not self._tenants:
            return
        # Those who come while it is asked wait for the next report: nothing is known of their tenants.
        asked = dict(self._tenants)
        async with self._dbs.system.read(None) as tx:
            patient = await presence_rows.tenants_with_grace(tx, list(asked))
        for tenant_id, tenant in asked.items():
            if tenant_id in patient:
                await self._report_news_of(tenant_id, tenant)
            else:
                # Nobody loses a place there. Should that change, everybody is news.
                tenant.news, tenant.is_known = {}, False
            if not tenant.open and not tenant.news:
                del self._tenants[tenant_id]

    async def _report_news_of(self, tenant_id: UUID, tenant: _Tenant) -> None:
        if not tenant.is_known:
            now = self._clock.now()
            tenant.news = dict.fromkeys(tenant.open, now) | tenant.news
            tenant.is_known = True
        news = dict(tenant.news)
        if not news:
            return
        async with self._dbs.app.write(tenant_id) as tx:
            # What was seen is told by this machine's clock, and will be compared by the database's.
            ahead = tx.now_by_database(await repository.time(tx)) - self._clock.now()
            rows = [Seen(id, id in tenant.open, at + ahead) for id, at in news.items()]
            for start in range(0, len(rows), _AT_ONCE):
                await presence_rows.write(tx, self.id, rows[start : start + _AT_ONCE])
        for session_id, at in news.items():
            # Unless there is something newer to tell by now.
            if tenant.news.get(session_id) == at:
                del tenant.news[session_id]

    def _of(self, tenant_id: UUID) -> _Tenant:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = _Tenant()
        return tenant

    async def _keep_reporting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.report()
                self._database.worked()
            except Exception as problem:
                # Nothing is forgotten: it is told the next time, and until then nobody is taken for absent.
                if is_database_away(problem):
                    self._database.failed(problem)
                else:
                    logger.exception("who is present could not be reported; trying again")
            await asyncio.sleep(max(0.1, began + self._report_seconds - loop.time()))
