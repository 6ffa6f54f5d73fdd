"""Results of signing in and out, and of the user mutations: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity import errors
from app.identity.factors.errors import SecondFactorRequired
from app.identity.graphql.factors.types import LoginMethod
from app.identity.graphql.step_up import StepUpRequiredError
from app.identity.graphql.types import Role, User
from app.identity.logins import Granted
from app.tenants.graphql.results import LimitReachedError, WeakPasswordError

_ACCESS_TOKEN = "Send as `Authorization: Bearer …`; a JWT, signed with a key of `/.well-known/jwks.json`."
_REFRESH_TOKEN = "Good for one `loginRefresh`, within 7 days by default. Keep it secret."
_EXPIRES = "How long the access token is good."


@error_type(errors.InvalidCredentials, "Sign-in refused; the same answer whatever was wrong.")
class InvalidCredentialsError(UserError):
    pass


@error_type(
    SecondFactorRequired,
    "The first proof was right; a second factor is missing. Ask for a code of one of `methods`; send `loginVerify`.",
)
class SecondFactorRequiredError(UserError):
    challenge_token: str = strawberry.field(
        description="Stands for what was proved: for `loginVerify`, `loginSendCode` and `loginEnroll`. Keep it secret."
    )
    methods: list[LoginMethod] = strawberry.field(  # type: ignore[valid-type]
        description="Those that may follow, the usual one first. None can: ask an administrator for a reset."
    )
    must_enroll: bool = strawberry.field(
        description="The tenant asks for a second factor, and there is none yet: begin with `loginEnroll`."
    )
    expires_in_seconds: int = strawberry.field(description="How long there is for it.")


@error_type(errors.InvalidRefreshToken, "Not a refresh token of ours, or past its time: sign in again.")
class InvalidRefreshTokenError(UserError):
    pass


@error_type(
    errors.LoginRevoked,
    "The sign-in was ended: signed out, deactivated, or a refresh token was used twice, as if it had been copied.",
)
class LoginRevokedError(UserError):
    pass


@error_type(errors.EmailTaken, "Another user of the tenant has this e-mail address.")
class EmailTakenError(UserError):
    pass


@error_type(errors.UsernameTaken, "Another user of the tenant has this username.")
class UsernameTakenError(UserError):
    pass


@error_type(errors.RoleNotGrantable, "The role allows more than the acting user may do.")
class RoleNotGrantableError(UserError):
    role: Role = strawberry.field(description="The role.")  # type: ignore[valid-type]


@error_type(errors.LastAdmin, "Without this user nobody could manage the tenant.")
class LastAdminError(UserError):
    role: Role = strawberry.field(description="The role nobody else has.")  # type: ignore[valid-type]


@error_type(errors.SelfDeactivation, "Users cannot deactivate themselves.")
class SelfDeactivationError(UserError):
    pass


@strawberry.type(description="Signed in.")
class UserLoginSuccess:
    access_token: str = strawberry.field(description=_ACCESS_TOKEN)
    refresh_token: str = strawberry.field(description=_REFRESH_TOKEN)
    expires_in_seconds: int = strawberry.field(description=_EXPIRES)
    user: User = strawberry.field(description="Who is signed in.")

    @classmethod
    def of(cls, granted: Granted) -> "UserLoginSuccess":
        """From what was granted."""
        return cls(
            access_token=granted.access_token,
            refresh_token=granted.refresh_token,
            expires_in_seconds=granted.expires_in_seconds,
            user=User.of(granted.user, is_self=True),
        )


@strawberry.type(description="A fresh pair of tokens; the refresh token that was sent is used up.")
class LoginRefreshSuccess:
    access_token: str = strawberry.field(description=_ACCESS_TOKEN)
    refresh_token: str = strawberry.field(description=_REFRESH_TOKEN)
    expires_in_seconds: int = strawberry.field(description=_EXPIRES)
    user: User = strawberry.field(description="Who is signed in.")

    @classmethod
    def of(cls, granted: Granted) -> "LoginRefreshSuccess":
        """From what was granted."""
        return cls(
            access_token=granted.access_token,
            refresh_token=granted.refresh_token,
            expires_in_seconds=granted.expires_in_seconds,
            user=User.of(granted.user, is_self=True),
        )


@strawberry.type(description="Nobody is signed in with that token any more, whether it was good or not.")
class LogoutSuccess:
    signed_out: bool = strawberry.field(description="Always true.")


@strawberry.type(description="The user was created and can sign in.")
class UserCreateSuccess:
    user: User = strawberry.field(description="The new user.")


@strawberry.type(description="The user was changed.")
class UserUpdateSuccess:
    user: User = strawberry.field(description="The user as they are now.")


@strawberry.type(description="The user is inactive, and every sign-in of theirs has ended.")
class UserDeactivateSuccess:
    user: User = strawberry.field(description="The user as they are now.")


@strawberry.type(description="The user can sign in.")
class UserReactivateSuccess:
    user: User = strawberry.field(description="The user as they are now.")


UserLoginResult = Annotated[
    UserLoginSuccess | SecondFactorRequiredError | InvalidCredentialsError,
    strawberry.union("UserLoginResult", description="What `userLogin` answers."),
]
LoginRefreshResult = Annotated[
    LoginRefreshSuccess | InvalidRefreshTokenError | LoginRevokedError,
    strawberry.union("LoginRefreshResult", description="What `loginRefresh` answers."),
]
LogoutResult = Annotated[
    LogoutSuccess | InvalidInputError, strawberry.union("LogoutResult", description="What `logout` answers.")
]
UserCreateResult = Annotated[
    UserCreateSuccess
    | InvalidInputError
    | EmailTakenError
    | UsernameTakenError
    | WeakPasswordError
    | RoleNotGrantableError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("UserCreateResult", description="What `userCreate` answers."),
]
UserUpdateResult = Annotated[
    UserUpdateSuccess
    | InvalidInputError
    | EmailTakenError
    | UsernameTakenError
    | WeakPasswordError
    | RoleNotGrantableError
    | LastAdminError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("UserUpdateResult", description="What `userUpdate` answers."),
]
UserDeactivateResult = Annotated[
    UserDeactivateSuccess | SelfDeactivationError | LastAdminError | RoleNotGrantableError,
    strawberry.union("UserDeactivateResult", description="What `userDeactivate` answers."),
]
UserReactivateResult = Annotated[
    UserReactivateSuccess | RoleNotGrantableError | LimitReachedError | StepUpRequiredError,
    strawberry.union("UserReactivateResult", description="What `userReactivate` answers."),
]
