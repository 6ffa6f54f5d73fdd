"""The mutations of API keys: each opens a block and calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.api_keys import service
from app.identity.graphql.api_keys import inputs, results
from app.identity.graphql.api_keys.types import ApiKey
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission


@strawberry.type
class ApiKeyMutation:
    @strawberry.mutation(
        description="Create an API key. Its secret is shown once, in this answer.",
        extensions=[StepUp(), Requires(Permission.API_KEY_WRITE)],
    )
    async def api_key_create(self, info: Info, input: inputs.ApiKeyCreateInput) -> results.ApiKeyCreateResult:
        async with info.context.write() as tx:
            issued = await service.create(tx, input.name, input.scopes, input.expires_at)
        return results.ApiKeyCreateSuccess(api_key=ApiKey.of(issued.key), secret=issued.secret)

    @strawberry.mutation(
        description=(
            "Rename an API key, change what it may do, or when it ends. Its open sockets, if it may do other things or "
            "ends at another time, are closed with 4403 within 2 s, and come back."
        ),
        extensions=[StepUp("scopes", "expires_at"), Requires(Permission.API_KEY_WRITE)],
    )
    async def api_key_update(self, info: Info, input: inputs.ApiKeyUpdateInput) -> results.ApiKeyUpdateResult:
        ref = info.context.ref("ApiKey", input.api_key_id)
        async with info.context.write() as tx:
            key = await service.update(tx, ref.id, input.changes())
        return results.ApiKeyUpdateSuccess(api_key=ApiKey.of(key))

    @strawberry.mutation(
        description=(
            "Give an API key another secret, shown once, in this answer. Those before it stay good for the overlap, so "
            "that programs can be changed one after the other; one that was to end sooner still does."
        ),
        extensions=[StepUp(), Requires(Permission.API_KEY_WRITE)],
    )
    async def api_key_rotate(self, info: Info, input: inputs.ApiKeyRotateInput) -> results.ApiKeyRotateResult:
        ref = info.context.ref("ApiKey", input.api_key_id)
        async with info.context.write() as tx:
            issued = await service.rotate(tx, ref.id, input.overlap)
        return results.ApiKeyRotateSuccess(api_key=ApiKey.of(issued.key), secret=issued.secret)

    @strawberry.mutation(
        description=(
            "End an API key for good, with all its secrets, within 2 s, sockets included (4401). Nothing happens if it "
            "was revoked already."
        ),
        extensions=[Requires(Permission.API_KEY_WRITE)],
    )
    async def api_key_revoke(self, info: Info, input: inputs.ApiKeyRevokeInput) -> results.ApiKeyRevokeResult:
        ref = info.context.ref("ApiKey", input.api_key_id)
        async with info.context.write() as tx:
            key = await service.revoke(tx, ref.id, input.reason)
        return results.ApiKeyRevokeSuccess(api_key=ApiKey.of(key))
