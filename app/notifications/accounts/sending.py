"""Sending one message about an account, so that it arrives once. What it says is `texts.py`'s business.

The steps are those of `app/notifications/delivery.py`, for the same reasons; what differs is that the text is nowhere
but here: it is unsealed for sending, and the sealed code is forgotten whichever way it ends.
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

from app.core.db import ReadTx
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater
from app.core.jobs.outage import Outage, is_database_away
from app.identity.accounts import repository
from app.identity.accounts.codes import Codes, Unsealed, invitation_text
from app.identity.accounts.models import AccountMessage, MessageKind
from app.notifications import rules
from app.notifications.accounts.carriers import HandOver, Letter, carried
from app.notifications.accounts.texts import LAST_RESORT, worded
from app.notifications.channels.mail import MailFailure, MailInDoubt
from app.notifications.texts import Value
from app.settings import Settings
from app.tenants import repository as tenants
from app.tenants.models import Tenant
from app.tenants.service import settings_in

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 240.0

IN_DOUBT = "It is not known whether it was sent: the connection or the worker was lost meanwhile. It is not sent again."
NOBODY = "There is nobody to send it to."
TOO_LATE = "Expired before it could be sent."
UNREADABLE = "It cannot be unsealed: VQ_SECRET_KEY is another one than when it was written."


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a try ended; `again`: it is tried once more."""

    error: str | None = None
    again: bool = False


async def send(context: JobContext, message_id: UUID) -> None:
    """Send a message, or write down why not. Raises `RetryLater` when it is to be tried again."""
    codes = Codes(context.settings.secret)
    async with context.read() as tx:
        message = await repository.find_message(tx, message_id)
        if message is None or message.sealed_code is None:
            return  # deleted meanwhile, or settled by another try
        unsealed = codes.unsealed(message)
        letter = None if unsealed is None else await _letter(tx, context.settings, message, unsealed)
    if message.handed_over_at is not None:
        # By a worker that did not live to write down how it went.
        await _settle(context, message, _Outcome(IN_DOUBT), handed_over=True)
    elif message.kind is MessageKind.RESET_PASSWORD and message.subject_id is None:
        # Nobody's password. It came this far so that it looks from outside like everybody's.
        await _settle(context, message, _Outcome(NOBODY))
    elif message.expires_at <= context.clock.now():
        await _settle(context, message, _Outcome(TOO_LATE))
    elif letter is None:
        await _settle(context, message, _Outcome(UNREADABLE))
    else:
        await _send(context, message, letter)


async def _send(context: JobContext, message: AccountMessage, letter: Letter) -> None:
    try:
        async with carried(context.settings, letter) as hand_over:
            async with context.write() as tx:
                is_ours = await repository.start_hand_over(tx, message.id, tx.now())
            if not is_ours:
                return  # somebody else was faster, and settles it
            outcome = await _hand_over(hand_over, letter)
            await _settle(context, message, outcome, handed_over=True)
    except MailFailure as failure:
        outcome = _refused(failure, letter)
        await _settle(context, message, outcome)
    if outcome.again:
        raise RetryLater(_delay(context.attempt), "the message was not taken")


async def _hand_over(hand_over: HandOver, letter: Letter) -> _Outcome:
    try:
        await hand_over()
    except MailInDoubt:
        return _Outcome(IN_DOUBT)
    except MailFailure as failure:
        return _refused(failure, letter)
    return _Outcome()


def _refused(failure: MailFailure, letter: Letter) -> _Outcome:
    # Servers repeat the address, and some the text.
    reason = failure.reason
    for private in (letter.to.address, letter.to.address.lower(), letter.to.address.lstrip("+")):
        reason = reason.replace(private, "…")
    return _Outcome(reason[:300], again=not failure.permanent)


async def _settle(
    context: JobContext, message: AccountMessage, outcome: _Outcome, *, handed_over: bool = False
) -> None:
    """Write down how it ended. After handing over only we know: PostgreSQL's being away is waited for."""
    logger.info(
        "A message about an account was tried.",
        extra={"message_id": message.id, "kind": message.kind, "problem": outcome.error},
    )
    block = context.write if outcome.again else context.finish
    database = Outage(logger, "The database (accounts)")
    while True:
        try:
            async with block(fenced=not handed_over) as tx:
                if outcome.again:
                    await repository.put_off(tx, message.id, outcome.error)
                else:
                    sent_at = tx.now() if outcome.error is None else None
                    await repository.settle_message(tx, message.id, sent_at=sent_at, error=outcome.error)
        except Exception as problem:
            if not handed_over or not is_database_away(problem):
                raise
            database.failed(problem)
            await asyncio.sleep(database.pause_seconds())
        else:
            database.worked()
            return


async def _letter(tx: ReadTx, settings: Settings, message: AccountMessage, unsealed: Unsealed) -> Letter:
    tenant = await tenants.get(tx, tx.tenant)
    wanted = rules.languages(message.locale, settings_in(tenant).default_locale, LAST_RESORT)
    values = _values(tenant, settings, message, unsealed)
    language, text = worded(message.kind, message.channel, wanted, values)
    unique = f"{message.id.hex}.{message.tenant_id.hex[:8]}"
    return Letter(unique, unsealed.recipient, text, language, message.created_at)


def _values(tenant: Tenant, settings: Settings, message: AccountMessage, unsealed: Unsealed) -> dict[str, Value]:
    values: dict[str, Value] = {"tenantName": tenant.name, "code": unsealed.code, "link": None}
    if message.kind is MessageKind.INVITATION:
        values["code"] = invitation = invitation_text(message, unsealed.code)
        if settings.invitation_url is not None:
            # In the fragment: it reaches the page, and neither the server's log nor anybody the page links to.
            values["link"] = f"{settings.invitation_url}#invitation={quote(invitation, safe='')}"
    return values


def _delay(attempt: int) -> timedelta:
    """2 s, 4 s, 8 s, then 15 s, less up to a quarter: people sit and wait for a code."""
    return timedelta(seconds=min(15.0, 2.0 * 2.0 ** min(attempt - 1, 8)) * random.uniform(0.75, 1.0))
