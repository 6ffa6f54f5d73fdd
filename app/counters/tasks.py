"""The jobs of this feature: each opens a transaction and calls one verb."""

from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.counters import service


@job("counters.restaff")
async def restaff(context: JobContext) -> None:
    """TENANT_UPDATED: whether an open counter needs a shift may be another rule now."""
    async with context.finish() as tx:
        await service.restaff(tx)
