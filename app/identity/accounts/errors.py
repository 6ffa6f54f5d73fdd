"""What can be refused about codes, registration and invitations."""

from app.core.errors import UserFacingError


class CodeRefused(UserFacingError):
    """The code is wrong, has been used, has expired, or was tried too often; the same words whatever it is."""

    def __init__(self) -> None:
        super().__init__(
            "The code is wrong, was used, or has expired: a code is good once, for 10 minutes and 5 tries, an "
            "invitation for 7 days. Ask for another one."
        )


class TooManyCodes(UserFacingError):
    """This address has been sent as many messages as it may be for now, whoever asked for them."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            f"Nothing more is sent to this address for {retry_after_seconds} s: use the code of an earlier message, "
            "or wait."
        )
        self.retry_after_seconds = retry_after_seconds


class RegistrationClosed(UserFacingError):
    """The business lets nobody register by themselves."""

    def __init__(self) -> None:
        super().__init__("This business does not let people register by themselves: ask it for an invitation.")


class WrongPassword(UserFacingError):
    """The present password was not given, or is another one."""

    def __init__(self) -> None:
        super().__init__("`currentPassword` is not your present password.")


class InvitationEnded(UserFacingError):
    """The invitation is unknown, was accepted or revoked, has expired, or whoever made it is not active any more."""

    def __init__(self) -> None:
        super().__init__(
            "The invitation is unknown, was used or revoked, or has expired: ask whoever sent it for another one."
        )


class CurrentLogin(UserFacingError):
    """The sign-in the request is made with is ended by signing out."""

    def __init__(self) -> None:
        super().__init__("This is the sign-in you are using: end it with `logout`.")
