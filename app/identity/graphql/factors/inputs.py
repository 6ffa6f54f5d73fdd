"""Inputs of second factors: signing in with one, stepping up, having them, asking for them."""

from typing import Any

import strawberry

from app.identity import models
from app.identity.graphql.factors.types import LoginMethod, SecondFactorKind
from app.identity.graphql.types import Role

_CHALLENGE = "What `SecondFactorRequiredError` gave: good for 10 minutes, 5 tries and one sign-in."
_SENT_KIND = "`EMAIL_CODE` or `SMS_CODE`."


@strawberry.input(description="The second factor a sign-in waits for.")
class LoginVerifyInput:
    challenge_token: str = strawberry.field(description=_CHALLENGE)
    method: LoginMethod = strawberry.field(  # type: ignore[valid-type]
        description="By what: one of `SecondFactorRequiredError.methods`, or what was enrolled with `loginEnroll`."
    )
    code: str = strawberry.field(description="6 digits; or a recovery code, in any writing.")


@strawberry.input(description="Where to send a code for a sign-in that waits.")
class LoginSendCodeInput:
    challenge_token: str = strawberry.field(description=_CHALLENGE)
    kind: SecondFactorKind = strawberry.field(description=_SENT_KIND)  # type: ignore[valid-type]


@strawberry.input(description="The first second factor of somebody whose tenant asks for one.")
class LoginEnrollInput:
    challenge_token: str = strawberry.field(description=_CHALLENGE)
    kind: SecondFactorKind = strawberry.field(description="What it is to be.")  # type: ignore[valid-type]


@strawberry.input(description="Showing again who one is.")
class LoginStepUpInput:
    method: LoginMethod = strawberry.field(  # type: ignore[valid-type]
        description="By what: one of those `StepUpRequiredError.methods` names."
    )
    proof: str = strawberry.field(description="The password, or the code.")


@strawberry.input(description="Where to send a code for `loginStepUp`.")
class LoginStepUpSendCodeInput:
    kind: SecondFactorKind = strawberry.field(description=_SENT_KIND)  # type: ignore[valid-type]


@strawberry.input(description="A second factor of one's own, to be confirmed with `secondFactorConfirm`.")
class SecondFactorEnrollInput:
    kind: SecondFactorKind = strawberry.field(description="What it is to be.")  # type: ignore[valid-type]


@strawberry.input(description="A code of what was enrolled.")
class SecondFactorConfirmInput:
    kind: SecondFactorKind = strawberry.field(description="What was enrolled.")  # type: ignore[valid-type]
    code: str = strawberry.field(description="6 digits.")


@strawberry.input(description="Which of one's own second factors to take away.")
class SecondFactorRemoveInput:
    kind: SecondFactorKind = strawberry.field(description="Which.")  # type: ignore[valid-type]


@strawberry.input(description="New recovery codes.")
class SecondFactorRenewRecoveryCodesInput:
    replace: bool = strawberry.field(description="True, as a confirmation: those there were are good for nothing then.")


@strawberry.input(description="Whose second factors were lost.")
class UserResetSecondFactorsInput:
    user_id: strawberry.ID = strawberry.field(description="The user.")


@strawberry.input(description="Whom one's own tenant asks for a second factor, and for which.")
class TenantSetSecondFactorPolicyInput:
    roles: list[Role] = strawberry.field(  # type: ignore[valid-type]
        description="Users of these roles need one, custom roles by their base; none: nobody does."
    )
    codes: bool = strawberry.field(
        default=True, description="Whether codes by e-mail and SMS count, besides apps. Default true."
    )

    def settings(self) -> dict[str, Any]:
        """What of the tenant's settings it is."""
        asked = set(self.roles)
        return {
            "second_factor_roles": [role.value for role in models.Role if role in asked],
            "second_factor_codes": self.codes,
        }
