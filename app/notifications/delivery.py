"""Sending one notification: the steps between a PENDING row and a settled one. Who carries it is decided elsewhere.

No provider can be asked exactly once: between handing a message over and the answer nobody knows whether it was taken.
So the moment is written down first (`handed_over_at`), and what is in doubt keeps its key, by which providers and
receivers tell that it is the same message:

- stopped before it: nothing was sent, the job tries again
- stopped in it, or the connection was lost: in doubt. It is handed over again, with the same key, if its provider knows
  a key again or the tenant has not said otherwise (`resendWhenInDoubt`); else FAILED, and `error` says why
- stopped after it, before SENT was committed: in doubt as well; the commit is tried for as long as the job lives
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db import WriteTx
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater
from app.core.jobs.outage import Outage, is_database_away
from app.notifications import reports
from app.notifications.attachments import service as attachments
from app.notifications.broadcasts import repository as broadcasts
from app.notifications.channels.installation import why_none
from app.notifications.channels.interface import Accepted, Attachment, InDoubt, Message, Outcome, Refused, TryLater
from app.notifications.deliveries import repository, rules
from app.notifications.devices import service as devices
from app.notifications.live import inbox_topic, status_topic
from app.notifications.models import Notification, NotificationChannel, NotificationStatus
from app.notifications.preferences.links import opt_out_url
from app.notifications.preferences.service import is_opted_out
from app.notifications.providers.gate import ProviderGate, Wait
from app.notifications.providers.service import Usable, providers_for
from app.notifications.repository import find
from app.notifications.rules import without_address
from app.settings import Settings

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 240.0
"""Longer than the deadlines of all providers of a channel together, as far as one is likely to have them."""

SEND_SECONDS = 40.0
"""Providers end within 30 themselves; this is for those of plug-ins that do not."""

MOST_ATTEMPTS = 1_000
"""Handed over so often, and the last time without an end: something is wrong with this very message.

