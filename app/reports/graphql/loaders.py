"""Reads behind dashboards and reports, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from app.context import Context
from app.core.db.pages import PageRequest
from app.core.errors import NotFound
from app.core.graphql.pages import connection
from app.core.ids import Ref, encode
from app.identity.permissions import Permission
from app.reports import repository
from app.reports.dashboards import repository as dashboards
from app.reports.dashboards.service import user_of
from app.reports.graphql.dashboards import SavedDashboard
from app.reports.graphql.types import ReportRecipient, ReportRun, ReportRunConnection, ReportRunEdge, SavedReport
from app.reports.models import ReportRecipient as RecipientRow
from app.transfers import files
from app.transfers import repository as transfers


def recipients_of(context: Context, tenant_id: UUID) -> DataLoader[UUID, list[ReportRecipient]]:
    """Whom reports are sent to."""

    async def load(ids: list[UUID]) -> Sequence[list[ReportRecipient]]:
        async with context.read(tenant_id) as tx:
            found = await repository.recipients_of(tx, ids)
            may_see = context.actor.may_in(tenant_id, Permission.REPORT_ADDRESS)
            return [[_recipient(row, may_see) for row in found[id]] for id in ids]

    return DataLoader(load, cache=False)


def links_of(context: Context, tenant_id: UUID) -> DataLoader[str, str | None]:
    """Where files can be fetched, by their ids."""

    async def load(ids: list[str]) -> Sequence[str | None]:
        runtime = context.runtime
        async with context.read(tenant_id) as tx:
            found = await transfers.files_by_ids(tx, [UUID(id) for id in ids])
        now = runtime.clock.now()
        rows = [found.get(UUID(id)) for id in ids]
        return [None if row is None else files.link(runtime.settings, row, now) for row in rows]

    return DataLoader(load, cache=False)


async def runs_page(
    context: Context, tenant_id: UUID, report_id: UUID, first: int, after: str | None
) -> ReportRunConnection:
    """What came of a report's runs."""
    async with context.read(tenant_id) as tx:
        page = await repository.runs(tx, report_id, PageRequest(first, after))
    return connection(ReportRunConnection, ReportRunEdge, page, ReportRun.of)


async def saved_dashboard_node(context: Context, ref: Ref) -> SavedDashboard:
    """A dashboard by node id."""
    context.actor.require_in(ref.tenant_id, Permission.ANALYTICS_READ)
    async with context.read(ref.tenant_id) as tx:
        found = (await dashboards.by_ids(tx, user_of(context.actor), [ref.id])).get(ref.id)
    if found is None:
        raise NotFound("SavedDashboard")
    return SavedDashboard.of(found, context)


async def saved_report_node(context: Context, ref: Ref) -> SavedReport:
    """A report by node id."""
    context.actor.require_in(ref.tenant_id, Permission.REPORT_READ)
    async with context.read(ref.tenant_id) as tx:
        found = (await repository.by_ids(tx, [ref.id])).get(ref.id)
    if found is None:
        raise NotFound("SavedReport")
    return SavedReport.of(found)


async def report_run_node(context: Context, ref: Ref) -> ReportRun:
    """A run by node id."""
    context.actor.require_in(ref.tenant_id, Permission.REPORT_READ)
    async with context.read(ref.tenant_id) as tx:
        found = (await repository.runs_by_ids(tx, [ref.id])).get(ref.id)
    if found is None:
        raise NotFound("ReportRun")
    return ReportRun.of(found)


def _recipient(row: RecipientRow, may_see: bool) -> ReportRecipient:
    user_id = None if row.user_id is None else strawberry.ID(encode("User", row.tenant_id, row.user_id))
    return ReportRecipient(user_id=user_id, address=row.address if may_see else None, locale=row.locale)
