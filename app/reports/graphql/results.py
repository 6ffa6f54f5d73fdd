"""Results of the mutations of dashboards and reports."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.identity.graphql.step_up import StepUpRequiredError
from app.reports import errors
from app.reports.dashboards.errors import DashboardChanged
from app.reports.graphql.dashboards import SavedDashboard
from app.reports.graphql.types import ReportRun, SavedReport
from app.tenants.graphql.results import LimitReachedError


@error_type(DashboardChanged, "Somebody else has changed the dashboard since it was read; nothing was changed.")
class SavedDashboardChangedError(UserError):
    revision: int = strawberry.field(description="Its revision now.")


@error_type(
    errors.ReportRunning, "Runs of the report are still being made: one more is refused, or that it is deleted."
)
class ReportRunningError(UserError):
    maximum: int = strawberry.field(description="How many may be at this moment; 0 where it is to be deleted.")


@strawberry.type(description="The dashboard is kept.")
class SavedDashboardCreateSuccess:
    dashboard: SavedDashboard = strawberry.field(description="The new dashboard.")


@strawberry.type(description="The dashboard was changed.")
class SavedDashboardUpdateSuccess:
    dashboard: SavedDashboard = strawberry.field(description="As it is now.")


@strawberry.type(description="The dashboard is forgotten.")
class SavedDashboardDeleteSuccess:
    dashboard_id: strawberry.ID = strawberry.field(description="The dashboard there was.")


@strawberry.type(description="The report is kept.")
class SavedReportCreateSuccess:
    report: SavedReport = strawberry.field(description="The new report.")


@strawberry.type(description="The report was changed.")
class SavedReportUpdateSuccess:
    report: SavedReport = strawberry.field(description="As it is now.")


@strawberry.type(description="The report is forgotten. Files that were made can be fetched until they expire.")
class SavedReportDeleteSuccess:
    report_id: strawberry.ID = strawberry.field(description="The report there was.")


@strawberry.type(description="The report is being made. The event `REPORT_RUN_DONE` says when it is there.")
class SavedReportRunSuccess:
    run: ReportRun = strawberry.field(description="The run.")


SavedDashboardCreateResult = Annotated[
    SavedDashboardCreateSuccess | InvalidInputError | LimitReachedError,
    strawberry.union("SavedDashboardCreateResult", description="What `savedDashboardCreate` answers."),
]
SavedDashboardUpdateResult = Annotated[
    SavedDashboardUpdateSuccess | InvalidInputError | SavedDashboardChangedError,
    strawberry.union("SavedDashboardUpdateResult", description="What `savedDashboardUpdate` answers."),
]
SavedDashboardDeleteResult = Annotated[
    SavedDashboardDeleteSuccess | SavedDashboardChangedError,
    strawberry.union("SavedDashboardDeleteResult", description="What `savedDashboardDelete` answers."),
]
SavedReportCreateResult = Annotated[
    SavedReportCreateSuccess | InvalidInputError | LimitReachedError | StepUpRequiredError,
    strawberry.union("SavedReportCreateResult", description="What `savedReportCreate` answers."),
]
SavedReportUpdateResult = Annotated[
    SavedReportUpdateSuccess | InvalidInputError | StepUpRequiredError,
    strawberry.union("SavedReportUpdateResult", description="What `savedReportUpdate` answers."),
]
SavedReportDeleteResult = Annotated[
    SavedReportDeleteSuccess | ReportRunningError,
    strawberry.union("SavedReportDeleteResult", description="What `savedReportDelete` answers."),
]
SavedReportRunResult = Annotated[
    SavedReportRunSuccess | ReportRunningError | InvalidInputError | IdempotencyConflictError,
    strawberry.union("SavedReportRunResult", description="What `savedReportRun` answers."),
]
