"""Mutations of queues: each opens a block, calls one verb, and answers with the queue as it is then."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from app.context import Context, Info
from app.core.db import WriteTx
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.queues import models, service
from app.queues.graphql import inputs, results
from app.queues.graphql.loaders import load_queue
from app.queues.graphql.parts import QueueCategory
from app.queues.graphql.types import Queue
from app.sessions.metered.settle import settle_changed


async def _change(
    context: Context, queue_id: strawberry.ID, verb: Callable[[WriteTx, UUID], Awaitable[models.Queue]]
) -> Queue:
    ref = context.ref("Queue", queue_id)
    async with context.write() as tx:
        await verb(tx, ref.id)
        await settle_changed(tx, ref.id)
    return await load_queue(context, ref)


@strawberry.type
class QueueMutation:
    @strawberry.mutation(
        description="Create a queue; it is open at once.", extensions=[Requires(Permission.QUEUE_WRITE)]
    )
    async def queue_create(self, info: Info, input: inputs.QueueCreateInput) -> results.QueueCreateResult:
        async with info.context.write() as tx:
            queue = await service.create(tx, input.config(), input.idempotency_key)
        return results.QueueCreateSuccess(queue=await load_queue(info.context, Ref(queue.tenant_id, queue.id)))

    @strawberry.mutation(
        description="Change a queue's configuration; effective at once, for those who wait too.",
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def queue_update(self, info: Info, input: inputs.QueueUpdateInput) -> results.QueueUpdateResult:
        queue = await _change(info.context, input.queue_id, lambda tx, id: service.update(tx, id, input.changes()))
        return results.QueueUpdateSuccess(queue=queue)

    @strawberry.mutation(
        description="Let people join and be called. An open queue stays open: calling it twice is harmless.",
        extensions=[Requires(Permission.QUEUE_OPERATE)],
    )
    async def queue_open(self, info: Info, input: inputs.QueueOpenInput) -> results.QueueOpenResult:
        return results.QueueOpenSuccess(queue=await _change(info.context, input.queue_id, service.open_queue))

    @strawberry.mutation(
        description="Stop calling for a while; people may still join.", extensions=[Requires(Permission.QUEUE_OPERATE)]
    )
    async def queue_pause(self, info: Info, input: inputs.QueuePauseInput) -> results.QueuePauseResult:
        return results.QueuePauseSuccess(queue=await _change(info.context, input.queue_id, service.pause))

    @strawberry.mutation(description="Go on after a pause.", extensions=[Requires(Permission.QUEUE_OPERATE)])
    async def queue_resume(self, info: Info, input: inputs.QueueResumeInput) -> results.QueueResumeResult:
        return results.QueueResumeSuccess(queue=await _change(info.context, input.queue_id, service.resume))

    @strawberry.mutation(
        description="Let nobody join any more; whoever waits is still called.",
        extensions=[Requires(Permission.QUEUE_OPERATE)],
    )
    async def queue_close(self, info: Info, input: inputs.QueueCloseInput) -> results.QueueCloseResult:
        return results.QueueCloseSuccess(queue=await _change(info.context, input.queue_id, service.close))

    @strawberry.mutation(
        description="Let nobody join and nobody be called; the line stays as it is. `queueOpen` ends it.",
        extensions=[Requires(Permission.QUEUE_OPERATE)],
    )
    async def queue_start_maintenance(
        self, info: Info, input: inputs.QueueStartMaintenanceInput
    ) -> results.QueueStartMaintenanceResult:
        queue = await _change(info.context, input.queue_id, service.start_maintenance)
        return results.QueueStartMaintenanceSuccess(queue=queue)

    @strawberry.mutation(
        description="Put an empty queue away for good; its history stays.",
        extensions=[Requires(Permission.QUEUE_WRITE)],
    )
    async def queue_archive(self, info: Info, input: inputs.QueueArchiveInput) -> results.QueueArchiveResult:
        return results.QueueArchiveSuccess(queue=await _change(info.context, input.queue_id, service.archive))

    @strawberry.mutation(description="Add a category to a queue.", extensions=[Requires(Permission.QUEUE_WRITE)])
    async def queue_category_create(
        self, info: Info, input: inputs.QueueCategoryCreateInput
    ) -> results.QueueCategoryCreateResult:
        ref = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            category = await service.create_category(tx, ref.id, input.config())
        return results.QueueCategoryCreateSuccess(category=QueueCategory.of(category))

    @strawberry.mutation(
        description="Change a category, or stop offering it.", extensions=[Requires(Permission.QUEUE_WRITE)]
    )
    async def queue_category_update(
        self, info: Info, input: inputs.QueueCategoryUpdateInput
    ) -> results.QueueCategoryUpdateResult:
        ref = info.context.ref("QueueCategory", input.category_id)
        async with info.context.write() as tx:
            category = await service.update_category(tx, ref.id, input.changes())
        return results.QueueCategoryUpdateSuccess(category=QueueCategory.of(category))
