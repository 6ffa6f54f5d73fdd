"""The job of imports: it brings the rows in."""

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.transfers.imports.bringing import bring


@job("transfers.import", max_attempts=None, timeout_seconds=3600.0, lane=Lane.BULK)
async def bring_rows(context: JobContext) -> None:
    """IMPORT_UPLOADED: bring the rows in."""
    await bring(context, Fact.of(context.args).aggregate_id)
