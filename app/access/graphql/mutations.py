"""Mutations of lists and codes: each opens a block, calls one verb, and answers."""

import strawberry

from app.access import service
from app.access.graphql import inputs, results
from app.access.graphql.types import AccessCode
from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission


@strawberry.type
class AccessMutation:
    @strawberry.mutation(
        description="Put people on a queue's bypass or invite list. Doing it twice is harmless.",
        extensions=[Requires(Permission.ACCESS_WRITE)],
    )
    async def access_entry_add(self, info: Info, input: inputs.AccessEntryAddInput) -> results.AccessEntryAddResult:
        queue = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            added = await service.add_entries(tx, queue.id, input.kind, input.user_identifiers)
        return results.AccessEntryAddSuccess(added_count=added)

    @strawberry.mutation(
        description="Take people off a queue's bypass or invite list. Whoever waits already keeps the place.",
        extensions=[Requires(Permission.ACCESS_WRITE)],
    )
    async def access_entry_remove(
        self, info: Info, input: inputs.AccessEntryRemoveInput
    ) -> results.AccessEntryRemoveResult:
        queue = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            removed = await service.remove_entries(tx, queue.id, input.kind, input.user_identifiers)
        return results.AccessEntryRemoveSuccess(removed_count=removed)

    @strawberry.mutation(
        description="Make codes to hand out. With an `idempotencyKey` a retry gets the same codes.",
        extensions=[Requires(Permission.ACCESS_WRITE)],
    )
    async def access_code_create(
        self, info: Info, input: inputs.AccessCodeCreateInput
    ) -> results.AccessCodeCreateResult:
        queue = info.context.ref("Queue", input.queue_id)
        async with info.context.write() as tx:
            codes = await service.create_codes(tx, queue.id, input.config(), input.idempotency_key)
        return results.AccessCodeCreateSuccess(codes=[AccessCode.of(code) for code in codes])

    @strawberry.mutation(
        description="Make codes useless from now on. Whoever has used one keeps the place.",
        extensions=[Requires(Permission.ACCESS_WRITE)],
    )
    async def access_code_revoke(
        self, info: Info, input: inputs.AccessCodeRevokeInput
    ) -> results.AccessCodeRevokeResult:
        context = info.context
        queue = context.ref("Queue", input.queue_id)
        code_ids = [context.ref("AccessCode", id).id for id in input.code_ids]
        async with context.write() as tx:
            codes = await service.revoke_codes(tx, queue.id, code_ids)
        return results.AccessCodeRevokeSuccess(codes=[AccessCode.of(code) for code in codes])
