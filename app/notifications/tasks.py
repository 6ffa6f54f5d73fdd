"""The jobs of this feature: each opens a transaction and calls one verb."""

from uuid import UUID

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.notifications import delivery, service
from app.notifications.accounts import sending
from app.notifications.owing import DELIVER


@job("notifications.called")
async def tell_called(context: JobContext) -> None:
    """SESSION_CALLED or SESSION_RECALLED: tell the visitor."""
    async with context.finish() as tx:
        await service.owe_called(tx, Fact.of(context.args), context.settings)


@job("notifications.people_ahead")
async def tell_people_ahead(context: JobContext) -> None:
    """The line has moved: tell who has come near its front."""
    async with context.finish() as tx:
        await service.owe_people_ahead(tx, Fact.of(context.args), context.settings)


# Decides itself when to give up, because the notification has to say so.
@job(DELIVER, max_attempts=None, timeout_seconds=delivery.TIMEOUT_SECONDS)
async def deliver(context: JobContext) -> None:
    """Send one notification."""
    await delivery.deliver(context, UUID(context.args["notificationId"]))


# Decides itself as well: a code is worth sending until it expires.
@job("notifications.account_message", max_attempts=None, timeout_seconds=sending.TIMEOUT_SECONDS)
async def send_account_message(context: JobContext) -> None:
    """ACCOUNT_MESSAGE_OWED: send it."""
    await sending.send(context, Fact.of(context.args).aggregate_id)
