"""Results of what people do with their own accounts, and of invitations: a success, or a refusal one can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.accounts import errors
from app.identity.graphql.accounts.types import Invitation
from app.identity.graphql.codes import TooManyCodesError
from app.identity.graphql.results import EmailTakenError, RoleNotGrantableError, UsernameTakenError
from app.identity.graphql.step_up import StepUpRequiredError
from app.identity.graphql.types import User
from app.tenants.graphql.results import LimitReachedError, WeakPasswordError

_CODE_TOKEN = "Send it back with the code; a code of another request does not go with it."
_EXPIRES_AT = "Until when the code is good: 10 minutes."


@error_type(errors.CodeRefused, "The code is wrong, was used, has expired, or was tried 5 times; the same answer.")
class CodeRefusedError(UserError):
    pass


@error_type(errors.RegistrationClosed, "The business lets nobody register by themselves (`registrationOpen`).")
class RegistrationClosedError(UserError):
    pass


@error_type(errors.WrongPassword, "The present password was not given, or is another one.")
class WrongPasswordError(UserError):
    pass


@error_type(errors.InvitationEnded, "The invitation was used or taken back, has expired, or its sender left.")
class InvitationEndedError(UserError):
    pass


@error_type(errors.CurrentLogin, "The sign-in of the request itself is ended with `logout`.")
class CurrentLoginError(UserError):
    pass


@strawberry.type(description="A message is on its way; to whom has an account, it says so and carries no code.")
class UserRegisterSuccess:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    expires_at: datetime = strawberry.field(description=_EXPIRES_AT)


@strawberry.type(description="There is an account: sign in with `userLogin`.")
class UserConfirmSuccess:
    user: User = strawberry.field(description="The new user, a customer.")


@strawberry.type(description="A message is on its way if somebody has an account with this address.")
class PasswordRequestResetSuccess:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    expires_at: datetime = strawberry.field(description=_EXPIRES_AT)


@strawberry.type(description="The password is set, and every sign-in has ended: sign in with `userLogin`.")
class PasswordResetSuccess:
    password_set: bool = strawberry.field(description="Always true.")


@strawberry.type(description="The password is another one, and every other sign-in has ended.")
class PasswordChangeSuccess:
    user: User = strawberry.field(description="Oneself.")


@strawberry.type(description="The names were changed.")
class ProfileUpdateSuccess:
    user: User = strawberry.field(description="Oneself, as one is now.")


@strawberry.type(description="A code is on its way to the address.")
class EmailChangeSuccess:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    expires_at: datetime = strawberry.field(description=_EXPIRES_AT)


@strawberry.type(description="The address is one's own, and confirmed.")
class EmailConfirmSuccess:
    user: User = strawberry.field(description="Oneself, as one is now.")


@strawberry.type(description="A code is on its way to the number.")
class PhoneChangeSuccess:
    code_token: str = strawberry.field(description=_CODE_TOKEN)
    expires_at: datetime = strawberry.field(description=_EXPIRES_AT)


@strawberry.type(description="The number is one's own, and confirmed.")
class PhoneConfirmSuccess:
    user: User = strawberry.field(description="Oneself, as one is now.")


@strawberry.type(description="There is no telephone number any more.")
class PhoneRemoveSuccess:
    user: User = strawberry.field(description="Oneself, as one is now.")


@strawberry.type(description="Sign-ins have ended, sockets included, within 2 s.")
class LoginRevokeSuccess:
    ended_count: int = strawberry.field(description="How many; 0 if they had ended before.")


@strawberry.type(description="The invitation is on its way.")
class UserInviteSuccess:
    invitation: Invitation = strawberry.field(description="The invitation.")


@strawberry.type(description="There is an account: sign in with `userLogin`.")
class InvitationAcceptSuccess:
    user: User = strawberry.field(description="The new user.")


@strawberry.type(description="The invitation cannot be accepted any more.")
class InvitationRevokeSuccess:
    invitation: Invitation = strawberry.field(description="The invitation as it is now.")


UserRegisterResult = Annotated[
    UserRegisterSuccess | InvalidInputError | RegistrationClosedError | TooManyCodesError,
    strawberry.union("UserRegisterResult", description="What `userRegister` answers."),
]
UserConfirmResult = Annotated[
    UserConfirmSuccess
    | CodeRefusedError
    | InvalidInputError
    | WeakPasswordError
    | UsernameTakenError
    | EmailTakenError
    | RegistrationClosedError,
    strawberry.union("UserConfirmResult", description="What `userConfirm` answers."),
]
PasswordRequestResetResult = Annotated[
    PasswordRequestResetSuccess | InvalidInputError | TooManyCodesError,
    strawberry.union("PasswordRequestResetResult", description="What `passwordRequestReset` answers."),
]
PasswordResetResult = Annotated[
    PasswordResetSuccess | CodeRefusedError | WeakPasswordError,
    strawberry.union("PasswordResetResult", description="What `passwordReset` answers."),
]
PasswordChangeResult = Annotated[
    PasswordChangeSuccess | WrongPasswordError | WeakPasswordError | StepUpRequiredError,
    strawberry.union("PasswordChangeResult", description="What `passwordChange` answers."),
]
ProfileUpdateResult = Annotated[
    ProfileUpdateSuccess | InvalidInputError | UsernameTakenError,
    strawberry.union("ProfileUpdateResult", description="What `profileUpdate` answers."),
]
EmailChangeResult = Annotated[
    EmailChangeSuccess | InvalidInputError | TooManyCodesError | StepUpRequiredError,
    strawberry.union("EmailChangeResult", description="What `emailChange` answers."),
]
EmailConfirmResult = Annotated[
    EmailConfirmSuccess | CodeRefusedError | EmailTakenError,
    strawberry.union("EmailConfirmResult", description="What `emailConfirm` answers."),
]
PhoneChangeResult = Annotated[
    PhoneChangeSuccess | InvalidInputError | TooManyCodesError | StepUpRequiredError,
    strawberry.union("PhoneChangeResult", description="What `phoneChange` answers."),
]
PhoneConfirmResult = Annotated[
    PhoneConfirmSuccess | CodeRefusedError,
    strawberry.union("PhoneConfirmResult", description="What `phoneConfirm` answers."),
]
PhoneRemoveResult = Annotated[
    PhoneRemoveSuccess | InvalidInputError | StepUpRequiredError,
    strawberry.union("PhoneRemoveResult", description="What `phoneRemove` answers."),
]
LoginRevokeResult = Annotated[
    LoginRevokeSuccess | CurrentLoginError,
    strawberry.union("LoginRevokeResult", description="What `loginRevoke` answers."),
]
UserInviteResult = Annotated[
    UserInviteSuccess
    | InvalidInputError
    | EmailTakenError
    | RoleNotGrantableError
    | LimitReachedError
    | TooManyCodesError
    | StepUpRequiredError,
    strawberry.union("UserInviteResult", description="What `userInvite` answers."),
]
InvitationAcceptResult = Annotated[
    InvitationAcceptSuccess
    | CodeRefusedError
    | InvitationEndedError
    | InvalidInputError
    | WeakPasswordError
    | EmailTakenError
    | UsernameTakenError
    | LimitReachedError,
    strawberry.union("InvitationAcceptResult", description="What `invitationAccept` answers."),
]
InvitationRevokeResult = Annotated[
    InvitationRevokeSuccess | InvitationEndedError | RoleNotGrantableError,
    strawberry.union("InvitationRevokeResult", description="What `invitationRevoke` answers."),
]
