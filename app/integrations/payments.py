"""One session's fee, from the page it is paid on to its refund. Decides nothing about lines: sessions' verbs do.

Only what the payment system has said, signed or asked for, makes a fee PAID; and then the session is taken off hold in
the same commit. Everything here may happen twice. Locks: the line first, then the fee.
"""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.events import record
from app.core.ids import new_id
from app.core.jobs.context import write_jobs
from app.core.jobs.repository import NewJob
from app.integrations import events, repository
from app.integrations.adapters.interface import News, Page, PageState
from app.integrations.errors import NothingToPay, PaymentNotSetUp
from app.integrations.models import IntegrationKind, Payment, PaymentStatus
from app.integrations.rules import goes_back
from app.sessions import repository as sessions
from app.sessions import rules as session_rules
from app.sessions import service as verbs
from app.sessions.models import Session, SessionStatus

REFUND_JOB = "integrations.refund"
CLOSE_JOB = "integrations.close_page"
_ENDED_UNSERVED = frozenset({SessionStatus.CANCELLED, SessionStatus.EXPIRED, SessionStatus.NO_SHOW})
_EVENTS: Mapping[PaymentStatus, type[events.PaymentEvent]] = {
    PaymentStatus.OPEN: events.PaymentOpened,
    PaymentStatus.PAID: events.PaymentReceived,
    PaymentStatus.CANCELLED: events.PaymentCancelled,
    PaymentStatus.REFUND_OWED: events.PaymentRefundOwed,
    PaymentStatus.REFUNDED: events.PaymentRefunded,
    PaymentStatus.REFUND_FAILED: events.PaymentRefundFailed,
}


def owes(session: Session) -> bool:
    """Whether a session is on hold for its fee."""
    return session.status is SessionStatus.WAITING and session.payment_due_at is not None


async def owed(tx: WriteTx, session_id: UUID) -> Payment:
    """The fee of a session that owes one, held: as it was when its visitor first asked.

    Raises `NothingToPay`, `PaymentNotSetUp`, `SessionMoved`, `NotFound`.
    """
    # The line is held: of two who ask first at once, the second finds what the first has written.
    _, session = await verbs.hold(tx, session_id, session_rules.ADD_NOTE)
    if not owes(session):
        raise NothingToPay
    if (payment := await repository.lock_payment_of(tx, session_id)) is not None:
        if payment.status is not PaymentStatus.OPEN:
            raise NothingToPay
        return payment
    fee = (await repository.fees_of(tx, [session.queue_id])).get(session.queue_id)
    if fee is None:
        raise NothingToPay
    integration = await repository.enabled(tx, IntegrationKind.PAYMENT)
    if integration is None:
        raise PaymentNotSetUp
    payment = Payment(
        tenant_id=tx.tenant,
        id=new_id(),
        session_id=session_id,
        integration_id=integration.id,
        amount=fee.amount,
        currency=fee.currency,
        description=fee.description,
        refund=fee.refund,
        created_at=tx.now(),
    )
    tx.add(payment)
    _note(tx, payment)
    await tx.flush()
    return payment


def keep_page(tx: WriteTx, payment: Payment, page: Page) -> None:
    """There is a page now. The first one counts, whoever else has asked at the same time."""
    if payment.reference is not None:
        return
    payment.reference, payment.checkout_url = page.reference, page.url
    payment.revision += 1
    opened = events.PaymentPageOpened(payment.session_id, payment.amount, payment.currency, payment.page_number)
    record(tx, events.PAYMENT, payment.id, payment.revision, opened, tx.now())


def forget_page(tx: WriteTx, payment: Payment) -> None:
    """The page has ended: the next one has another key."""
    payment.page_number += 1
    payment.reference = payment.checkout_url = None
    payment.revision += 1
    _note(tx, payment)


def page_key(payment: Payment, return_url: str) -> str:
    """What makes a page one page, however often it is asked for."""
    return f"{payment.id.hex}-{payment.page_number}-{hashlib.sha256(return_url.encode()).hexdigest()[:8]}"


