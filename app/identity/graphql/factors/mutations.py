"""Signing in with a second factor, and stepping up: each mutation calls one verb."""

import strawberry

from app.context import Info
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Checked, Public
from app.core.limits import Bucket
from app.identity import challenges, logins, step_up
from app.identity.graphql.factors import inputs, results
from app.identity.graphql.factors.types import SecondFactorEnrolment
from app.identity.graphql.source import source_of

_CHALLENGED = Public("Public: the challenge token says who asks.")
_ONESELF = Checked("For signed-in users, about themselves.")


@strawberry.type
class SecondFactorLoginMutation:
    @strawberry.mutation(
        description=(
            "Finish a sign-in that waits for a second factor. What was enrolled with `loginEnroll` is confirmed by the "
            "way, and gives recovery codes."
        ),
        extensions=[Limited(Bucket.SIGN_IN), _CHALLENGED],
    )
    async def login_verify(self, info: Info, input: inputs.LoginVerifyInput) -> results.LoginVerifyResult:
        runtime, source = info.context.runtime, source_of(info.context)
        tokens, factors = runtime.authenticator.tokens, runtime.authenticator.factors
        verified = await logins.verify(
            runtime.dbs, tokens, factors, input.challenge_token, input.method, input.code, source
        )
        return results.LoginVerifySuccess.of(verified)

    @strawberry.mutation(
        description="Send a code to somebody whose sign-in waits, and who has such a second factor.",
        extensions=[Limited(Bucket.CODES), _CHALLENGED],
    )
    async def login_send_code(self, info: Info, input: inputs.LoginSendCodeInput) -> results.LoginSendCodeResult:
        runtime, source = info.context.runtime, source_of(info.context)
        sent_to = await challenges.send_code(
            runtime.dbs, runtime.authenticator.factors, input.challenge_token, input.kind, source
        )
        return results.LoginSendCodeSuccess(sent_to=sent_to)

    @strawberry.mutation(
        description=(
            "Enroll a first second factor in the middle of signing in, where the tenant asks for one (`mustEnroll`)."
        ),
        extensions=[Limited(Bucket.CODES), _CHALLENGED],
    )
    async def login_enroll(self, info: Info, input: inputs.LoginEnrollInput) -> results.LoginEnrollResult:
        runtime, source = info.context.runtime, source_of(info.context)
        enrolment = await challenges.enroll_for(
            runtime.dbs, runtime.authenticator.factors, input.challenge_token, input.kind, source
        )
        return results.LoginEnrollSuccess(enrolment=SecondFactorEnrolment.of(enrolment))

    @strawberry.mutation(
        description=(
            "Show again who one is, for dangerous mutations: with a second factor, or, for who has none, with the "
            "password. Good for 15 minutes. The fifth wrong proof in a row ends the sign-in."
        ),
        extensions=[Limited(Bucket.SIGN_IN), _ONESELF],
    )
    async def login_step_up(self, info: Info, input: inputs.LoginStepUpInput) -> results.LoginStepUpResult:
        runtime, actor, source = info.context.runtime, info.context.actor, source_of(info.context)
        factors = runtime.authenticator.factors
        login = await step_up.step_up(runtime.dbs, factors, actor, input.method, input.proof, source)
        return results.LoginStepUpSuccess(fresh_until=login.proved_at + step_up.FRESH)

    @strawberry.mutation(
        description="Send a code for `loginStepUp`, to somebody who has such a second factor.",
        extensions=[Limited(Bucket.CODES), _ONESELF],
    )
    async def login_step_up_send_code(
        self, info: Info, input: inputs.LoginStepUpSendCodeInput
    ) -> results.LoginStepUpSendCodeResult:
        runtime, actor, source = info.context.runtime, info.context.actor, source_of(info.context)
        sent_to = await step_up.send_code(runtime.dbs, runtime.authenticator.factors, actor, input.kind, source)
        return results.LoginStepUpSendCodeSuccess(sent_to=sent_to)
