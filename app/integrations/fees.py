"""What joining a queue costs: set and taken away, under the queue's lock. Who has paid stands in `payments.py`."""

from typing import Any
from uuid import UUID

from app.core.db import WriteTx
from app.integrations import repository, rules
from app.integrations.errors import PaymentNotSetUp
from app.integrations.models import IntegrationKind, QueueFee
from app.integrations.rules import FeeConfig
from app.queues.events import QueueUpdated
from app.queues.line import lock, write_down


async def set_fee(tx: WriteTx, queue_id: UUID, fee: FeeConfig | None) -> None:
    """From now on whoever joins is on hold until this is paid; null: joining is free. Who has joined is not touched.

    Raises `InvalidInput`, `PaymentNotSetUp`, `NotFound`.
    """
    if fee is not None:
        rules.ensure_fee(fee)
    line = await lock(tx, queue_id)
    row = (await repository.fees_of(tx, [queue_id])).get(queue_id)
    if fee is None:
        if row is None:
            return
        await tx.delete(row)
        line.queue.payment_seconds = None
        write_down(tx, line, lambda state: QueueUpdated(state, {"fee": None}))
        return
    if await repository.enabled(tx, IntegrationKind.PAYMENT) is None:
        raise PaymentNotSetUp
    wanted: dict[str, Any] = {
        "amount": fee.amount,
        "currency": fee.currency,
        "description": fee.description.strip(),
        "refund": fee.refund,
    }
    is_same = row is not None and all(getattr(row, name) == value for name, value in wanted.items())
    if is_same and line.queue.payment_seconds == fee.payment_seconds:
        return
    if row is None:
        tx.add(QueueFee(tenant_id=tx.tenant, id=queue_id, **wanted))
    else:
        for name, value in wanted.items():
            setattr(row, name, value)
    line.queue.payment_seconds = fee.payment_seconds
    told = wanted | {"payment_seconds": fee.payment_seconds}
    write_down(tx, line, lambda state: QueueUpdated(state, {"fee": told}))