async def apply(tx: WriteTx, integration_id: UUID, news: News) -> None:
    """What the payment system says. Nothing happens where it concerns nobody, is known already, or is not all of it.

    Raises `SessionMoved`.
    """
    payment = await _meant(tx, integration_id, news)
    if payment is None or news.state is not PageState.PAID:
        return
    _, session = await verbs.hold(tx, payment.session_id, session_rules.ADD_NOTE)
    held = await repository.lock_payment(tx, payment.id)
    assert held is not None  # nothing deletes one whose session is held
    if (news.amount, news.currency) != (held.amount, held.currency):
        held.error = "What was paid is not what was asked for; look at it in the payment system."
        return
    if held.status not in (PaymentStatus.OPEN, PaymentStatus.CANCELLED):
        if news.charge is not None and news.charge != held.charge:
            # Two pages, both paid: one of them too many.
            await _owe_refund(tx, held, news.charge)
        return
    held.reference, held.charge, held.paid_at, held.error = news.reference, news.charge, tx.now(), None
    _become(tx, held, PaymentStatus.PAID)
    if owes(session):
        await verbs.unhold(tx, session.id)
    elif session.status in _ENDED_UNSERVED:
        # They were too late, and are not let in for it.
        _become(tx, held, PaymentStatus.REFUND_OWED)
        await _owe_refund(tx, held, held.charge)


async def settle(tx: WriteTx, session_id: UUID) -> None:
    """What becomes of a fee whose session was cancelled, or let in without it."""
    try:
        session = await sessions.get(tx, session_id)
    except NotFound:
        return
    payment = await repository.lock_payment_of(tx, session_id)
    if payment is None:
        return
    if payment.status is PaymentStatus.OPEN and not owes(session):
        _become(tx, payment, PaymentStatus.CANCELLED)
        if payment.reference is not None:
            await _write(tx, payment, CLOSE_JOB, payment.reference)
        return
    is_over = payment.status is PaymentStatus.PAID and session.status is SessionStatus.CANCELLED
    if is_over and goes_back(payment.refund, was_called=session.called_at is not None):
        _become(tx, payment, PaymentStatus.REFUND_OWED)
        await _owe_refund(tx, payment, payment.charge)


async def refunded(tx: WriteTx, payment_id: UUID, *, charge: str, problem: str | None) -> None:
    """How a refund ended; None: it is done."""
    payment = await repository.lock_payment(tx, payment_id)
    if payment is None:
        return
    if payment.charge != charge:
        if problem is not None:
            payment.error = f"It was paid twice, and one of the two was not given back: {problem}"[:500]
        return
    if payment.status is not PaymentStatus.REFUND_OWED:
        return
    payment.error = None if problem is None else problem[:500]
    if problem is None:
        payment.refunded_at = tx.now()
    _become(tx, payment, PaymentStatus.REFUNDED if problem is None else PaymentStatus.REFUND_FAILED)


async def _meant(tx: ReadTx, integration_id: UUID, news: News) -> Payment | None:
    try:
        payment = await repository.payment(tx, UUID(hex=news.payment_id))
    except ValueError:
        return None
    # Of another integration of the tenant it would be signed by somebody else than who was asked.
    return None if payment is None or payment.integration_id != integration_id else payment


async def _owe_refund(tx: WriteTx, payment: Payment, charge: str | None) -> None:
    if charge is None:
        payment.error = "The payment system has not said what it took the money by: give it back there."
        _become(tx, payment, PaymentStatus.REFUND_FAILED)
        return
    await _write(tx, payment, REFUND_JOB, charge)


async def _write(tx: WriteTx, payment: Payment, job: str, what: str) -> None:
    args = {"paymentId": str(payment.id), "what": what}
    await write_jobs(tx, [NewJob(tx.tenant, job, args, f"{job}:{payment.id}:{what}", tx.request_id)])


def _become(tx: WriteTx, payment: Payment, status: PaymentStatus) -> None:
    payment.status = status
    payment.revision += 1
    _note(tx, payment)


def _note(tx: WriteTx, payment: Payment) -> None:
    event = _EVENTS[payment.status](payment.session_id, payment.amount, payment.currency)
    record(tx, events.PAYMENT, payment.id, payment.revision, event, tx.now())
