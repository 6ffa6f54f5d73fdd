"""Every statement about reports, their recipients and runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_
from sqlmodel import col, delete, select

from app.core.db import Database, ReadTx, WriteTx
from app.core.db.pages import Page, PageRequest, fetch_page
from app.core.errors import NotFound
from app.core.personal.sealed import sealed
from app.queues.models import Queue, QueueStatus
from app.reports.models import ReportRecipient, ReportRun, ReportRunStatus, ReportTrigger, SavedReport
from app.tenants.models import Tenant, TenantStatus

KEEP_RUNS: Final = timedelta(days=400)
"""How long it is seen what became of a run: a year and a bit, so that last year's can be compared."""


async def page(tx: ReadTx, request: PageRequest) -> Page[SavedReport]:
    """The tenant's reports in order of creation."""
    statement = select(SavedReport).where(SavedReport.tenant_id == tx.tenant)
    return await fetch_page(tx, statement, [SavedReport.created_at, SavedReport.id], request)  # type: ignore[list-item]


async def by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, SavedReport]:
    """Reports of the tenant by id."""
    found = await tx.exec(select(SavedReport).where(SavedReport.tenant_id == tx.tenant, col(SavedReport.id).in_(ids)))
    return {row.id: row for row in found}


async def lock(tx: WriteTx, id: UUID) -> SavedReport:
    """A report, held until the transaction ends. `NotFound` otherwise."""
    statement = select(SavedReport).where(SavedReport.tenant_id == tx.tenant, SavedReport.id == id)
    found = (await tx.exec(statement.with_for_update())).one_or_none()
    if found is None:
        raise NotFound("SavedReport")
    return found


async def count(tx: ReadTx) -> int:
    """How many the tenant has."""
    statement = select(func.count()).select_from(SavedReport).where(SavedReport.tenant_id == tx.tenant)
    return (await tx.exec(statement)).one()


async def recipients_of(tx: ReadTx, report_ids: Sequence[UUID]) -> dict[UUID, list[ReportRecipient]]:
    """Whom reports are sent to, by report."""
    found = await tx.exec(
        select(ReportRecipient)
        .where(ReportRecipient.tenant_id == tx.tenant, col(ReportRecipient.report_id).in_(report_ids))
        .order_by(col(ReportRecipient.id))
    )
    by_report: dict[UUID, list[ReportRecipient]] = {id: [] for id in report_ids}
    for row in found:
        by_report[row.report_id].append(row)
    return by_report


async def runs(tx: ReadTx, report_id: UUID, request: PageRequest) -> Page[ReportRun]:
    """What became of a report's runs, newest first."""
    statement = select(ReportRun).where(ReportRun.tenant_id == tx.tenant, ReportRun.report_id == report_id)
    keys = [ReportRun.created_at, ReportRun.id]
    return await fetch_page(tx, statement, keys, request, newest_first=True)  # type: ignore[arg-type]


async def runs_by_ids(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, ReportRun]:
    """Runs of the tenant by id."""
    found = await tx.exec(select(ReportRun).where(ReportRun.tenant_id == tx.tenant, col(ReportRun.id).in_(ids)))
    return {row.id: row for row in found}


async def lock_run(tx: WriteTx, id: UUID) -> ReportRun | None:
    """A run, held until the transaction ends; None if it is gone."""
    statement = select(ReportRun).where(ReportRun.tenant_id == tx.tenant, ReportRun.id == id)
    found = await tx.exec(statement.with_for_update().execution_options(populate_existing=True))
    return found.one_or_none()


async def get_run(tx: ReadTx, id: UUID) -> ReportRun:
    """A run. `NotFound` otherwise."""
    found = await tx.get(ReportRun, (tx.tenant, id), populate_existing=True)
    if found is None:
        raise NotFound("ReportRun")
    return found


async def count_pending(tx: ReadTx, report_id: UUID) -> int:
    """How many of a report's runs have not been made yet."""
    statement = select(func.count()).where(
        ReportRun.tenant_id == tx.tenant,
        ReportRun.report_id == report_id,
        ReportRun.status == ReportRunStatus.PENDING,
    )
    return (await tx.exec(statement)).one()


async def count_sent(tx: ReadTx, report_id: UUID, since: datetime) -> int:
    """How often somebody has had a report sent since a time."""
    statement = select(func.count()).where(
        ReportRun.tenant_id == tx.tenant,
        ReportRun.report_id == report_id,
        ReportRun.created_at > since,
        ReportRun.trigger == ReportTrigger.ASKED_FOR,
        col(ReportRun.send),
    )
    return (await tx.exec(statement)).one()


async def queue_names(tx: ReadTx, ids: Sequence[UUID] | None, most: int) -> Sequence[tuple[UUID, str]]:
    """Queues by name, at most so many: these, or all that are not archived."""
    statement = select(Queue.id, Queue.name).where(Queue.tenant_id == tx.tenant)
    if ids is None:
        statement = statement.where(Queue.status != QueueStatus.ARCHIVED)
    else:
        statement = statement.where(col(Queue.id).in_(ids))
    found = await tx.exec(statement.order_by(col(Queue.name), col(Queue.id)).limit(most))
    return found.all()


async def tenants_due(tx: ReadTx, now: datetime) -> Sequence[UUID]:
    """Tenants with a report whose time has come, of those that are served at present."""
    found = await tx.exec(
        select(SavedReport.tenant_id)
        .join(Tenant, col(Tenant.id) == col(SavedReport.tenant_id))
        .where(col(SavedReport.next_due_at) <= now, Tenant.status == TenantStatus.ACTIVE)
        .distinct()
        .order_by(col(SavedReport.tenant_id))
    )
    return found.all()


async def hold_due(tx: WriteTx, now: datetime, most: int) -> Sequence[SavedReport]:
    """Reports whose time has come and that nobody else looks at, held until the transaction ends."""
    found = await tx.exec(
        select(SavedReport)
        .where(SavedReport.tenant_id == tx.tenant, col(SavedReport.next_due_at) <= now)
        .order_by(col(SavedReport.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def hold_scheduled(tx: WriteTx) -> Sequence[SavedReport]:
    """Every report that has a next slot, held until the transaction ends."""
    found = await tx.exec(
        select(SavedReport)
        .where(SavedReport.tenant_id == tx.tenant, col(SavedReport.next_due_at).is_not(None))
        .order_by(col(SavedReport.id))
        .with_for_update()
    )
    return found.all()


async def recipients_at(tx: ReadTx, addresses: Sequence[str]) -> Sequence[ReportRecipient]:
    """Which reports these addresses are sent."""
    found = await tx.exec(select(ReportRecipient).where(*_at(tx, addresses)))
    return found.all()


async def forget_addresses(tx: WriteTx, addresses: Sequence[str]) -> int:
    """Send these addresses nothing any more; how many times they were named."""
    gone = await tx.exec(delete(ReportRecipient).where(*_at(tx, addresses)))
    return gone.rowcount


def _at(tx: ReadTx, addresses: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    matching = [sealed(ReportRecipient.address).matches(tx.tenant, each) for each in addresses]
    return col(ReportRecipient.tenant_id) == tx.tenant, or_(false(), *matching)


async def delete_old(system: Database) -> None:
    """Delete what is no longer shown of runs."""
    async with system.write(None) as tx:
        await tx.exec(delete(ReportRun).where(col(ReportRun.created_at) < tx.now() - KEEP_RUNS))