One that is put off all the time comes to about four hundred with each provider until it is given up.
"""

MOST_CLAIMS = 2_000
"""Taken up so often, and too old: what never gets as far as being put off is given up as well."""

IN_DOUBT = (
    "It is not known whether the provider took the message, because the connection or the worker was lost while it was "
    "handed over. It is not sent again, as the provider's `resendWhenInDoubt` says."
)
OPTED_OUT = "The recipient does not want messages on this channel."
CANCELLED = "The broadcast was cancelled."
TOO_OFTEN = "Given up after too many tries that came to no end: see the worker's log."
UNREACHABLE = "None of your providers of this channel can reach this recipient."
WAITS = "Waits for its provider, which is failing at present or has enough for the moment."


@dataclass(slots=True)
class _Delivery:
    """One run of the job: the message as it is now, who may carry it, and what kept it from going so far."""

    context: JobContext
    row: Notification
    usable: Sequence[Usable]
    attached: Sequence[Attachment]
    waits: list[timedelta] = field(default_factory=list)
    reason: str | None = None
    tried: bool = False
    is_over: bool = False


async def deliver(context: JobContext, notification_id: UUID) -> None:
    """Send a notification, or write down why not. Raises `RetryLater` when it is to be tried again."""
    async with context.read() as tx:
        row = await find(tx, notification_id)
        if row is None or row.status is not NotificationStatus.PENDING:
            return  # erased with its session, or settled by another try
        forbidden = None
        if row.broadcast_id is not None and await broadcasts.is_cancelled(tx, row.broadcast_id):
            forbidden = CANCELLED
        elif await is_opted_out(
            tx, row.channel, row.recipient, row.kind, session_id=row.session_id, user_id=row.user_id
        ):
            forbidden = OPTED_OUT
        usable = await providers_for(tx, context.settings, row.channel)
        attached = await attachments.of(tx, row)
    delivery = _Delivery(context, row, usable, attached)
    if forbidden is not None:
        await _end(delivery, NotificationStatus.SUPPRESSED, forbidden)
    elif _is_endless(delivery):
        await _end(delivery, NotificationStatus.FAILED, TOO_OFTEN)
    elif not usable:
        await _end(delivery, NotificationStatus.FAILED, why_none(context.settings, row.channel))
    else:
        await _try_all(delivery)


def _is_endless(delivery: _Delivery) -> bool:
    row = delivery.row
    # What staff have sent again has all its tries again.
    if row.handed_over_at is not None and row.attempts >= MOST_ATTEMPTS * (row.retries + 1):
        return True
    return delivery.context.attempt > MOST_CLAIMS and _age(delivery) >= rules.gives_up_after(row.kind)


def _age(delivery: _Delivery) -> timedelta:
    age: timedelta = delivery.context.clock.now() - delivery.row.due_at
    return age


async def _try_all(delivery: _Delivery) -> None:
    candidates = _candidates(delivery.row, delivery.usable)
    if not candidates:
        await _end(delivery, NotificationStatus.FAILED, IN_DOUBT)
        return
    message = _message(delivery.row, delivery.context.settings, delivery.attached)
    able = [each for each in candidates if each.provider.carries(message)]
    if not able:
        await _end(delivery, NotificationStatus.FAILED, UNREACHABLE)
        return
    gate = ProviderGate(delivery.context.db, delivery.context.tenant_id)
    for each in able:
        entered = await gate.enter(each)
        if isinstance(entered, Wait):
            delivery.waits.append(timedelta(seconds=entered.seconds))
            continue
        outcome = await _try(delivery, gate, each, message)
        if delivery.is_over:
            return
        if isinstance(outcome, InDoubt):
            # Nobody else is asked at once: whoever has it may have sent it.
            break
    await _put_off(delivery)


async def _try(delivery: _Delivery, gate: ProviderGate, usable: Usable, message: Message) -> Outcome | None:
    """Hand the message to one provider and write down how it went; None if somebody else was faster."""
    context, row = delivery.context, delivery.row
    async with context.write() as tx:
        now = tx.now()
        number = await repository.start_hand_over(tx, row, now, usable.provider_id, usable.name)
    if number is None:
        delivery.is_over = True
        return None
    in_doubt_since, holder = row.handed_over_at, (row.provider_id, row.provider)
    row.handed_over_at, row.provider_id, row.provider, row.attempts = now, usable.provider_id, usable.name, number
    delivery.tried = True
    outcome = await _sent(usable, message)
    if not isinstance(outcome, Accepted):
        # Providers leave it out themselves; a plug-in's may not.
        delivery.reason = (without_address(outcome.reason, row.recipient) if row.recipient else outcome.reason)[:1000]
        logger.info(
            "A message was not taken.",
            extra={"notification_id": row.id, "provider": usable.name, "reason": delivery.reason},
        )
    match outcome:
        case Accepted(provider_message_id=number_there):
            await _taken(delivery, number_there)
        case Refused(is_gone=is_gone):
            await _end(delivery, NotificationStatus.FAILED, delivery.reason or "", handed_over=True, is_gone=is_gone)
        case InDoubt() if not (usable.resend_when_in_doubt or usable.provider.repeats_safely):
            await _end(delivery, NotificationStatus.FAILED, IN_DOUBT, handed_over=True)
        case InDoubt():
            # It stays handed over: whoever tries next sees that it is in doubt, and with whom.
            await _note(delivery, now)
        case TryLater(after=after):
            if in_doubt_since is not None:
                # This one certainly has not got it: who is asked about the doubt is still who was given it before.
                row.provider_id, row.provider = holder
            await _note(delivery, in_doubt_since)
            delivery.waits.append(after or timedelta(0))
    await gate.settle(usable, outcome)
    return outcome


async def _sent(usable: Usable, message: Message) -> Outcome:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            return await usable.provider.send(message)
    except TimeoutError:
        return InDoubt(f"{usable.name} did not come to an end within {SEND_SECONDS:g} s.")
    except Exception as problem:  # noqa: BLE001 - whatever a plug-in raises
        # Of what went wrong only its kind is known to hold nobody's data.
        logger.error("A provider failed.", extra={"provider": usable.name, "problem": type(problem).__name__})
        return InDoubt(f"{usable.name} failed ({type(problem).__name__}).")


async def _taken(delivery: _Delivery, provider_message_id: str | None) -> None:
    row = delivery.row

    async def write(tx: WriteTx) -> None:
        if provider_message_id is not None:
            # A report that comes at this moment waits, or is found below.
            await repository.hold_reports(tx, [provider_message_id])
        if await repository.take(tx, row.id, tx.now(), provider_message_id):
            await reports.apply_early(tx, await repository.lock(tx, row.id))

    await _settled(delivery, write, handed_over=True, is_last=True)
    if row.channel is NotificationChannel.IN_APP:
        delivery.context.ring(inbox_topic(row.tenant_id, row.recipient))


async def _end(
    delivery: _Delivery,
    status: NotificationStatus,
    reason: str,
    *,
    handed_over: bool = False,
    is_gone: bool = False,
) -> None:
    row = delivery.row

    async def write(tx: WriteTx) -> None:
        await repository.end(tx, row.id, row.attempts, status, reason)
        if is_gone and row.channel is NotificationChannel.PUSH:
            await devices.forget(tx, row.recipient)

    await _settled(delivery, write, handed_over=handed_over, is_last=True)


async def _note(delivery: _Delivery, in_doubt_since: datetime | None) -> None:
    """Write down why a provider did not take it, and that it may be asked again."""
    row = delivery.row

    async def write(tx: WriteTx) -> None:
        await repository.put_off(tx, row, error=delivery.reason, in_doubt_since=in_doubt_since)

    await _settled(delivery, write, handed_over=delivery.tried, is_last=False)
    row.handed_over_at = in_doubt_since


async def _put_off(delivery: _Delivery) -> None:
    """Nobody would take it now: again later, unless it is too late for it."""
    row = delivery.row
    reason = delivery.reason or row.error or WAITS
    patience = rules.gives_up_after(row.kind)
    age = _age(delivery)
    if age >= patience:
        words = "30 minutes" if patience == rules.URGENT else "24 hours"
        await _end(delivery, NotificationStatus.FAILED, f"Given up after {words}. {reason}"[:1000])
        return
    if not delivery.tried and row.error is None:
        delivery.reason = WAITS
        await _note(delivery, row.handed_over_at)
    tries = row.attempts if delivery.tried else 0
    raise RetryLater(rules.delay(tries, delivery.waits, age), "no provider took the message")


async def _settled(
    delivery: _Delivery, write: Callable[[WriteTx], Awaitable[None]], *, handed_over: bool, is_last: bool
) -> None:
    """Write down how it went, and, if it `is_last`, that the job is done.

    After handing over only we know how it went. So the row is ours even if the job was given to somebody else, and
    PostgreSQL's being away is waited for, until the job's time is over.
    """
    context = delivery.context
    database = Outage(logger, "The database (delivery)")
    while True:
        try:
            block: AbstractAsyncContextManager[WriteTx]
            block = context.finish(fenced=not handed_over) if is_last else context.write(fenced=not handed_over)
            async with block as tx:
                await write(tx)
        except Exception as problem:
            if not handed_over or not is_database_away(problem):
                raise
            database.failed(problem)
            await asyncio.sleep(database.pause_seconds())
        else:
            database.worked()
            delivery.is_over = is_last
            context.ring(status_topic(context.tenant_id))
            return


def _candidates(row: Notification, usable: Sequence[Usable]) -> Sequence[Usable]:
    """Who may be given the message: everybody, unless it is in doubt and that would send it twice."""
    if row.handed_over_at is None:
        return usable
    [*holder] = (each for each in usable if (each.provider_id, each.name) == (row.provider_id, row.provider))
    if not holder or holder[0].resend_when_in_doubt:
        return usable
    return holder if holder[0].provider.repeats_safely else []


def _message(row: Notification, settings: Settings, attached: Sequence[Attachment]) -> Message:
    parameters = row.parameters or {}
    unsubscribe = opt_out_url(settings.secret, settings.base_url, row.tenant_id, row.channel, row.recipient)
    return Message(
        key=f"{row.id.hex}.{row.tenant_id.hex[:8]}",
        channel=row.channel,
        kind=row.kind,
        to=row.recipient,
        subject=row.subject,
        body=row.body,
        language=row.locale,
        written_at=row.created_at,
        values=parameters.get("values") or {},
        link=parameters.get("link"),
        unsubscribe_url=unsubscribe,
        attachments=attached,
    )
