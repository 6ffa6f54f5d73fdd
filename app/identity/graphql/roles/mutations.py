"""The mutations of custom roles: each opens a block and calls one verb. Giving a role is `userUpdate`'s business."""

import strawberry

from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.graphql.roles import inputs, results
from app.identity.graphql.roles.types import CustomRole
from app.identity.graphql.step_up import StepUp
from app.identity.permissions import Permission
from app.identity.roles import service


@strawberry.type
class CustomRoleMutation:
    @strawberry.mutation(
        description="Define a role of one's own business; give it with `userCreate` or `userUpdate`.",
        extensions=[StepUp(), Requires(Permission.ROLE_WRITE)],
    )
    async def custom_role_create(
        self, info: Info, input: inputs.CustomRoleCreateInput
    ) -> results.CustomRoleCreateResult:
        async with info.context.write() as tx:
            role = await service.create(tx, input.role())
        return results.CustomRoleCreateSuccess(custom_role=CustomRole.of(role))

    @strawberry.mutation(
        description=(
            "Change a role, for all who have it. Requests follow at once; open sockets of users who may do other "
            "things are closed with 4403 within 2 s, and come back."
        ),
        extensions=[StepUp(), Requires(Permission.ROLE_WRITE)],
    )
    async def custom_role_update(
        self, info: Info, input: inputs.CustomRoleUpdateInput
    ) -> results.CustomRoleUpdateResult:
        ref = info.context.ref("CustomRole", input.custom_role_id)
        async with info.context.write() as tx:
            role = await service.update(tx, ref.id, input.changes())
        return results.CustomRoleUpdateSuccess(custom_role=CustomRole.of(role))

    @strawberry.mutation(description="Delete a role that nobody has.", extensions=[Requires(Permission.ROLE_WRITE)])
    async def custom_role_delete(
        self, info: Info, input: inputs.CustomRoleDeleteInput
    ) -> results.CustomRoleDeleteResult:
        ref = info.context.ref("CustomRole", input.custom_role_id)
        async with info.context.write() as tx:
            await service.delete(tx, ref.id)
        return results.CustomRoleDeleteSuccess(custom_role_id=input.custom_role_id)
