"""What can be refused about users, sign-ins and tokens."""

from collections.abc import Sequence

from app.core.errors import Unauthenticated, UserFacingError
from app.identity.models import Role


class TokenInvalid(Unauthenticated):
    """Not a token of ours, or not for this."""

    def __init__(
        self, message: str = "The token is not valid here: sign in again with `userLogin`, or join again."
    ) -> None:
        super().__init__(message)


class TokenRevoked(Unauthenticated):
    """The sign-in behind the token was ended, the user is not active any more, or an API key has ended.

    Refreshing will not help.
    """

    def __init__(self, message: str = "You have been signed out: sign in again with `userLogin`.") -> None:
        super().__init__(message)


class InvalidCredentials(UserFacingError):
    """Sign-in refused; the same words whatever was wrong, so that they tell nobody which accounts exist."""

    def __init__(self) -> None:
        super().__init__("Business, e-mail or password is wrong, or the account is not active.")


class ProofOutdated(InvalidCredentials):
    """The password was right a moment ago; what is stored has changed since."""


class StepUpRequired(UserFacingError):
    """Too long ago that this sign-in has shown who it is. `methods` are those by which it can."""

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__("Show again who you are with `loginStepUp`, then send this once more.")
        self.methods = methods


class InvalidRefreshToken(UserFacingError):
    """Not a refresh token of ours, or past its time."""

    def __init__(self) -> None:
        super().__init__("The refresh token is unknown or has expired: sign in again with `userLogin`.")


class LoginRevoked(UserFacingError):
    """The sign-in was ended: signed out, deactivated, or a refresh token was used that had been replaced before."""

    def __init__(self) -> None:
        super().__init__("This sign-in has been ended: sign in again with `userLogin`.")


class EmailTaken(UserFacingError):
    """Another user of the tenant has this e-mail address."""

    def __init__(self) -> None:
        # Without the address: messages end up in logs.
        super().__init__("Another user has this e-mail address; deactivated ones count as well.")


class UsernameTaken(UserFacingError):
    """Another user of the tenant has this username."""

    def __init__(self) -> None:
        super().__init__("Another user has this username; choose another one.")


class WeakPassword(UserFacingError):
    """The password would be guessed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Choose another password.")


class RoleNotGrantable(UserFacingError):
    """The role allows more than the acting user may do."""

    def __init__(self, role: Role) -> None:
        super().__init__(
            f"The role {role} allows more than you may do yourself; only somebody with at least its permissions "
            "can give it, take it, or change a user who has it."
        )
        self.role = role


class LastAdmin(UserFacingError):
    """Without this user nobody could manage the tenant."""

    def __init__(self, role: Role) -> None:
        super().__init__(f"This is the last active user with the role {role}: give it to somebody else first.")
        self.role = role


class SelfDeactivation(UserFacingError):
    """Users cannot deactivate themselves."""

    def __init__(self) -> None:
        super().__init__("You cannot deactivate yourself; ask another administrator.")
