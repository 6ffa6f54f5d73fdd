"""The jobs of this feature: each opens a transaction and calls one verb."""

from uuid import UUID

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import job
from app.core.jobs.lanes import Lane
from app.notifications import delivery
from app.notifications.accounts import sending
from app.notifications.owing import DELIVER
from app.notifications.telling import happenings, nearer, openings


# Somebody stands and waits for what these two find out.
@job("notifications.called", lane=Lane.URGENT)
async def tell_called(context: JobContext) -> None:
    """Somebody was called, or called again: tell them."""
    async with context.finish() as tx:
        await happenings.owe_called(tx, Fact.of(context.args), context.settings)


@job("notifications.people_ahead", lane=Lane.URGENT)
async def tell_people_ahead(context: JobContext) -> None:
    """The line has moved: tell who has come near its front."""
    fact = Fact.of(context.args)
    async with context.finish() as tx:
        await nearer.owe_nearer(tx, fact, context.settings)


@job("notifications.happened")
async def tell_what_happened(context: JobContext) -> None:
    """People joined, were missed or were served: tell those who are told."""
    fact = Fact.of(context.args)
    async with context.finish() as tx:
        await happenings.owe_happenings(tx, fact, context.settings)


@job(openings.JOB, lane=Lane.BULK)
async def tell_opening_soon(context: JobContext) -> None:
    """A queue opens soon: tell the next of those who wait there."""
    async with context.finish() as tx:
        await openings.owe_opening(tx, context.args, context.settings)


# Decides itself when to give up, because the notification has to say so.
@job(DELIVER, max_attempts=None, timeout_seconds=delivery.TIMEOUT_SECONDS)
async def deliver(context: JobContext) -> None:
    """Send one notification."""
    await delivery.deliver(context, UUID(context.args["notificationId"]))


# Decides itself as well: a code is worth sending until it expires.
@job("notifications.account_message", max_attempts=None, timeout_seconds=sending.TIMEOUT_SECONDS, lane=Lane.URGENT)
async def send_account_message(context: JobContext) -> None:
    """ACCOUNT_MESSAGE_OWED: send it."""
    await sending.send(context, Fact.of(context.args).aggregate_id)
