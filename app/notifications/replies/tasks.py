"""The job of this feature: it opens a transaction and calls one verb."""

from datetime import timedelta

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater, job
from app.notifications.replies import service
from app.sessions.errors import SessionMoved


@job("notifications.answer_reply")
async def answer_reply(context: JobContext) -> None:
    """NOTIFICATION_REPLY_RECEIVED: do what somebody asks for, and owe them the answer."""
    try:
        async with context.finish() as tx:
            await service.answer(tx, Fact.of(context.args))
    except SessionMoved:
        raise RetryLater(timedelta(seconds=1), "the session went to another queue meanwhile") from None
