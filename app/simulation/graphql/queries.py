"""Asking what would be if. Nothing of a queue is changed by it."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.instants import instant
from app.core.graphql.node import IdArgument
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.simulation import service
from app.simulation.graphql.inputs import SimulateQueueInput
from app.simulation.graphql.types import QueueRecommendations, QueueSimulation
from app.simulation.service import MOST_VISITS_ADVISED


@strawberry.type
class SimulationQuery:
    @strawberry.field(
        description=(
            "What would be if: the rules of the line, played over recorded or invented visits with other staff, rate, "
            "cap or discipline. Takes up to some seconds; `BAD_USER_INPUT` where it would take more than 20, "
            "`UNAVAILABLE` while many ask."
        ),
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def simulate_queue(
        self,
        info: Info,
        input: Annotated[SimulateQueueInput, strawberry.argument(description="The question.")],
    ) -> QueueSimulation:
        ref = info.context.ref("Queue", input.queue_id)
        wanted = input.value()
        async with info.context.read_figures() as tx:
            asked, portions = await service.study(tx, ref.id, wanted)
        found = await info.context.runtime.simulations.ask(asked, portions, ref.tenant_id)
        return QueueSimulation.of(asked, found)

    @strawberry.field(
        description=(
            "What to change so that nine of ten wait at most a target, or staff is saved: tried out by simulation on "
            "the visits of a period. Takes up to some seconds; refused as `simulateQueue`."
        ),
        extensions=[Requires(Permission.ANALYTICS_READ)],
    )
    async def queue_recommendations(
        self,
        info: Info,
        queue_id: IdArgument,
        from_: Annotated[
            datetime, strawberry.argument(name="from", description="Visits that began at this time or later.")
        ],
        to: Annotated[
            datetime,
            strawberry.argument(
                description=f"Visits that began before this time: at most 31 days and {MOST_VISITS_ADVISED:,} visits."
            ),
        ],
        target_p90_wait_seconds: Annotated[
            int | None,
            strawberry.argument(
                description="The target, in seconds, 1 to 86,400. Default: the wait that counts as good here."
            ),
        ] = None,
    ) -> QueueRecommendations:
        ref = info.context.ref("Queue", queue_id)
        starts_at, ends_at = instant("from", from_), instant("to", to)
        service.ensure_period(starts_at, ends_at)
        async with info.context.read_figures() as tx:
            asked, portions = await service.question(tx, ref.id, starts_at, ends_at, target_p90_wait_seconds)
        found = await info.context.runtime.simulations.ask(asked, portions, ref.tenant_id)
        return QueueRecommendations.of(asked.target_p90_seconds, found)
