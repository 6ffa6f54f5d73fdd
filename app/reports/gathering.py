"""What a report says, asked of analytics: the figures of its days, and the names that go with them.

All of it is read in one block, so that no two numbers of a report are of different moments.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.analytics import service as analytics
from app.analytics.figures import Granularity, Period
from app.core.db import ReadTx
from app.identity import repository as users
from app.identity.models import User
from app.queues import repository as queues
from app.reports import repository
from app.reports.content import Content, Days, QueueRow, ReportSection, StaffRow
from app.reports.models import ReportRun, SavedReport
from app.reports.periods import days_before, instants
from app.reports.service import zone_of_days
from app.tenants import repository as tenants

MOST_ROWS: Final = 100
"""Of a table: whoever has more queues or staff asks for an export."""

_HOUR_BY_HOUR: Final = timedelta(days=8)


async def gather(tx: ReadTx, report: SavedReport, run: ReportRun, now: datetime) -> Content:
    """All of a report. What no section asks for is not asked for here either."""
    tenant = await tenants.get(tx, tx.tenant)
    sections = tuple(ReportSection(each) for each in report.sections)
    chosen = [UUID(each) for each in report.queue_ids]
    named = {id: queue for id, (queue, _) in (await queues.with_lines(tx, chosen)).items()}
    of = chosen or None
    zone = await zone_of_days(tx, report)
    days = Days(run.first_day, run.last_day)
    period = instants(days, zone)
    is_short = period.ends - period.starts <= _HOUR_BY_HOUR
    by_day = Granularity.HOUR if days.first == days.last else Granularity.DAY
    asked = await analytics.ask(tx, of, period, now=now, granularity=by_day)
    series = await analytics.series(tx, asked)
    waits = series
    if is_short and by_day is not Granularity.HOUR and ReportSection.WAITS in sections:
        waits = await analytics.queue_figures(tx, of, period, now=now, granularity=Granularity.HOUR)
    _, before = await analytics.previous_figures(tx, asked)
    return Content(
        title=report.name,
        tenant_name=tenant.name,
        sections=sections,
        queue_names=tuple(named[id].name for id in chosen if id in named),
        days=days,
        days_before=days_before(days),
        time_zone=series.time_zone,
        made_at=now,
        series=series,
        waits=waits,
        before=before,
        heat_map=tuple(await analytics.heat_map(tx, asked)) if ReportSection.HEAT_MAP in sections else (),
        positions=(
            tuple(await analytics.abandonment_by_position(tx, asked)) if ReportSection.ABANDONMENT in sections else ()
        ),
        queues=tuple(await _queues(tx, chosen, period, now)) if ReportSection.QUEUES in sections else (),
        staff=tuple(await _staff(tx, period, now)) if ReportSection.STAFF in sections else (),
    )


async def _queues(tx: ReadTx, chosen: Sequence[UUID], period: Period, now: datetime) -> list[QueueRow]:
    """Queue by queue, by name; those nothing happened in are left out."""
    names = await repository.queue_names(tx, chosen or None, MOST_ROWS)
    rows = []
    for id, name in names:
        found = await analytics.queue_figures(tx, [id], period, now=now, granularity=Granularity.MONTH)
        if found.total.arrived_count or found.total.called_count:
            rows.append(QueueRow(name, found.total))
    return rows


async def _staff(tx: ReadTx, period: Period, now: datetime) -> list[StaffRow]:
    found = (await analytics.staff_figures(tx, period, now=now))[:MOST_ROWS]
    people = await users.by_ids(tx, [each.user_id for each in found])
    return [StaffRow(_name(people[each.user_id]), each) for each in found if each.user_id in people]


def _name(user: User) -> str:
    whole = " ".join(part for part in (user.first_name, user.last_name) if part)
    return whole or user.email
