"""Mutations of schedules: each opens a block, calls one verb, and answers with what there is then."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission
from app.queues.graphql.loaders import load_queue
from app.schedules import service
from app.schedules.graphql import inputs, results
from app.schedules.graphql.types import ScheduledEvent
from app.sessions.metered.settle import settle_changed


@strawberry.type
class ScheduleMutation:
    @strawberry.mutation(
        description=(
            "Set when a queue opens and closes by itself. Counts at once: where old and new hours differ about this "
            "moment it opens or closes now; else it stays as it is until the next boundary."
        ),
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def queue_set_hours(self, info: Info, input: inputs.QueueSetHoursInput) -> results.QueueSetHoursResult:
        ref = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            await service.set_hours(tx, ref.id, input.changes())
            await settle_changed(tx, ref.id)
        return results.QueueSetHoursSuccess(queue=await load_queue(info.context, ref))

    @strawberry.mutation(
        description="Plan a time-boxed change of a queue: limits, status, a pre-queue with or without a lottery.",
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def scheduled_event_create(
        self, info: Info, input: inputs.ScheduledEventCreateInput
    ) -> results.ScheduledEventCreateResult:
        ref = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            event = await service.create_event(tx, ref.id, input.event(), input.idempotency_key)
            await settle_changed(tx, event.queue_id)
        return results.ScheduledEventCreateSuccess(event=ScheduledEvent.of(event))

    @strawberry.mutation(
        description="Change an event that has not ended.", extensions=[Requires(Permission.QUEUE_WRITE)]
    )
    async def scheduled_event_update(
        self, info: Info, input: inputs.ScheduledEventUpdateInput
    ) -> results.ScheduledEventUpdateResult:
        ref = info.context.ref("ScheduledEvent", input.scheduled_event_id)
        async with info.context.write() as tx:
            event = await service.update_event(tx, ref.id, input.changes())
            await settle_changed(tx, event.queue_id)
        return results.ScheduledEventUpdateSuccess(event=ScheduledEvent.of(event))

    @strawberry.mutation(
        description="Take an event away; one that runs ends now.", extensions=[Requires(Permission.QUEUE_WRITE)]
    )
    async def scheduled_event_delete(
        self, info: Info, input: inputs.ScheduledEventDeleteInput
    ) -> results.ScheduledEventDeleteResult:
        ref = info.context.ref("ScheduledEvent", input.scheduled_event_id)
        async with info.context.write() as tx:
            queue = await service.delete_event(tx, ref.id)
            await settle_changed(tx, queue.id)
        return results.ScheduledEventDeleteSuccess(queue=await load_queue(info.context, ref._replace(id=queue.id)))
