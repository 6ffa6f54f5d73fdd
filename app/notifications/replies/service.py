"""Taking replies, and doing what they ask for: verbs. Who sends the answer is `delivery.py`.

`take` runs while a provider waits for its answer, so it writes down and no more; opting out counts from then on. What
is asked for is done by a job (`answer`), once, for the sender's own places only.
"""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.core.db import WriteTx
from app.core.events import record
from app.core.events.reactions import Fact
from app.core.ids import new_id
from app.core.personal.sealed import digits
from app.notifications.channels.interface import Inbound
from app.notifications.models import NotificationKind
from app.notifications.owing import Owed, owe
from app.notifications.preferences import service as preferences
from app.notifications.preferences.models import OptOutSource
from app.notifications.preferences.repository import hold_opt_out, index_of
from app.notifications.replies import repository
from app.notifications.replies.doing import Done, do
from app.notifications.replies.events import REPLY, NotificationReplyReceived
from app.notifications.replies.models import Command, NotificationReply, ReplyOutcome
from app.notifications.replies.rules import understand
from app.notifications.replies.texts import Answer, text_of
from app.tenants import repository as tenants
from app.tenants.service import settings_in

MAX_TEXT: Final = 1_600
DAY: Final = timedelta(days=1)
MAX_ANSWERS_A_DAY: Final = 30
"""Per sender. Two programs that answer each other must come to an end; nobody in line writes so often."""

_OPTING: Final = {Command.STOP: ReplyOutcome.OPTED_OUT, Command.START: ReplyOutcome.OPTED_IN}


async def take(tx: WriteTx, provider_id: UUID | None, inbound: Inbound) -> bool:
    """Write down what somebody has sent us, once; whether it is new. Opts out or in at once, and answers later.

    In any block of the tenant whose provider it came by.
    """
    sender = _international(inbound.sender)
    understood = understand(inbound.text)
    row = NotificationReply(
        tenant_id=tx.tenant,
        id=new_id(),
        provider_id=provider_id,
        message_id=hashlib.sha256(inbound.id.encode()).hexdigest(),
        channel=inbound.channel,
        sender=sender,
        text=inbound.text[:MAX_TEXT],
        outcome=ReplyOutcome.RECEIVED,
        received_at=tx.now(),
    )
    if not await repository.add(tx, row):
        return False
    if (opted := _OPTING.get(understood.command)) is not None and not await _opt(tx, row, sender, opted):
        # It is so already, and was answered then.
        await repository.set_outcome(tx, row.id, ReplyOutcome.PASSED_OVER)
        return True
    record(tx, REPLY, row.id, 1, NotificationReplyReceived(row.channel, understood.command), row.received_at)
    return True


async def answer(tx: WriteTx, fact: Fact) -> None:
    """Do what a reply asks for and owe its sender the answer. Nothing happens if that was done. Raises `SessionMoved`.

    The block must not have read sessions before.
    """
    row = await repository.hold(tx, fact.aggregate_id)
    if row is None or row.answered_at is not None:
        return
    await repository.hold_sender(tx, row.sender)
    row.answered_at = tx.now()
    before = await repository.outcomes_since(tx, row.sender, tx.now() - DAY)
    answered = [outcome for outcome in before if outcome not in (ReplyOutcome.RECEIVED, ReplyOutcome.PASSED_OVER)]
    if len(answered) >= MAX_ANSWERS_A_DAY:
        row.outcome = ReplyOutcome.PASSED_OVER
        return
    done = await _done(tx, row, has_helped=ReplyOutcome.HELPED in answered)
    row.outcome = done.outcome
    row.session_id = None if done.session is None else done.session.id
    if done.answer is not None:
        await _owe(tx, row, fact, done, done.answer)


async def _done(tx: WriteTx, row: NotificationReply, *, has_helped: bool) -> Done:
    understood = understand(row.text)
    match understood.command:
        case Command.STOP:
            return Done(ReplyOutcome.OPTED_OUT, Answer.OPTED_OUT)
        case Command.START:
            return Done(ReplyOutcome.OPTED_IN, Answer.OPTED_IN)
        case Command.HELP:
            return Done(ReplyOutcome.HELPED, Answer.HELP)
        case Command.UNKNOWN:
            # Once a day, only to who has to do with us, and to nobody who wants no messages.
            is_known = await repository.places_of(tx, row.sender) or await repository.ended_places_of(
                tx, row.sender, tx.now() - DAY
            )
            if has_helped or not is_known or await preferences.is_opted_out(tx, row.channel, row.sender):
                return Done(ReplyOutcome.PASSED_OVER)
            return Done(ReplyOutcome.HELPED, Answer.HELP)
        case _:
            defaults = await preferences.defaults_of(tx)
            return await do(tx, row.sender, understood, defaults.more_time_places)


async def _owe(tx: WriteTx, row: NotificationReply, fact: Fact, done: Done, said: Answer) -> None:
    tenant = await tenants.get(tx, tx.tenant)
    about = done.session
    if about is None:
        known = await repository.places_of(tx, row.sender) or await repository.ended_places_of(
            tx, row.sender, tx.now() - DAY
        )
        about = known[-1] if known else None
    locale = None
    if about is not None:
        (chosen,) = await preferences.chosen_locales(tx, [preferences.Recipient(row.sender, about.id)])
        locale = chosen or about.locale
    language, body = text_of(
        said, locale or settings_in(tenant).default_locale, tenant=tenant.name, **dict(done.values)
    )
    await owe(
        tx,
        [
            Owed(
                event_id=fact.id,
                kind=NotificationKind.REPLY,
                channel=row.channel,
                recipient=row.sender,
                locale=language,
                subject=tenant.name,
                body=body,
                queue_id=None if done.session is None else done.session.queue_id,
                session_id=None if done.session is None else done.session.id,
            )
        ],
    )


async def _opt(tx: WriteTx, row: NotificationReply, sender: str, outcome: ReplyOutcome) -> bool:
    address = row.channel, index_of(tx.tenant, row.channel, sender)
    opted_out = outcome is ReplyOutcome.OPTED_OUT
    # Held first: of two that come together, one is new.
    before = (await hold_opt_out(tx, address, OptOutSource.REPLY)).opted_out
    await preferences.set_opt_out(tx, address, OptOutSource.REPLY, opted_out=opted_out)
    return before is not opted_out


def _international(sender: str) -> str:
    """WhatsApp leaves the plus out."""
    plain = digits(sender)
    return plain if plain.startswith("+") else f"+{plain}"
