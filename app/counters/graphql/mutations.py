"""Mutations of counters and shifts."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.counters import service
from app.counters.graphql import inputs, results
from app.counters.graphql.types import Counter, Shift
from app.identity.permissions import Permission


@strawberry.type
class CounterMutation:
    @strawberry.mutation(
        description="Create a counter that serves some queues.", extensions=[Requires(Permission.COUNTER_WRITE)]
    )
    async def counter_create(self, info: Info, input: inputs.CounterCreateInput) -> results.CounterCreateResult:
        queue_ids = [info.context.ref("Queue", id).id for id in input.queue_ids]
        async with info.context.write() as tx:
            counter = await service.create(tx, input.name, queue_ids, input.idempotency_key)
        return results.CounterCreateSuccess(counter=Counter.of(counter))

    @strawberry.mutation(
        description="Rename a counter, (de)activate it, or change which queues it serves.",
        extensions=[Requires(Permission.COUNTER_WRITE)],
    )
    async def counter_update(self, info: Info, input: inputs.CounterUpdateInput) -> results.CounterUpdateResult:
        ref = info.context.ref("Counter", input.counter_id)
        queue_ids = None if input.queue_ids is None else [info.context.ref("Queue", id).id for id in input.queue_ids]
        given = {"name": input.name, "is_active": input.is_active}
        changes = {name: value for name, value in given.items() if value is not None}
        async with info.context.write() as tx:
            counter = await service.update(tx, ref.id, changes, queue_ids)
        return results.CounterUpdateSuccess(counter=Counter.of(counter))

    @strawberry.mutation(
        description="Begin to work at a counter, as the signed-in user.", extensions=[Requires(Permission.COUNTER_WORK)]
    )
    async def shift_start(self, info: Info, input: inputs.ShiftStartInput) -> results.ShiftStartResult:
        ref = info.context.ref("Counter", input.counter_id)
        async with info.context.write() as tx:
            shift = await service.start_shift(tx, ref.id)
        return results.ShiftStartSuccess(shift=Shift.of(shift))

    @strawberry.mutation(description="Take a break.", extensions=[Requires(Permission.COUNTER_WORK)])
    async def shift_pause(self, info: Info, input: inputs.ShiftPauseInput) -> results.ShiftPauseResult:
        ref = info.context.ref("Counter", input.counter_id)
        async with info.context.write() as tx:
            shift = await service.pause_shift(tx, ref.id)
        return results.ShiftPauseSuccess(shift=Shift.of(shift))

    @strawberry.mutation(description="Come back from a break.", extensions=[Requires(Permission.COUNTER_WORK)])
    async def shift_resume(self, info: Info, input: inputs.ShiftResumeInput) -> results.ShiftResumeResult:
        ref = info.context.ref("Counter", input.counter_id)
        async with info.context.write() as tx:
            shift = await service.resume_shift(tx, ref.id)
        return results.ShiftResumeSuccess(shift=Shift.of(shift))

    @strawberry.mutation(
        description="Stop working at a counter; a session still served there can be completed all the same.",
        extensions=[Requires(Permission.COUNTER_WORK)],
    )
    async def shift_end(self, info: Info, input: inputs.ShiftEndInput) -> results.ShiftEndResult:
        ref = info.context.ref("Counter", input.counter_id)
        async with info.context.write() as tx:
            shift = await service.end_shift(tx, ref.id, input.notes)
        return results.ShiftEndSuccess(shift=Shift.of(shift))
