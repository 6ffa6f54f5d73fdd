"""The job of this package: it opens a transaction and calls one verb."""

from app.admission.health import service
from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job


@job("admission.look_at_origin")
async def look_at_origin(context: JobContext) -> None:
    """QUEUE_CREATED or QUEUE_UPDATED: there may be an address to ask now, or none any more."""
    async with context.finish() as tx:
        await service.look_again(tx, Fact.of(context.args).aggregate_id)
