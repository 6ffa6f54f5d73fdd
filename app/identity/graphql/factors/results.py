"""Results of stepping up and of second factors: a success, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.core.graphql.errors import UserError, error_type
from app.identity.factors import errors
from app.identity.graphql.factors.types import LoginMethod
from app.identity.graphql.results import LoginRevokedError

_METHODS = "Those that help, the usual one first."


@error_type(errors.ProofRefused, "The code or password is wrong, too old, used before, or somebody else's.")
class ProofRefusedError(UserError):
    tries_left: int = strawberry.field(description="How many more wrong ones there may be before all is to begin anew.")


@error_type(errors.MethodUnavailable, "This user can show nothing in this way.")
class MethodUnavailableError(UserError):
    methods: list[LoginMethod] = strawberry.field(description=_METHODS)  # type: ignore[valid-type]


@strawberry.type(description="The sign-in is proved afresh.")
class LoginStepUpSuccess:
    fresh_until: datetime = strawberry.field(description="Until when dangerous mutations are open to it.")


LoginStepUpResult = Annotated[
    LoginStepUpSuccess | ProofRefusedError | MethodUnavailableError | LoginRevokedError,
    strawberry.union("LoginStepUpResult", description="What `loginStepUp` answers."),
]
