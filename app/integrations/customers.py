"""Who a visitor is at the tenant's CRM: looked up when they join, written down there when they join and are served.

Nothing in a line waits for it. What the CRM said is shown to staff, and destroyed with the session's other data.
"""

from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.core.jobs.context import JobContext
from app.integrations import repository
from app.integrations.adapters.interface import AdapterFailed, Crm, Customer, Person
from app.integrations.breaker import Asking
from app.integrations.models import CustomerStatus, IntegrationKind
from app.integrations.retrying import later
from app.integrations.rules import visit_of
from app.queues import repository as queues
from app.sessions import repository as sessions
from app.sessions.models import Session

ATTEMPTS = 8


async def look_up(context: JobContext, asking: Asking, session_id: UUID) -> None:
    """Find whoever it is, keep what staff are shown, and write the visit down. Raises `RetryLater`."""
    async with context.read() as tx:
        integration = await repository.enabled(tx, IntegrationKind.CRM)
        if integration is None:
            return
        try:
            session = await sessions.get(tx, session_id)
        except NotFound:
            return
        person = Person(session.email, session.phone, session.user_identifier)
        visit = visit_of(session, (await queues.get(tx, session.queue_id)).name)
        known = (await repository.customers_of(tx, [session_id])).get(session_id)
        known_id = _known_id(known.customer) if known is not None and known.integration_id == integration.id else None
    if (person.email, person.phone, person.identifier) == (None, None, None):
        return
    customer: Customer | None = None
    problem: AdapterFailed | None = None
    try:
        crm = asking.adapter_of(integration)
        assert isinstance(crm, Crm)  # of the kind that was asked for
        if known_id is None:
            customer = await asking.ask(integration.id, crm, lambda: crm.find(person))
        customer_id = known_id if customer is None else customer.id
        if customer_id is not None:
            await asking.ask(integration.id, crm, lambda: crm.update(customer_id, visit))
    except AdapterFailed as failure:
        problem = failure
    if known_id is None:
        await _keep(context, session_id, integration.id, customer, problem)
    if problem is not None and not problem.is_refusal:
        raise later(problem, context.attempt)


async def _keep(
    context: JobContext,
    session_id: UUID,
    integration_id: UUID,
    customer: Customer | None,
    problem: AdapterFailed | None,
) -> None:
    status = CustomerStatus.NOT_FOUND if customer is None else CustomerStatus.FOUND
    if customer is None and problem is not None:
        status = CustomerStatus.FAILED
    async with context.write() as tx:
        if _is_erased(await sessions.get(tx, session_id)):
            # Meanwhile: what was found is nobody's to keep.
            return
        row = await repository.keep_customer(tx, session_id, integration_id, status, context.clock.now())
        row.error = None if problem is None else problem.reason[:500]
        row.customer = None if customer is None else _stored(customer)


def _is_erased(session: Session) -> bool:
    return session.email is None and session.phone is None and session.user_identifier is None


def _known_id(customer: dict[str, Any] | None) -> str | None:
    return None if customer is None else str(customer["id"])


def _stored(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "name": customer.name,
        "url": customer.url,
        "fields": [{"name": field.name, "value": field.value} for field in customer.fields],
    }
