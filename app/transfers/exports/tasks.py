"""The job of exports: it makes the file."""

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.transfers.exports.making import make


@job("transfers.export", max_attempts=None, timeout_seconds=3600.0, lane=Lane.BULK)
async def make_export(context: JobContext) -> None:
    """EXPORT_REQUESTED: make the file."""
    await make(context, Fact.of(context.args).aggregate_id)
