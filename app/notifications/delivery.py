"""Sending one notification so that it arrives once: the steps between a PENDING row and a settled one.

SMTP cannot be made exactly-once: between our last line and the server's answer nobody knows whether the message was
taken. So everything that can fail happens before that, and the moment itself is written down first (`handed_over_at`):

- stopped before it (no connection, refused, killed): nothing was sent, the job tries again
- stopped in it: FAILED, and `error` says that it may have arrived. It is not sent again, since to be called twice is
  worse than to look at the display
- stopped after it, before SENT was committed: as above; the commit is tried for as long as the job lives
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater
from app.core.jobs.outage import Outage, is_database_away
from app.notifications import repository
from app.notifications.mail import Conversation, Mail, MailFailure, MailInDoubt, conversation, message_id_for
from app.notifications.models import Notification, NotificationStatus
from app.notifications.rules import without_address

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 240.0
"""Longer than all deadlines of a conversation together."""

GIVE_UP_AFTER = timedelta(minutes=30)
"""By then nobody waits for the message any more: whoever was called has been served or has gone."""

NO_SERVER = (
    "VQ_SMTP_URL is not set, so e-mail is off: set it, e.g. smtp+starttls://user:password@mail.example:587, "
    "and restart the worker."
)
IN_DOUBT = (
    "It is not known whether the mail server took the message, because the connection or the worker was lost while it "
    "was handed over. It is not sent again."
)
MOST_ATTEMPTS = 200
"""More than half an hour has room for: something is wrong with this very message."""

TOO_OFTEN = f"Given up after {MOST_ATTEMPTS} tries that came to no end: see the worker's log."
_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. PENDING: to be tried again."""

    status: NotificationStatus
    error: str | None = None
    provider_message_id: str | None = None


async def deliver(context: JobContext, notification_id: UUID) -> None:
    """Send a notification, or write down why not. Raises `RetryLater` when it is to be tried again."""
    async with context.read() as tx:
        notification = await repository.find(tx, notification_id)
    if notification is None or notification.status is not NotificationStatus.PENDING:
        return  # erased with its session, or settled by another try
    if notification.handed_over_at is not None:
        # By a worker that did not live to write down how it went.
        outcome = Outcome(NotificationStatus.FAILED, IN_DOUBT)
        await _settle(context, notification, outcome, handed_over_at=notification.handed_over_at)
    elif context.attempt > MOST_ATTEMPTS:
        await _settle(context, notification, Outcome(NotificationStatus.FAILED, TOO_OFTEN), tried=False)
    elif context.settings.smtp_url is None:
        await _settle(context, notification, Outcome(NotificationStatus.FAILED, NO_SERVER), tried=False)
    else:
        await _send(context, context.settings.smtp_url, notification)


async def _send(context: JobContext, smtp_url: str, notification: Notification) -> None:
    try:
        mail = _mail(context.settings.smtp_from, notification)
        async with conversation(smtp_url, mail) as server:
            async with context.write() as tx:
                handed_over_at = tx.now()
                is_ours = await repository.start_hand_over(tx, notification.id, handed_over_at)
            if not is_ours:
                return  # somebody else was faster, and settles it
            outcome = await _hand_over(context, server, mail, notification)
            await _settle(context, notification, outcome, handed_over_at=handed_over_at)
    except MailFailure as failure:
        outcome = _refused(context, notification, failure)
        await _settle(context, notification, outcome)
    if outcome.status is NotificationStatus.PENDING:
        raise RetryLater(_delay(context.attempt), "the mail server did not take the message")


async def _hand_over(context: JobContext, server: Conversation, mail: Mail, notification: Notification) -> Outcome:
    try:
        await server.hand_over()
    except MailInDoubt:
        return Outcome(NotificationStatus.FAILED, IN_DOUBT)
    except MailFailure as failure:
        return _refused(context, notification, failure)
    return Outcome(NotificationStatus.SENT, provider_message_id=mail.message_id)


def _refused(context: JobContext, notification: Notification, failure: MailFailure) -> Outcome:
    reason = without_address(failure.reason, notification.recipient)
    logger.info("A mail was not taken.", extra={"notification_id": notification.id, "reason": reason})
    if failure.permanent:
        return Outcome(NotificationStatus.FAILED, reason)
    if context.clock.now() - notification.created_at >= GIVE_UP_AFTER:
        return Outcome(NotificationStatus.FAILED, f"Given up after 30 minutes. {reason}")
    return Outcome(NotificationStatus.PENDING, reason)


async def _settle(
    context: JobContext,
    notification: Notification,
    outcome: Outcome,
    *,
    handed_over_at: datetime | None = None,
    tried: bool = True,
) -> None:
    """Write down how it ended, and that the job is done unless there is another try.

    After handing over only we know how it went. So the row is ours even if the job was given to somebody else (who can
    but declare it in doubt), and PostgreSQL's being away is waited for, until the job's time is over.
    """
    block = context.write if outcome.status is NotificationStatus.PENDING else context.finish
    database = Outage(logger, "The database (delivery)")
    while True:
        try:
            async with block(fenced=handed_over_at is None) as tx:
                await repository.settle(
                    tx,
                    notification.id,
                    handed_over_at,
                    outcome.status,
                    error=outcome.error,
                    sent_at=tx.now() if outcome.status is NotificationStatus.SENT else None,
                    provider_message_id=outcome.provider_message_id,
                    counts_as_try=tried and handed_over_at is None,
                )
        except Exception as problem:
            if handed_over_at is None or not is_database_away(problem):
                raise
            database.failed(problem)
            await asyncio.sleep(database.pause_seconds())
        else:
            database.worked()
            return


def _mail(sender: str, notification: Notification) -> Mail:
    return Mail(
        message_id=message_id_for(sender, f"{notification.id.hex}.{notification.tenant_id.hex[:8]}"),
        sender=sender,
        recipient=notification.recipient,
        subject=notification.subject,
        body=notification.body,
        language=notification.locale,
        written_at=notification.created_at,
    )


def _delay(attempt: int) -> timedelta:
    """2 s, 4 s, 8 s, then 15 s, less up to a quarter: a server that is back has everything within half a minute."""
    longest = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(attempt - 1, 8))
    return timedelta(seconds=longest * random.uniform(0.75, 1.0))
