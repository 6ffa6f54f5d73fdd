"""Reads behind the health of protected sites, batched per operation."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from app.admission.graphql.health.types import OriginHealthState
from app.admission.health import repository
from app.context import Context
from app.identity.permissions import Permission
from app.queues import repository as queues
from app.queues.models import QueueMode


def states_of_queues(context: Context, tenant_id: UUID) -> DataLoader[UUID, OriginHealthState | None]:
    """How the sites behind queues are; None for queues that stand before none."""

    async def load(ids: list[UUID]) -> Sequence[OriginHealthState | None]:
        async with context.read(tenant_id, snapshot=True) as tx:
            lines = await queues.with_lines(tx, ids)
            checks = await repository.by_queues(tx, ids)
        now = context.runtime.clock.now()
        return [
            OriginHealthState.of(*lines[id], checks.get(id), now)
            if id in lines and lines[id][0].mode is QueueMode.METERED
            else None
            for id in ids
        ]

    return DataLoader(load, cache=False)


async def health_of_queue(context: Context, tenant_id: UUID, queue_id: UUID) -> OriginHealthState | None:
    """How the site behind a queue is; None for those who run neither the queue nor the site."""
    actor = context.actor
    if not (actor.may_in(tenant_id, Permission.QUEUE_READ) or actor.may_in(tenant_id, Permission.HEALTH_REPORT)):
        return None
    return await context.loader(states_of_queues, tenant_id).load(queue_id)
