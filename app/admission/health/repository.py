"""Every statement about what was seen of protected sites."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from app.admission.health.models import OriginCheck
from app.core.db import ReadTx, WriteTx
from app.core.ids import Ref

# One range of one index, however many queues there are. Who is taken by another worker is left to it.
_TAKE_DUE = """
    update origin_checks set due_at = $2
    from (
        select tenant_id, queue_id from origin_checks join (
            select tenant_id, queue_id, row_number() over (partition by tenant_id order by due_at) as turn
            from origin_checks where due_at <= $1 and tenant_id <> all($4::uuid[])
        ) as waiting using (tenant_id, queue_id)
        where turn <= $5 and due_at <= $1
        order by due_at limit $3 for update of origin_checks skip locked
    ) as due
    where origin_checks.tenant_id = due.tenant_id and origin_checks.queue_id = due.queue_id
    returning origin_checks.tenant_id, origin_checks.queue_id
"""


async def find(tx: ReadTx, queue_id: UUID) -> OriginCheck | None:
    """What was seen of a queue's site; None if nobody ever looked. To change it, hold the queue's line."""
    return await tx.get(OriginCheck, (tx.tenant, queue_id), populate_existing=True)


async def by_queues(tx: ReadTx, queue_ids: Sequence[UUID]) -> dict[UUID, OriginCheck]:
    """What was seen of the sites of queues."""
    found = await tx.exec(
        select(OriginCheck).where(OriginCheck.tenant_id == tx.tenant, col(OriginCheck.queue_id).in_(queue_ids))
    )
    return {check.queue_id: check for check in found}


async def take_due(
    tx: WriteTx, *, now: datetime, again_at: datetime, limit: int, share: int, without: Sequence[UUID] = ()
) -> list[Ref]:
    """Queues of all tenants whose site is to be looked at, longest due first; they come up again at `again_at`.

    At most `share` of any tenant, and none of the tenants `without`.
    """
    taken = await tx.rows(_TAKE_DUE, now, again_at, limit, without, share)
    return [Ref(UUID(int=row[0].int), UUID(int=row[1].int)) for row in taken]
