"""Conversations with the payment system about one fee: a page to pay on, how it stands, its end, a refund.

Between two blocks, never in one. What follows from the answers is decided in `payments.py`.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.actor import SYSTEM
from app.core.errors import NotFound
from app.core.jobs.context import JobContext
from app.core.jobs.kinds import RetryLater
from app.integrations import payments, repository
from app.integrations.adapters.interface import AdapterFailed, News, Order, Page, PageState, Payments, Refund
from app.integrations.breaker import Asking, Write
from app.integrations.errors import IntegrationFailed, NothingToPay
from app.integrations.models import Integration, Payment, PaymentStatus
from app.integrations.retrying import later
from app.sessions import repository as sessions
from app.sessions import rules as session_rules
from app.sessions import service as verbs
from app.sessions.errors import SessionMoved

UNPAID = "The fee was not paid in time."
REFUND_ATTEMPTS = 500
_LOOKS = 10
_LOOK_AGAIN = timedelta(seconds=30)
AnyPayments = Payments[Any, Any]


async def pay(asking: Asking, write: Write, session_id: UUID, return_url: str) -> Payment:
    """A fee with a page it can be paid on: the one there is, or a new one where that has ended.

    A fee whose callback was lost is found to be paid, and the session taken off hold. Raises `NothingToPay`,
    `PaymentNotSetUp`, `IntegrationFailed`, `NotFound`.
    """
    payment, integration = await _owed(write, session_id)
    try:
        if payment.reference is not None:
            news = await _look(asking, integration, payment.reference)
            if news.state is PageState.OPEN:
                return payment
            if news.state is PageState.PAID:
                await take(asking, integration.id, news)
                return await _now(asking, payment.id)
            payment = await _turn_page(write, payment)
        adapter = _payments(asking, integration)
        order = Order(
            key=payments.page_key(payment, return_url),
            payment_id=payment.id.hex,
            amount=payment.amount,
            currency=payment.currency,
            description=payment.description,
            return_url=return_url,
        )
        page: Page = await asking.ask(integration.id, adapter, lambda: adapter.open_page(order))
    except AdapterFailed as failure:
        after = None if failure.after is None else max(1, round(failure.after.total_seconds()))
        raise IntegrationFailed(failure.reason, after) from None
    async with write() as tx:
        held = await repository.lock_payment(tx, payment.id)
        if held is None or held.status is not PaymentStatus.OPEN:
            raise NothingToPay
        payments.keep_page(tx, held, page)
    return held


async def _owed(write: Write, session_id: UUID) -> tuple[Payment, Integration]:
    while True:
        try:
            async with write() as tx:
                payment = await payments.owed(tx, session_id)
                return payment, await repository.get(tx, payment.integration_id)
        except SessionMoved:
            continue


async def take(asking: Asking, integration_id: UUID, news: News) -> None:
    """`payments.apply` in a block of its own, as often as the session moves meanwhile."""
    while True:
        try:
            async with asking.db.write(asking.tenant_id, SYSTEM) as tx:
                await payments.apply(tx, integration_id, news)
            return
        except SessionMoved:
            continue


async def give_up(context: JobContext, asking: Asking, session_id: UUID) -> None:
    """The time to pay is over: who has not paid gives up the place. Asks once more, in case a callback was lost."""
    async with context.read() as tx:
        try:
            session = await sessions.get(tx, session_id)
        except NotFound:
            return
        payment = (await repository.payments_of(tx, [session_id])).get(session_id)
        integration = None if payment is None else await repository.get(tx, payment.integration_id)
    if not payments.owes(session) or session.payment_due_at is None:
        return
    if session.payment_due_at > context.clock.now():
        raise RetryLater(session.payment_due_at - context.clock.now(), "there is more time to pay")
    if payment is not None and payment.reference is not None and integration is not None:
        try:
            news = await _look(asking, integration, payment.reference)
        except AdapterFailed as failure:
            if not failure.is_refusal and context.attempt < _LOOKS:
                raise RetryLater(_LOOK_AGAIN, failure.reason) from None
        else:
            await take(asking, integration.id, news)
    while True:
        try:
            async with context.finish() as tx:
                _, session = await verbs.hold(tx, session_id, session_rules.ADD_NOTE)
                if payments.owes(session):
                    await verbs.cancel(tx, session_id, UNPAID)
            return
        except SessionMoved:
            continue


async def close(context: JobContext, asking: Asking, payment_id: UUID, reference: str) -> None:
    """Nobody is to pay on a page any more. Raises `RetryLater`."""
    async with context.read() as tx:
        payment = await repository.payment(tx, payment_id)
        if payment is None:
            return
        integration = await repository.get(tx, payment.integration_id)
    try:
        adapter = _payments(asking, integration)
        await asking.ask(integration.id, adapter, lambda: adapter.close_page(reference))
    except AdapterFailed as failure:
        # It may have been paid at this moment: then the callback tells us, and it goes back.
        if not failure.is_refusal:
            raise later(failure, context.attempt) from None


async def refund(context: JobContext, asking: Asking, payment_id: UUID, charge: str) -> None:
    """Give a fee back. Raises `RetryLater` until the payment system has answered for good."""
    async with context.read() as tx:
        payment = await repository.payment(tx, payment_id)
        if payment is None:
            return
        integration = await repository.get(tx, payment.integration_id)
    wanted = Refund(f"refund-{payment.id.hex}-{charge[-24:]}", charge, payment.amount, payment.currency)
    problem: str | None = None
    try:
        adapter = _payments(asking, integration)
        await asking.ask(integration.id, adapter, lambda: adapter.refund(wanted))
    except AdapterFailed as failure:
        if not failure.is_refusal and context.attempt < REFUND_ATTEMPTS:
            raise later(failure, context.attempt) from None
        problem = failure.reason
    async with context.finish() as tx:
        await payments.refunded(tx, payment_id, charge=charge, problem=problem)


def _payments(asking: Asking, integration: Integration) -> AnyPayments:
    adapter = asking.adapter_of(integration)
    assert isinstance(adapter, Payments)  # of the kind that was asked for
    return adapter


async def _look(asking: Asking, integration: Integration, reference: str) -> News:
    adapter = _payments(asking, integration)
    return await asking.ask(integration.id, adapter, lambda: adapter.look(reference))


async def _turn_page(write: Write, payment: Payment) -> Payment:
    """Forget a page that has ended; whoever comes at the same time gets the same new one."""
    async with write() as tx:
        held = await repository.lock_payment(tx, payment.id)
        if held is None:
            raise NothingToPay
        if held.reference == payment.reference:
            payments.forget_page(tx, held)
    return held


async def _now(asking: Asking, payment_id: UUID) -> Payment:
    async with asking.db.read(asking.tenant_id) as tx:
        payment = await repository.payment(tx, payment_id)
    if payment is None:
        raise NothingToPay
    return payment
