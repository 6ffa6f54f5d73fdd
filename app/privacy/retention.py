"""What is kept too long is destroyed, tenant by tenant, as each has set it. No job: it runs beside them.

Any number may run: whatever one of them has destroyed, the others do not find.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from app.core.clock import Clock, SystemClock
from app.core.db import Database
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.jobs.outage import is_database_away
from app.identity.models import Login
from app.notifications.models import Notification
from app.privacy import repository
from app.privacy.models import Retention
from app.privacy.work import blank
from app.sessions.models import SessionNote
from app.settings import Settings

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3_600.0
_AGAIN_SECONDS = 60.0
_BATCH = 500


async def run_retention(settings: Settings, clock: Clock | None = None) -> None:
    """Look in this loop every hour until cancelled, with a connection of its own."""
    system = Database(
        role_url(settings, SYSTEM_ROLE),
        secret=settings.secret,
        pool_size=1,
        clock=clock or SystemClock(),
        name="vq-retention",
    )
    try:
        while True:
            try:
                is_done = await apply_all(system)
            except Exception as problem:
                if not is_database_away(problem):
                    logger.exception("Retention failed; it will be tried again.")
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                await asyncio.sleep(EVERY_SECONDS if is_done else _AGAIN_SECONDS)
    finally:
        await system.dispose()


async def apply_all(system: Database) -> bool:
    """Destroy what is over in every tenant, and export files whose time is over; whether all went well."""
    async with system.write(None) as tx:
        await repository.forget_contents(tx, tx.now())
    async with system.read(None) as read:
        retentions = list(await repository.retentions(read))
    is_done = True
    for retention in retentions:
        try:
            await _apply(system, retention)
        except Exception as problem:
            if is_database_away(problem) and not _is_answer(problem):
                raise
            # What keeps one tenant from it keeps nobody else.
            logger.exception("Retention failed for a tenant; it will be tried again.")
            is_done = False
    return is_done


def _is_answer(problem: Exception) -> bool:
    """Whether PostgreSQL is there, and has given this answer."""
    return isinstance(problem, DBAPIError) and problem.orig is not None and not problem.connection_invalidated


async def _apply(system: Database, kept: Retention) -> None:
    now = system.clock.now()
    if kept.session_days is not None:
        await _blank_sessions(system, kept, _days_before(now, kept.session_days))
    if kept.login_days is not None:
        async with system.write(kept.tenant_id) as tx:
            await repository.delete_before(tx, Login, "expires_at", _days_before(now, kept.login_days))
    if kept.notification_days is not None:
        before = _days_before(now, kept.notification_days)
        async with system.write(kept.tenant_id) as tx:
            await repository.delete_before(tx, Notification, "created_at", before)
    if kept.origin_days is not None:
        before, erased = _days_before(now, kept.origin_days), _BATCH
        while erased == _BATCH:
            async with system.write(kept.tenant_id) as tx:
                erased = await repository.forget_origins_before(tx, before, limit=_BATCH)


async def _blank_sessions(system: Database, kept: Retention, before: datetime) -> None:
    done = _BATCH
    while done == _BATCH:
        async with system.write(kept.tenant_id) as tx:
            sessions = await repository.stale_sessions(tx, before, limit=_BATCH)
            for session in sessions:
                blank(session)
            await repository.delete_rows(tx, SessionNote, "session_id", [session.id for session in sessions])
            done = len(sessions)


def _days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
