"""Reading dashboards and reports that are kept."""

import strawberry

from app.context import Info
from app.core.db.pages import PageRequest
from app.core.graphql.pages import After, First, connection
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.reports import repository
from app.reports.dashboards import repository as dashboards
from app.reports.dashboards.service import user_of
from app.reports.graphql.dashboards import SavedDashboard, SavedDashboardConnection, SavedDashboardEdge
from app.reports.graphql.loaders import report_run_node, saved_dashboard_node, saved_report_node
from app.reports.graphql.types import SavedReport, SavedReportConnection, SavedReportEdge


@strawberry.type
class ReportQuery:
    @strawberry.field(
        description="The caller's own dashboards and those that are shared, in order of creation.",
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def saved_dashboards(self, info: Info, first: First, after: After = None) -> SavedDashboardConnection:
        context = info.context
        async with context.read() as tx:
            page = await dashboards.page(tx, user_of(context.actor), PageRequest(first, after))
        return connection(
            SavedDashboardConnection, SavedDashboardEdge, page, lambda row: SavedDashboard.of(row, context)
        )

    @strawberry.field(
        description="The business's reports, in order of creation.",
        extensions=[Requires(Permission.REPORT_READ)],
    )
    async def saved_reports(self, info: Info, first: First, after: After = None) -> SavedReportConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(SavedReportConnection, SavedReportEdge, page, SavedReport.of)


NODES = {"SavedDashboard": saved_dashboard_node, "SavedReport": saved_report_node, "ReportRun": report_run_node}
