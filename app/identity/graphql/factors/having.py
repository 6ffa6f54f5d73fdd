"""Having second factors, and asking for them: each mutation calls one verb. Signing in with one is `mutations.py`'s."""

import strawberry

from app.context import Info
from app.core.errors import InvalidInput
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked, Requires
from app.core.limits import Bucket
from app.identity import own_factors
from app.identity.factors import service
from app.identity.graphql.factors import inputs, results
from app.identity.graphql.factors.types import SecondFactorEnrolment
from app.identity.graphql.source import source_of
from app.identity.graphql.step_up import StepUp
from app.identity.graphql.types import User
from app.identity.permissions import Permission
from app.identity.step_up import running
from app.tenants import service as tenants
from app.tenants.graphql.types import Tenant

_ONESELF = Checked("For signed-in users, about themselves.")


@strawberry.type
class SecondFactorMutation:
    @strawberry.mutation(
        description="Enroll a second factor of one's own. It counts once `secondFactorConfirm` has shown a code of it.",
        extensions=[StepUp(), Limited(Bucket.CODES), _ONESELF],
    )
    async def second_factor_enroll(
        self, info: Info, input: inputs.SecondFactorEnrollInput
    ) -> results.SecondFactorEnrollResult:
        runtime, actor = info.context.runtime, info.context.actor
        enrolment = await own_factors.enroll(
            runtime.dbs, runtime.authenticator.factors, actor, input.kind, source_of(info.context)
        )
        return results.SecondFactorEnrollSuccess(enrolment=SecondFactorEnrolment.of(enrolment))

    @strawberry.mutation(
        description=(
            "Confirm what was enrolled with a code of it. The first second factor gives recovery codes, and ends all "
            "other sign-ins. The fifth wrong code in a row ends this one."
        ),
        extensions=[Limited(Bucket.SIGN_IN), _ONESELF],
    )
    async def second_factor_confirm(
        self, info: Info, input: inputs.SecondFactorConfirmInput
    ) -> results.SecondFactorConfirmResult:
        runtime, actor = info.context.runtime, info.context.actor
        user, recovery_codes = await own_factors.confirm(
            runtime.dbs, runtime.authenticator.factors, actor, input.kind, input.code, source_of(info.context)
        )
        return results.SecondFactorConfirmSuccess(user=User.of(user), recovery_codes=list(recovery_codes))

    @strawberry.mutation(
        description="Take one of one's own second factors away. Nothing happens if there is none of this kind.",
        extensions=[StepUp(), _ONESELF],
    )
    async def second_factor_remove(
        self, info: Info, input: inputs.SecondFactorRemoveInput
    ) -> results.SecondFactorRemoveResult:
        _, user_id, _ = running(info.context.actor)
        async with info.context.write() as tx:
            user = await service.remove(tx, info.context.runtime.authenticator.factors, user_id, input.kind)
        return results.SecondFactorRemoveSuccess(user=User.of(user))

    @strawberry.mutation(
        description="Ten new recovery codes, shown once, in this answer, in place of all there were.",
        extensions=[StepUp(), _ONESELF],
    )
    async def second_factor_renew_recovery_codes(
        self, info: Info, input: inputs.SecondFactorRenewRecoveryCodesInput
    ) -> results.SecondFactorRenewRecoveryCodesResult:
        _, user_id, _ = running(info.context.actor)
        if not input.replace:
            raise InvalidInput("replace", "Confirm with `true` that the codes there were are good for nothing then.")
        async with info.context.write() as tx:
            codes = await service.renew_recovery_codes(tx, info.context.runtime.authenticator.factors, user_id)
        return results.SecondFactorRenewRecoveryCodesSuccess(recovery_codes=list(codes))

    @strawberry.mutation(
        description=(
            "Take all second factors and recovery codes of a user who has lost them; every sign-in of theirs ends. "
            "Nothing happens if there are none."
        ),
        extensions=[StepUp(), Requires(Permission.USER_WRITE)],
    )
    async def user_reset_second_factors(
        self, info: Info, input: inputs.UserResetSecondFactorsInput
    ) -> results.UserResetSecondFactorsResult:
        ref = info.context.ref("User", input.user_id)
        async with info.context.write() as tx:
            user = await service.reset(tx, info.context.runtime.authenticator.factors, ref.id)
        return results.UserResetSecondFactorsSuccess(user=User.of(user))

    @strawberry.mutation(
        description="Say which users of one's own tenant need a second factor to sign in. Shown by `Tenant.settings`.",
        extensions=[StepUp(), Requires(Permission.TENANT_WRITE)],
    )
    async def tenant_set_second_factor_policy(
        self, info: Info, input: inputs.TenantSetSecondFactorPolicyInput
    ) -> results.TenantSetSecondFactorPolicyResult:
        async with info.context.write() as tx:
            tenant = await tenants.update(tx, tx.tenant, {"settings": input.settings()})
        return results.TenantSetSecondFactorPolicySuccess(tenant=Tenant.of(tenant))
