"""Which reports are due: found once for each slot, however many workers look. What is due is made by a job.

Who looks writes the run, what was missed and when the next one is in one transaction, while holding the report.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.core.db import Database, WriteTx
from app.core.events import record
from app.core.ids import new_id
from app.core.jobs.outage import is_database_away
from app.reports import repository, rules
from app.reports.events import REPORT_RUN, ReportRunMissed, ReportRunStarted
from app.reports.models import ReportRun, ReportRunStatus, ReportTrigger, SavedReport
from app.reports.periods import days_of
from app.reports.service import schedule_of, zone_of_days, zone_of_tenant

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=30)
_AT_ONCE: Final = 50


async def look(system: Database) -> bool:
    """Begin every run whose time has come, of all tenants; False if some could not be begun."""
    async with system.read(None) as tx:
        tenants = await repository.tenants_due(tx, system.clock.now())
    is_complete = True
    for tenant_id in tenants:
        more = True
        while more:
            try:
                async with system.write(tenant_id) as tx:
                    more = await look_at_tenant(tx) == _AT_ONCE
            except Exception as problem:
                if is_database_away(problem):
                    raise
                # Of one tenant: everybody else's reports must not wait for it.
                logger.exception("Reports of a tenant could not be begun; trying again.", extra={"tenant": tenant_id})
                is_complete = more = False
    return is_complete


async def look_at_tenant(tx: WriteTx) -> int:
    """Begin some of one tenant's; how many reports that were."""
    now, zone = tx.now(), await zone_of_tenant(tx)
    found = await repository.hold_due(tx, now, _AT_ONCE)
    for report in found:
        schedule = schedule_of(report)
        assert schedule is not None, "what has no schedule has no next slot"
        assert report.next_due_at is not None, "it was found by it"
        due = rules.due(schedule, report.next_due_at, now, zone)
        of_days = await zone_of_days(tx, report)
        for slot in due.missed:
            _write(tx, report, slot, of_days, ReportRunStatus.MISSED)
        if due.made is not None:
            _write(tx, report, due.made, of_days, ReportRunStatus.PENDING)
        report.next_due_at = due.next_at
    await tx.flush()
    return len(found)


def _write(tx: WriteTx, report: SavedReport, slot: datetime, zone: ZoneInfo, status: ReportRunStatus) -> None:
    now, is_missed = tx.now(), status is ReportRunStatus.MISSED
    days = days_of(report.period, slot.astimezone(zone).date())
    run = ReportRun(
        tenant_id=tx.tenant,
        id=new_id(),
        report_id=report.id,
        trigger=ReportTrigger.SCHEDULED,
        slot=slot,
        status=status,
        format=report.format,
        first_day=days.first,
        last_day=days.last,
        locale=report.locale,
        error="Nothing was running to make it when it was due." if is_missed else None,
        created_at=now,
        created_by=tx.actor.label,
        finished_at=now if is_missed else None,
    )
    tx.add(run)
    event = ReportRunMissed(report.id, slot) if is_missed else ReportRunStarted(report.id, slot)
    record(tx, REPORT_RUN, run.id, run.revision, event, now)
