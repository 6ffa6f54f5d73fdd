"""The jobs of integrations: each asks one system about one session, and tries again where it was away."""

from uuid import UUID

from app.core.events.reactions import Fact
from app.core.jobs.context import JobContext, write_jobs
from app.core.jobs.kinds import job
from app.core.jobs.repository import NewJob
from app.integrations import customers, paying, payments
from app.integrations.adapters.interface import TIMEOUT_SECONDS
from app.integrations.breaker import Asking
from app.sessions import repository as sessions

# Each job asks at most three times.
_LONGEST = 4 * TIMEOUT_SECONDS


@job("integrations.customer", max_attempts=customers.ATTEMPTS, timeout_seconds=_LONGEST)
async def customer(context: JobContext) -> None:
    """SESSION_JOINED, SESSION_COMPLETED: who it is at the CRM, and that they were here."""
    await customers.look_up(context, _asking(context), session_of(Fact.of(context.args)))


@job("integrations.await_payment")
async def await_payment(context: JobContext) -> None:
    """SESSION_JOINED on hold: when the time to pay is over, somebody has to look."""
    async with context.finish() as tx:
        session_id = session_of(Fact.of(context.args))
        session = await sessions.get(tx, session_id)
        if session.payment_due_at is not None:
            args, key = {"sessionId": str(session_id)}, f"unpaid:{session_id}"
            due = NewJob(tx.tenant, give_up.name, args, key, tx.request_id, due_at=session.payment_due_at)
            await write_jobs(tx, [due])


@job("integrations.give_up_unpaid", timeout_seconds=_LONGEST)
async def give_up(context: JobContext) -> None:
    """The time to pay is over."""
    await paying.give_up(context, _asking(context), UUID(context.args["sessionId"]))


@job("integrations.settle_payment")
async def settle_payment(context: JobContext) -> None:
    """SESSION_CANCELLED, SESSION_UNHELD: what becomes of the fee."""
    async with context.finish() as tx:
        await payments.settle(tx, session_of(Fact.of(context.args)))


@job(payments.CLOSE_JOB, timeout_seconds=_LONGEST)
async def close_page(context: JobContext) -> None:
    """A fee is not to be paid any more."""
    await paying.close(context, _asking(context), UUID(context.args["paymentId"]), context.args["what"])


# Money that is owed is tried for days; decides itself when to give up, because the fee has to say so.
@job(payments.REFUND_JOB, max_attempts=None, timeout_seconds=_LONGEST)
async def refund(context: JobContext) -> None:
    """A fee goes back."""
    await paying.refund(context, _asking(context), UUID(context.args["paymentId"]), context.args["what"])


def session_of(fact: Fact) -> UUID:
    """The session an event is about."""
    return UUID(fact.data["session"]["id"])


def is_held(fact: Fact) -> bool:
    """Whether somebody joined on hold: where joining costs something, and nowhere else."""
    return fact.data.get("session", {}).get("held_at") is not None


def _asking(context: JobContext) -> Asking:
    return Asking(context.db, context.clock, context.settings, context.tenant_id)
