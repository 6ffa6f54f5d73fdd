"""The mutations of dashboards and reports: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.reports import service
from app.reports.dashboards import service as dashboards
from app.reports.graphql import inputs, results
from app.reports.graphql.dashboards import (
    SavedDashboard,
    SavedDashboardCreateInput,
    SavedDashboardDeleteInput,
    SavedDashboardUpdateInput,
)
from app.reports.graphql.types import ReportRun, SavedReport


@strawberry.type
class ReportMutation:
    @strawberry.mutation(
        description=f"Keep a dashboard, one's own or shared; at most {dashboards.MAX_DASHBOARDS} in a business.",
        extensions=[Requires(Permission.REPORT_WRITE)],
    )
    async def saved_dashboard_create(
        self, info: Info, input: SavedDashboardCreateInput
    ) -> results.SavedDashboardCreateResult:
        new = input.dashboard(info.context)
        async with info.context.write() as tx:
            dashboard = await dashboards.create(tx, new)
        return results.SavedDashboardCreateSuccess(dashboard=SavedDashboard.of(dashboard, info.context))

    @strawberry.mutation(
        description="Change a dashboard, one's own or a shared one.",
        extensions=[Requires(Permission.REPORT_WRITE)],
    )
    async def saved_dashboard_update(
        self, info: Info, input: SavedDashboardUpdateInput
    ) -> results.SavedDashboardUpdateResult:
        ref = info.context.ref("SavedDashboard", input.dashboard_id)
        changes = input.changes(info.context)
        async with info.context.write() as tx:
            dashboard = await dashboards.update(tx, ref.id, changes, from_revision=input.from_revision)
        return results.SavedDashboardUpdateSuccess(dashboard=SavedDashboard.of(dashboard, info.context))

    @strawberry.mutation(
        description="Forget a dashboard, one's own or a shared one.",
        extensions=[Requires(Permission.REPORT_WRITE)],
    )
    async def saved_dashboard_delete(
        self, info: Info, input: SavedDashboardDeleteInput
    ) -> results.SavedDashboardDeleteResult:
        ref = info.context.ref("SavedDashboard", input.dashboard_id)
        async with info.context.write() as tx:
            await dashboards.delete(tx, ref.id, from_revision=input.from_revision)
        return results.SavedDashboardDeleteSuccess(dashboard_id=input.dashboard_id)

    @strawberry.mutation(
        description="Keep a report, to be made when somebody asks for it, or by itself.",
        extensions=[StepUp("recipients"), Requires(Permission.REPORT_WRITE)],
    )
    async def saved_report_create(
        self, info: Info, input: inputs.SavedReportCreateInput
    ) -> results.SavedReportCreateResult:
        new = input.report(info.context)
        async with info.context.write() as tx:
            report = await service.create(tx, new)
        return results.SavedReportCreateSuccess(report=SavedReport.of(report))

    @strawberry.mutation(
        description="Change a report, from its next run on.",
        extensions=[StepUp("recipients"), Requires(Permission.REPORT_WRITE)],
    )
    async def saved_report_update(
        self, info: Info, input: inputs.SavedReportUpdateInput
    ) -> results.SavedReportUpdateResult:
        ref = info.context.ref("SavedReport", input.report_id)
        changes = input.changes(info.context)
        async with info.context.write() as tx:
            report = await service.update(tx, ref.id, changes)
        return results.SavedReportUpdateSuccess(report=SavedReport.of(report))

    @strawberry.mutation(
        description="Forget a report and what is known of its runs; refused while one is being made.",
        extensions=[Requires(Permission.REPORT_WRITE)],
    )
    async def saved_report_delete(
        self, info: Info, input: inputs.SavedReportDeleteInput
    ) -> results.SavedReportDeleteResult:
        ref = info.context.ref("SavedReport", input.report_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.SavedReportDeleteSuccess(report_id=input.report_id)

    @strawberry.mutation(
        description="Have a report made now, of the days it is about today. A worker does it, within seconds usually.",
        extensions=[Requires(Permission.REPORT_WRITE)],
    )
    async def saved_report_run(self, info: Info, input: inputs.SavedReportRunInput) -> results.SavedReportRunResult:
        ref = info.context.ref("SavedReport", input.report_id)
        async with info.context.write() as tx:
            run = await service.run(tx, ref.id, send=input.send, idempotency_key=input.idempotency_key)
        return results.SavedReportRunSuccess(run=ReportRun.of(run))
