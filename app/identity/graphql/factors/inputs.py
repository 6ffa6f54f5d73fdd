"""Inputs of stepping up and of second factors."""

import strawberry

from app.identity.graphql.factors.types import LoginMethod


@strawberry.input(description="Showing again who one is.")
class LoginStepUpInput:
    method: LoginMethod = strawberry.field(  # type: ignore[valid-type]
        description="By what: one of those `StepUpRequiredError.methods` names."
    )
    proof: str = strawberry.field(description="The password, or the code.")
