"""What can be done with reports: keep, change, delete, run. Making one is `making.py`'s, finding that it is due
`due.py`'s work.

Whom a report is sent to its tenant's people decide: users, and with a permission of its own any address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

from app.core.db import ReadTx, WriteTx
from app.core.errors import InvalidInput, NotFound, RateLimited
from app.core.events import Event, record
from app.core.idempotency import first_result, remember
from app.core.ids import new_id
from app.identity import repository as users
from app.identity.models import Role, UserStatus
from app.identity.permissions import Permission
from app.queues import repository as queues
from app.reports import repository, rules
from app.reports.content import ReportSection
from app.reports.errors import ReportRunning
from app.reports.events import (
    REPORT_RUN,
    SAVED_REPORT,
    ReportRunStarted,
    SavedReportCreated,
    SavedReportDeleted,
    SavedReportUpdated,
)
from app.reports.models import ReportFormat, ReportRecipient, ReportRun, ReportTrigger, SavedReport
from app.reports.periods import RelativePeriod, days_of
from app.reports.rules import Addressee
from app.reports.schedule import Schedule
from app.tenants import service as tenants
from app.tenants.errors import LimitReached

_SCOPE: Final = "savedReportRun"
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as it is asked for."""

    name: str
    period: RelativePeriod
    sections: Sequence[ReportSection] = tuple(ReportSection)
    queue_ids: Sequence[UUID] = ()
    format: ReportFormat = ReportFormat.PDF
    locale: str | None = None
    schedule: Schedule | None = None
    recipients: Sequence[Addressee] = ()


class ReportChanges(TypedDict, total=False):
    """What is to be different. `schedule` None: never by itself; `recipients` are all of them."""

    name: str
    period: RelativePeriod
    sections: Sequence[ReportSection]
    queue_ids: Sequence[UUID]
    format: ReportFormat
    locale: str | None
    schedule: Schedule | None
    recipients: Sequence[Addressee]
    is_paused: bool


def schedule_of(report: SavedReport) -> Schedule | None:
    """When it is due; None: never by itself."""
    if report.frequency is None or report.due_time is None:
        return None
    return Schedule(report.frequency, report.due_time, report.weekday, report.month_day)


async def create(tx: WriteTx, new: NewReport) -> SavedReport:
    """Keep a report. Raises `InvalidInput`, `LimitReached`, `NotFound` (of a queue), `Forbidden` (of addresses)."""
    now, who = tx.now(), tx.actor.label
    rules.ensure_schedule(new.schedule)
    report = SavedReport(
        tenant_id=tx.tenant,
        id=new_id(),
        name=rules.ensure_name(new.name),
        queue_ids=await _queue_ids(tx, new.queue_ids),
        sections=rules.ensure_sections(new.sections),
        period=new.period,
        format=new.format,
        locale=rules.ensure_locale("locale", new.locale),
        created_at=now,
        created_by=who,
        updated_at=now,
        updated_by=who,
    )
    _put_schedule(report, new.schedule)
    await _plan(tx, report)
    recipients = rules.ensure_addressees(new.recipients)
    # Held, so that of several who create at once nobody goes past the limit.
    await tenants.hold_limits(tx)
    if await repository.count(tx) >= rules.MAX_REPORTS:
        raise LimitReached("savedReports", rules.MAX_REPORTS)
    tx.add(report)
    await tx.flush()
    await _send_to(tx, report, [], recipients)
    record(tx, SAVED_REPORT, report.id, report.revision, SavedReportCreated(report.name), now)
    return report


async def update(tx: WriteTx, report_id: UUID, changes: ReportChanges) -> SavedReport:
    """Change some of a report; nothing is recorded if everything is so already. Raises what `create` does."""
    report = await repository.lock(tx, report_id)
    wanted: dict[str, Any] = {}
    if "name" in changes:
        wanted["name"] = rules.ensure_name(changes["name"])
    if "period" in changes:
        wanted["period"] = changes["period"]
    if "sections" in changes:
        wanted["sections"] = rules.ensure_sections(changes["sections"])
    if "queue_ids" in changes:
        wanted["queue_ids"] = await _queue_ids(tx, changes["queue_ids"])
    if "format" in changes:
        wanted["format"] = changes["format"]
    if "locale" in changes:
        wanted["locale"] = rules.ensure_locale("locale", changes["locale"])
    if "is_paused" in changes:
        wanted["is_paused"] = changes["is_paused"]
    changed = sorted(name for name, value in wanted.items() if getattr(report, name) != value)
    for name in changed:
        setattr(report, name, wanted[name])
    if "schedule" in changes and changes["schedule"] != schedule_of(report):
        rules.ensure_schedule(changes["schedule"])
        _put_schedule(report, changes["schedule"])
        changed.append("schedule")
    if not {"schedule", "is_paused"}.isdisjoint(changed):
        await _plan(tx, report)
    if "recipients" in changes:
        present = (await repository.recipients_of(tx, [report_id]))[report_id]
        if await _send_to(tx, report, present, rules.ensure_addressees(changes["recipients"])):
            changed.append("recipients")
    if changed:
        _note(tx, report, SavedReportUpdated(changed))
        await tx.flush()
    return report


async def delete(tx: WriteTx, report_id: UUID) -> None:
    """Forget a report with its runs; files that were made can be fetched until they expire.

    Raises `ReportRunning` while one is being made, whose files nobody would find, and `NotFound`.
    """
    report = await repository.lock(tx, report_id)
    if await repository.count_pending(tx, report_id):
        raise ReportRunning(0)
    _note(tx, report, SavedReportDeleted(report.name))
    await tx.delete(report)


