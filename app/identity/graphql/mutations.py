"""Signing in and out, and the mutations of users."""

import strawberry

from app.context import Info
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Public, Requires
from app.core.limits import Bucket
from app.identity import logins, service
from app.identity.graphql import inputs, results
from app.identity.graphql.source import source_of
from app.identity.graphql.step_up import StepUp
from app.identity.graphql.types import User
from app.identity.permissions import Permission


@strawberry.type
class IdentityMutation:
    @strawberry.mutation(
        description="Sign in with e-mail and password. The refusal is the same whatever was wrong.",
        extensions=[Public(), Limited(Bucket.SIGN_IN)],
    )
    async def user_login(self, info: Info, input: inputs.UserLoginInput) -> results.UserLoginResult:
        runtime, source = info.context.runtime, source_of(info.context)
        granted = await logins.sign_in(
            runtime.dbs, runtime.authenticator.tokens, input.credentials(info.context), source
        )
        return results.UserLoginSuccess.of(granted)

    @strawberry.mutation(
        description=(
            "Exchange a refresh token for a fresh pair of tokens. Each works once; if the answer was lost, it may be "
            "sent again within 30 s. Any other second use ends the sign-in, because it must have been copied. A "
            "sign-in lasts 30 days at most."
        ),
        extensions=[Public("Public: the refresh token says who asks."), Limited(Bucket.SIGN_IN, failures_only=True)],
    )
    async def login_refresh(self, info: Info, input: inputs.LoginRefreshInput) -> results.LoginRefreshResult:
        runtime, source = info.context.runtime, source_of(info.context)
        granted = await logins.refresh(runtime.dbs, runtime.authenticator.tokens, input.refresh_token, source)
        return results.LoginRefreshSuccess.of(granted)

    @strawberry.mutation(
        description="End a sign-in, on all its devices and sockets, within 2 s. Nothing happens if it has ended.",
        extensions=[Public("Public: the refresh token says who asks.")],
    )
    async def logout(self, info: Info, input: inputs.LogoutInput) -> results.LogoutResult:
        await logins.sign_out(info.context.runtime.dbs, input.refresh_token, source_of(info.context))
        return results.LogoutSuccess(signed_out=True)

    @strawberry.mutation(
        description="Create a user of one's own tenant, who can sign in at once.",
        extensions=[StepUp(), Requires(Permission.USER_WRITE)],
    )
    async def user_create(self, info: Info, input: inputs.UserCreateInput) -> results.UserCreateResult:
        new = await input.user(info.context)
        async with info.context.write() as tx:
            user = await service.create(tx, new)
        return results.UserCreateSuccess(user=User.of(user))

    @strawberry.mutation(
        description="Change a user; a new role is effective at once.",
        extensions=[
            StepUp("email", "password", "role", "custom_role_id", "phone"),
            Requires(Permission.USER_WRITE),
        ],
    )
    async def user_update(self, info: Info, input: inputs.UserUpdateInput) -> results.UserUpdateResult:
        ref = info.context.ref("User", input.user_id)
        changes = await input.changes(info.context)
        async with info.context.write() as tx:
            user = await service.update(tx, ref.id, changes)
        return results.UserUpdateSuccess(user=User.of(user))

    @strawberry.mutation(
        description="Take a user's access away, within 2 s, sockets included. Nothing happens if they have none.",
        extensions=[Requires(Permission.USER_WRITE)],
    )
    async def user_deactivate(self, info: Info, input: inputs.UserDeactivateInput) -> results.UserDeactivateResult:
        ref = info.context.ref("User", input.user_id)
        async with info.context.write() as tx:
            user = await service.deactivate(tx, ref.id)
        return results.UserDeactivateSuccess(user=User.of(user))

    @strawberry.mutation(
        description="Let a deactivated user sign in again. Nothing happens if they may.",
        extensions=[StepUp(), Requires(Permission.USER_WRITE)],
    )
    async def user_reactivate(self, info: Info, input: inputs.UserReactivateInput) -> results.UserReactivateResult:
        ref = info.context.ref("User", input.user_id)
        async with info.context.write() as tx:
            user = await service.reactivate(tx, ref.id)
        return results.UserReactivateSuccess(user=User.of(user))
