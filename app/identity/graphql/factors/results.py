"""Results of second factors: a success, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.factors import errors
from app.identity.graphql.codes import TooManyCodesError
from app.identity.graphql.factors.types import LoginMethod, SecondFactorEnrolment
from app.identity.graphql.results import LoginRevokedError, RoleNotGrantableError
from app.identity.graphql.step_up import StepUpRequiredError
from app.identity.graphql.types import User
from app.identity.logins import Verified
from app.tenants.graphql.types import Tenant

_RECOVERY_CODES = (
    "Ten codes that each replace a second factor once, to be written down: they are shown here and never again. None "
    "if this was not the first second factor."
)


@error_type(errors.LoginChallengeEnded, "It took too long, was tried too often, or is through: sign in from the start.")
class LoginChallengeEndedError(UserError):
    pass


@error_type(errors.ProofRefused, "The code or password is wrong, too old, used before, or somebody else's.")
class ProofRefusedError(UserError):
    tries_left: int = strawberry.field(description="How many more wrong ones there may be before all is to begin anew.")


@error_type(errors.MethodUnavailable, "This user can show nothing in this way.")
class MethodUnavailableError(UserError):
    methods: list[LoginMethod] = strawberry.field(  # type: ignore[valid-type]
        description="Those that help, the usual one first."
    )


@error_type(errors.SecondFactorExists, "There is a second factor of this kind already.")
class SecondFactorExistsError(UserError):
    pass


@error_type(errors.SecondFactorNotAllowed, "The tenant does not take codes that are sent as a second factor.")
class SecondFactorNotAllowedError(UserError):
    pass


@error_type(errors.NoAddress, "There is no telephone number with its country, `+49…`, that codes could be sent to.")
class NoAddressError(UserError):
    pass


@error_type(errors.SecondFactorIndispensable, "The tenant asks for a second factor, and this is the last.")
class SecondFactorIndispensableError(UserError):
    pass


@strawberry.type(description="Signed in, with a second factor.")
class LoginVerifySuccess:
    access_token: str = strawberry.field(description="As of `userLogin`.")
    refresh_token: str = strawberry.field(description="As of `userLogin`.")
    expires_in_seconds: int = strawberry.field(description="How long the access token is good.")
    user: User = strawberry.field(description="Who is signed in.")
    recovery_codes: list[str] = strawberry.field(description=_RECOVERY_CODES)

    @classmethod
    def of(cls, verified: Verified) -> "LoginVerifySuccess":
        """From what was granted."""
        return cls(
            access_token=verified.granted.access_token,
            refresh_token=verified.granted.refresh_token,
            expires_in_seconds=verified.granted.expires_in_seconds,
            user=User.of(verified.granted.user, is_self=True),
            recovery_codes=list(verified.recovery_codes),
        )


@strawberry.type(description="A code is on its way. It is good for 10 minutes; those sent before are not any more.")
class LoginSendCodeSuccess:
    sent_to: str = strawberry.field(description="Where to, masked: `j…@example.com`.")


@strawberry.type(description="Confirm it with `loginVerify` and a code.")
class LoginEnrollSuccess:
    enrolment: SecondFactorEnrolment = strawberry.field(description="What is needed for it.")


@strawberry.type(description="The sign-in is proved afresh.")
class LoginStepUpSuccess:
    fresh_until: datetime = strawberry.field(description="Until when dangerous mutations are open to it.")


@strawberry.type(description="A code is on its way. It is good for 10 minutes; those sent before are not any more.")
class LoginStepUpSendCodeSuccess:
    sent_to: str = strawberry.field(description="Where to, masked: `j…@example.com`.")


@strawberry.type(description="Confirm it with `secondFactorConfirm` and a code: until then it counts for nothing.")
class SecondFactorEnrollSuccess:
    enrolment: SecondFactorEnrolment = strawberry.field(description="What is needed for it.")


@strawberry.type(description="From now on a second factor is asked for. The first one has ended all other sign-ins.")
class SecondFactorConfirmSuccess:
    user: User = strawberry.field(description="Whose it is.")
    recovery_codes: list[str] = strawberry.field(description=_RECOVERY_CODES)


@strawberry.type(description="It is not asked for any more; with the last one the recovery codes are gone as well.")
class SecondFactorRemoveSuccess:
    user: User = strawberry.field(description="Whose it was.")


@strawberry.type(description="Those there were before are good for nothing.")
class SecondFactorRenewRecoveryCodesSuccess:
    recovery_codes: list[str] = strawberry.field(description=_RECOVERY_CODES)


@strawberry.type(description="The user has no second factor any more, and every sign-in of theirs has ended.")
class UserResetSecondFactorsSuccess:
    user: User = strawberry.field(description="The user as they are now.")


@strawberry.type(description="It holds for sign-ins from now on, and for running ones when they are refreshed.")
class TenantSetSecondFactorPolicySuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


LoginVerifyResult = Annotated[
    LoginVerifySuccess | ProofRefusedError | MethodUnavailableError | LoginChallengeEndedError,
    strawberry.union("LoginVerifyResult", description="What `loginVerify` answers."),
]
LoginSendCodeResult = Annotated[
    LoginSendCodeSuccess | MethodUnavailableError | LoginChallengeEndedError | TooManyCodesError,
    strawberry.union("LoginSendCodeResult", description="What `loginSendCode` answers."),
]
LoginEnrollResult = Annotated[
    LoginEnrollSuccess
    | LoginChallengeEndedError
    | MethodUnavailableError
    | SecondFactorNotAllowedError
    | NoAddressError
    | TooManyCodesError,
    strawberry.union("LoginEnrollResult", description="What `loginEnroll` answers."),
]
LoginStepUpResult = Annotated[
    LoginStepUpSuccess | ProofRefusedError | MethodUnavailableError | LoginRevokedError,
    strawberry.union("LoginStepUpResult", description="What `loginStepUp` answers."),
]
LoginStepUpSendCodeResult = Annotated[
    LoginStepUpSendCodeSuccess | MethodUnavailableError | TooManyCodesError,
    strawberry.union("LoginStepUpSendCodeResult", description="What `loginStepUpSendCode` answers."),
]
SecondFactorEnrollResult = Annotated[
    SecondFactorEnrollSuccess
    | SecondFactorExistsError
    | SecondFactorNotAllowedError
    | NoAddressError
    | TooManyCodesError
    | StepUpRequiredError,
    strawberry.union("SecondFactorEnrollResult", description="What `secondFactorEnroll` answers."),
]
SecondFactorConfirmResult = Annotated[
    SecondFactorConfirmSuccess | ProofRefusedError | MethodUnavailableError | LoginRevokedError,
    strawberry.union("SecondFactorConfirmResult", description="What `secondFactorConfirm` answers."),
]
SecondFactorRemoveResult = Annotated[
    SecondFactorRemoveSuccess | SecondFactorIndispensableError | StepUpRequiredError,
    strawberry.union("SecondFactorRemoveResult", description="What `secondFactorRemove` answers."),
]
SecondFactorRenewRecoveryCodesResult = Annotated[
    SecondFactorRenewRecoveryCodesSuccess | MethodUnavailableError | InvalidInputError | StepUpRequiredError,
    strawberry.union(
        "SecondFactorRenewRecoveryCodesResult", description="What `secondFactorRenewRecoveryCodes` answers."
    ),
]
UserResetSecondFactorsResult = Annotated[
    UserResetSecondFactorsSuccess | RoleNotGrantableError | StepUpRequiredError,
    strawberry.union("UserResetSecondFactorsResult", description="What `userResetSecondFactors` answers."),
]
TenantSetSecondFactorPolicyResult = Annotated[
    TenantSetSecondFactorPolicySuccess | StepUpRequiredError,
    strawberry.union("TenantSetSecondFactorPolicyResult", description="What `tenantSetSecondFactorPolicy` answers."),
]
