"""What is kept too long is destroyed, tenant by tenant, as each has set it. When is the timetable's business.

Any number may run: whatever one of them has destroyed, the others do not find. It goes in portions, each a transaction
of its own that waits for nobody; rows that somebody holds are found the next time.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app.core.db import Database
from app.core.jobs.outage import is_database_away
from app.identity.models import Login
from app.notifications.models import Notification
from app.notifications.replies.models import NotificationReply
from app.privacy import repository
from app.privacy.models import Retention
from app.privacy.work import blank
from app.ratings import repository as ratings

logger = logging.getLogger(__name__)

_BATCH = 500


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
        before = _days_before(now, kept.session_days)
        await _blank_sessions(system, kept, before)
        await _forget_comments(system, kept, before)
    if kept.login_days is not None:
        await _delete(system, kept, Login, "expires_at", _days_before(now, kept.login_days))
    if kept.notification_days is not None:
        before = _days_before(now, kept.notification_days)
        await _delete(system, kept, Notification, "created_at", before)
        await _delete(system, kept, NotificationReply, "received_at", before)
    if kept.origin_days is not None:
        before, erased = _days_before(now, kept.origin_days), _BATCH
        while erased == _BATCH:
            async with system.write(kept.tenant_id) as tx:
                erased = await repository.forget_origins_before(tx, before, limit=_BATCH)


async def _delete(system: Database, kept: Retention, kind: type[SQLModel], column: str, before: datetime) -> None:
    done = _BATCH
    while done == _BATCH:
        async with system.write(kept.tenant_id) as tx:
            done = await repository.delete_before(tx, kind, column, before, limit=_BATCH)


async def _blank_sessions(system: Database, kept: Retention, before: datetime) -> None:
    done = _BATCH
    while done == _BATCH:
        async with system.write(kept.tenant_id) as tx:
            sessions = await repository.stale_sessions(tx, before, limit=_BATCH)
            for session in sessions:
                blank(session)
            await repository.delete_about_sessions(tx, [session.id for session in sessions])
            done = len(sessions)


async def _forget_comments(system: Database, kept: Retention, before: datetime) -> None:
    """By their own age: a visit can be rated when its session says nothing any more."""
    done = _BATCH
    while done == _BATCH:
        async with system.write(kept.tenant_id) as tx:
            done = await ratings.forget_comments_before(tx, before, limit=_BATCH)


def _days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
