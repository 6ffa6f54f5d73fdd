"""The jobs of this feature: making a report, and planning anew when a tenant's clocks change."""

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.reports import service
from app.reports.making import TIMEOUT_SECONDS, make


@job("reports.make", max_attempts=None, timeout_seconds=TIMEOUT_SECONDS, lane=Lane.BULK)
async def make_report(context: JobContext) -> None:
    """REPORT_RUN_STARTED."""
    await make(context, Fact.of(context.args).aggregate_id)


@job("reports.plan")
async def plan_reports(context: JobContext) -> None:
    """TENANT_UPDATED: what is due at a time of the day may be due at another instant."""
    async with context.finish() as tx:
        await service.plan_anew(tx)