async def run(tx: WriteTx, report_id: UUID, *, send: bool, idempotency_key: str | None = None) -> ReportRun:
    """Have a report made now, of the days it is about today. Raises `ReportRunning`, `RateLimited`, `NotFound`."""
    given = (str(report_id), send)
    if (first := await first_result(tx, _SCOPE, idempotency_key, *given)) is not None:
        return await repository.get_run(tx, first)
    report = await repository.lock(tx, report_id)
    if await repository.count_pending(tx, report_id) >= rules.MAX_PENDING:
        raise ReportRunning(rules.MAX_PENDING)
    if send and await repository.count_sent(tx, report_id, tx.now() - _HOUR) >= rules.MAX_SENT_AN_HOUR:
        raise RateLimited(
            f"This report was sent {rules.MAX_SENT_AN_HOUR} times within an hour: wait, or have it made without that.",
            _HOUR.total_seconds(),
        )
    zone = await zone_of_days(tx, report)
    days = days_of(report.period, tx.now().astimezone(zone).date())
    started = ReportRun(
        tenant_id=tx.tenant,
        id=new_id(),
        report_id=report.id,
        trigger=ReportTrigger.ASKED_FOR,
        format=report.format,
        first_day=days.first,
        last_day=days.last,
        send=send,
        locale=report.locale,
        created_at=tx.now(),
        created_by=tx.actor.label,
    )
    tx.add(started)
    await tx.flush()
    remember(tx, _SCOPE, idempotency_key, started.id, *given)
    record(tx, REPORT_RUN, started.id, started.revision, ReportRunStarted(report.id, None), started.created_at)
    return started


async def zone_of_tenant(tx: ReadTx) -> ZoneInfo:
    """The zone whose days and times of the day count."""
    return ZoneInfo((await tenants.settings_of(tx)).time_zone)


async def zone_of_days(tx: ReadTx, report: SavedReport) -> ZoneInfo:
    """The zone whose days a report is about: its queue's if it is about one, so that its yesterday is over there."""
    chosen = [UUID(each) for each in report.queue_ids]
    if len(chosen) != 1:
        return await zone_of_tenant(tx)
    return ZoneInfo((await queues.get(tx, chosen[0])).time_zone)


async def plan_anew(tx: WriteTx) -> None:
    """The tenant's clocks may have changed: what is to come is due by those it has now."""
    for report in await repository.hold_scheduled(tx):
        # What has passed is still owed, at the instant it was due.
        if report.next_due_at is not None and report.next_due_at > tx.now():
            await _plan(tx, report)
    await tx.flush()


async def _plan(tx: WriteTx, report: SavedReport) -> None:
    schedule = schedule_of(report)
    if schedule is None or report.is_paused:
        report.next_due_at = None
    else:
        report.next_due_at = schedule.next(tx.now(), await zone_of_tenant(tx))


def _put_schedule(report: SavedReport, schedule: Schedule | None) -> None:
    report.frequency = None if schedule is None else schedule.frequency
    report.due_time = None if schedule is None else schedule.at
    report.weekday = None if schedule is None else schedule.weekday
    report.month_day = None if schedule is None else schedule.month_day


async def _send_to(
    tx: WriteTx, report: SavedReport, present: Sequence[ReportRecipient], wanted: Sequence[Addressee]
) -> bool:
    """Send a report to these from now on; whether that is a change."""
    before = {Addressee(row.user_id, row.address, row.locale): row for row in present}
    new = [each for each in wanted if each not in before]
    known = {row.address for row in present}
    if any(each.address is not None and each.address not in known for each in new):
        tx.actor.require(Permission.REPORT_ADDRESS)
    await _ensure_users(tx, wanted)
    gone = [row for each, row in before.items() if each not in wanted]
    for row in gone:
        await tx.delete(row)
    await tx.flush()
    for each in new:
        tx.add(
            ReportRecipient(
                tenant_id=tx.tenant,
                id=new_id(),
                report_id=report.id,
                user_id=each.user_id,
                address=each.address,
                locale=each.locale,
            )
        )
    await tx.flush()
    return bool(new or gone)


async def _ensure_users(tx: WriteTx, wanted: Sequence[Addressee]) -> None:
    ids = [each.user_id for each in wanted if each.user_id is not None]
    found = await users.by_ids(tx, ids)
    for number, each in enumerate(wanted):
        if each.user_id is None:
            continue
        user = found.get(each.user_id)
        if user is None:
            raise NotFound("User")
        if user.role is Role.CUSTOMER or user.status is not UserStatus.ACTIVE:
            raise InvalidInput(f"recipients.{number}.userId", "Name members of staff who can sign in.")


async def _queue_ids(tx: WriteTx, queue_ids: Sequence[UUID]) -> list[str]:
    wanted = sorted(set(queue_ids))
    if len(wanted) > rules.MAX_QUEUES:
        raise InvalidInput("queueIds", f"At most {rules.MAX_QUEUES} queues; none are all of them.")
    if len(await queues.with_lines(tx, wanted)) != len(wanted):
        raise NotFound("Queue")
    return [str(each) for each in wanted]


def _note(tx: WriteTx, report: SavedReport, event: Event) -> None:
    report.revision += 1
    report.updated_at, report.updated_by = tx.now(), tx.actor.label
    record(tx, SAVED_REPORT, report.id, report.revision, event, report.updated_at)
