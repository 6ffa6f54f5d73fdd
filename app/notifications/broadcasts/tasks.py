"""The jobs of broadcasts: each opens a transaction and calls one verb."""

from uuid import UUID

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.notifications.broadcasts import writing
from app.notifications.live import status_topic


@job("notifications.broadcast")
async def begin_broadcast(context: JobContext) -> None:
    """NOTIFICATION_BROADCAST_STARTED: look who waits."""
    async with context.finish() as tx:
        await writing.begin(tx, Fact.of(context.args).aggregate_id)
    context.ring(status_topic(context.tenant_id))


@job(writing.WRITE_PORTION, lane=Lane.BULK)
async def write_broadcast_portion(context: JobContext) -> None:
    """Write the messages of some of those who wait."""
    session_ids = [UUID(id) for id in context.args["sessionIds"]]
    async with context.finish() as tx:
        await writing.write_portion(tx, context.settings, UUID(context.args["broadcastId"]), session_ids)
    context.ring(status_topic(context.tenant_id))
