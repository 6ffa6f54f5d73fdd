"""Reading schedules: what will count when, and the proof of a lottery."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.core.errors import BadInput
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Public, Requires
from app.identity.permissions import Permission
from app.queues import repository_lotteries as lotteries
from app.queues.graphql.loaders import load_queue
from app.schedules import service
from app.schedules.graphql.loaders import event_node
from app.schedules.graphql.types import FairnessProof, QueueEffectiveConfig


@strawberry.type
class ScheduleQuery:
    @strawberry.field(
        description="What counts in a queue at a time, by its configuration, hours and scheduled events.",
        extensions=[Requires(Permission.QUEUE_READ)],
    )
    async def queue_effective_config(
        self,
        info: Info,
        queue_id: IdArgument,
        at: Annotated[
            datetime | None,
            strawberry.argument(
                description="With its zone, at most 366 days ahead. Default, and for times that are past: now."
            ),
        ] = None,
    ) -> QueueEffectiveConfig:
        if at is not None and at.tzinfo is None:
            raise BadInput("`at` needs a time zone, e.g. `2026-05-04T10:00:00Z`.")
        ref = info.context.ref("Queue", queue_id)
        now = info.context.runtime.dbs.app.clock.now()
        async with info.context.read() as tx:
            found = await service.preview(tx, ref.id, at or now, now)
        return QueueEffectiveConfig.of(found)

    @strawberry.field(
        description=(
            "Everything needed to compute the order of a queue's lottery again; null if there was none. The page "
            "`docs/fairness.md` has a script of twenty lines that does."
        ),
        extensions=[Public()],
    )
    async def fairness_proof(
        self,
        info: Info,
        queue_id: IdArgument,
        seed_hash: Annotated[
            str | None, strawberry.argument(description="Of the lottery whose seed has this hash. Default: the latest.")
        ] = None,
    ) -> FairnessProof | None:
        ref = await info.context.open_ref("Queue", queue_id)
        await load_queue(info.context, ref)
        async with info.context.read(ref.tenant_id) as tx:
            lottery = await lotteries.of_queue(tx, ref.id, seed_hash)
            if lottery is None:
                return None
            return FairnessProof.of(lottery, await lotteries.count_entries(tx, lottery.id))


NODES = {"ScheduledEvent": event_node}
