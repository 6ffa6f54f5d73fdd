"""Stepping up, and the mutations of second factors: each calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked
from app.identity import step_up
from app.identity.graphql.factors import inputs, results

_ONESELF = Checked("For signed-in users, about themselves.")


@strawberry.type
class SecondFactorMutation:
    @strawberry.mutation(
        description=(
            "Show again who one is, for dangerous mutations: with a second factor, or, for who has none, with the "
            "password. Good for 15 minutes. The fifth wrong proof in a row ends the sign-in."
        ),
        extensions=[Limited("sign-in"), _ONESELF],
    )
    async def login_step_up(self, info: Info, input: inputs.LoginStepUpInput) -> results.LoginStepUpResult:
        runtime, actor = info.context.runtime, info.context.actor
        login = await step_up.step_up(runtime.dbs, runtime.authenticator.factors, actor, input.method, input.proof)
        return results.LoginStepUpSuccess(fresh_until=login.proved_at + step_up.FRESH)
