"""Every statement about integrations, customers, fees and payments."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, func, select

from app.core.db import ReadTx, WriteTx
from app.core.errors import NotFound
from app.core.ids import Ref
from app.integrations.models import (
    CustomerStatus,
    Integration,
    IntegrationHealth,
    IntegrationKind,
    Payment,
    QueueFee,
    SessionCustomer,
)


async def listed(tx: ReadTx) -> Sequence[Integration]:
    """The tenant's integrations, by name."""
    found = await tx.exec(
        select(Integration)
        .where(Integration.tenant_id == tx.tenant)
        .order_by(col(Integration.name), col(Integration.id))
    )
    return found.all()


async def get(tx: ReadTx, integration_id: UUID) -> Integration:
    """An integration of the tenant. `NotFound` otherwise."""
    found = await tx.get(Integration, (tx.tenant, integration_id))
    if found is None:
        raise NotFound("Integration")
    return found


async def lock(tx: WriteTx, integration_id: UUID) -> Integration:
    """An integration, held until the transaction ends. `NotFound` otherwise."""
    found = await tx.exec(
        select(Integration)
        .where(Integration.tenant_id == tx.tenant, Integration.id == integration_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if (integration := found.one_or_none()) is None:
        raise NotFound("Integration")
    return integration


async def enabled(tx: ReadTx, kind: IntegrationKind) -> Integration | None:
    """The one of a kind that is on."""
    found = await tx.exec(
        select(Integration).where(
            Integration.tenant_id == tx.tenant, Integration.kind == kind, col(Integration.enabled)
        )
    )
    return found.one_or_none()


async def count(tx: ReadTx) -> int:
    """How many integrations the tenant has."""
    found = await tx.exec(select(func.count()).select_from(Integration).where(Integration.tenant_id == tx.tenant))
    return found.one()


async def health_of(tx: ReadTx, ids: Sequence[UUID]) -> dict[UUID, IntegrationHealth]:
    """How integrations do, by id; those that were never asked are left out."""
    found = await tx.exec(
        select(IntegrationHealth)
        .where(IntegrationHealth.tenant_id == tx.tenant, col(IntegrationHealth.id).in_(ids))
        .execution_options(populate_existing=True)
    )
    return {health.id: health for health in found}


async def hold_health(tx: WriteTx, integration_id: UUID) -> IntegrationHealth:
    """How an integration does, held: of those who ask it at once, one at a time decides whether to."""
    await tx.rows(
        "insert into integration_health (tenant_id, id, failure_count) values ($1, $2, 0) on conflict do nothing",
        tx.tenant,
        integration_id,
    )
    found = await tx.exec(
        select(IntegrationHealth)
        .where(IntegrationHealth.tenant_id == tx.tenant, IntegrationHealth.id == integration_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one()


async def customers_of(tx: ReadTx, session_ids: Sequence[UUID]) -> dict[UUID, SessionCustomer]:
    """Who visitors are at the CRM, by session."""
    found = await tx.exec(
        select(SessionCustomer).where(SessionCustomer.tenant_id == tx.tenant, col(SessionCustomer.id).in_(session_ids))
    )
    return {customer.id: customer for customer in found}


async def keep_customer(
    tx: WriteTx, session_id: UUID, integration_id: UUID, status: CustomerStatus, now: datetime
) -> SessionCustomer:
    """The row of a session's customer, held, with what was known before forgotten."""
    found = await tx.exec(
        select(SessionCustomer)
        .where(SessionCustomer.tenant_id == tx.tenant, SessionCustomer.id == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if (row := found.one_or_none()) is None:
        row = SessionCustomer(
            tenant_id=tx.tenant, id=session_id, integration_id=integration_id, status=status, looked_up_at=now
        )
        tx.add(row)
    row.integration_id, row.status, row.looked_up_at = integration_id, status, now
    row.customer = row.error = None
    return row


async def fees_of(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, QueueFee]:
    """What joining queues costs, by queue; those that cost nothing are left out."""
    found = await tx.exec(select(QueueFee).where(QueueFee.tenant_id == tx.tenant, col(QueueFee.id).in_(queue_ids)))
    return {fee.id: fee for fee in found}


async def has_fees(tx: ReadTx) -> bool:
    """Whether any queue costs something."""
    found = await tx.exec(select(QueueFee.id).where(QueueFee.tenant_id == tx.tenant).limit(1))
    return found.first() is not None


async def payments_of(tx: ReadTx, session_ids: Sequence[UUID]) -> dict[UUID, Payment]:
    """Fees of sessions, by session."""
    found = await tx.exec(
        select(Payment)
        .where(Payment.tenant_id == tx.tenant, col(Payment.session_id).in_(session_ids))
        .execution_options(populate_existing=True)
    )
    return {payment.session_id: payment for payment in found}


async def payment(tx: ReadTx, payment_id: UUID) -> Payment | None:
    """A fee of the tenant, if there is one."""
    return await tx.get(Payment, (tx.tenant, payment_id))


async def lock_payment(tx: WriteTx, payment_id: UUID) -> Payment | None:
    """A fee, held until the transaction ends."""
    return await _lock_payment(tx, payment_id, "id")


async def lock_payment_of(tx: WriteTx, session_id: UUID) -> Payment | None:
    """A session's fee, held until the transaction ends."""
    return await _lock_payment(tx, session_id, "session_id")


async def _lock_payment(tx: WriteTx, id: UUID, column: str) -> Payment | None:
    found = await tx.exec(
        select(Payment)
        .where(Payment.tenant_id == tx.tenant, getattr(Payment, column) == id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def has_payments(tx: ReadTx, integration_id: UUID) -> bool:
    """Whether a fee was opened by an integration."""
    found = await tx.exec(
        select(Payment.id).where(Payment.tenant_id == tx.tenant, Payment.integration_id == integration_id).limit(1)
    )
    return found.first() is not None


async def tenants_with(tx: ReadTx, kind: IntegrationKind, tenant_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these tenants have an integration of a kind that is on; needs a block of the platform."""
    found = await tx.rows(
        "select distinct tenant_id from integrations where tenant_id = any($1::uuid[]) and kind = $2 and enabled",
        tenant_ids,
        kind.value,
    )
    return {row[0] for row in found}


async def paying_sessions(tx: ReadTx, refs: Sequence[Ref]) -> set[UUID]:
    """Which of these sessions have a fee; needs a block of the platform."""
    found = await tx.rows(
        "select session_id from payments join unnest($1::uuid[], $2::uuid[]) as asked (tenant, session)"
        " on payments.tenant_id = asked.tenant and payments.session_id = asked.session",
        [ref.tenant_id for ref in refs],
        [ref.id for ref in refs],
    )
    return {row[0] for row in found}
