"""What can be refused about second factors."""

from collections.abc import Sequence

from app.core.errors import UserFacingError


class SecondFactorRequired(UserFacingError):
    """Signing in goes on: the first proof was right, the second is missing.

    `challenge_token` stands for what was proved, `methods` are those that may follow. None, and `must_enroll`, where
    the tenant asks for a second factor and the user has none yet.
    """

    def __init__(
        self, challenge_token: str, methods: Sequence[str], expires_in_seconds: int, *, must_enroll: bool
    ) -> None:
        super().__init__(
            "Your business asks for a second factor: set one up with `loginEnroll`, then go on with `loginVerify`."
            if must_enroll
            else "Go on with `loginVerify` and a second factor."
        )
        self.challenge_token = challenge_token
        self.methods = methods
        self.expires_in_seconds = expires_in_seconds
        self.must_enroll = must_enroll


class LoginChallengeEnded(UserFacingError):
    """The sign-in that waited for a second factor has taken too long, was tried too often, or is through."""

    def __init__(self) -> None:
        super().__init__("This took too long, or was tried too often: sign in again from the beginning.")


class ProofRefused(UserFacingError):
    """The code or password is wrong, used up, or not one's own."""

    def __init__(self, tries_left: int) -> None:
        super().__init__("That is wrong, too old, or was used before. Try again with a fresh one.")
        self.tries_left = tries_left


class MethodUnavailable(UserFacingError):
    """This user cannot prove anything in this way. `methods` are those that they can."""

    def __init__(self, methods: Sequence[str]) -> None:
        super().__init__(f"This does not help here; use one of: {', '.join(methods) or 'none, ask an administrator'}.")
        self.methods = methods


class SecondFactorExists(UserFacingError):
    """There is a second factor of this kind already."""

    def __init__(self) -> None:
        super().__init__("There is a second factor of this kind already: remove it first.")


class SecondFactorNotAllowed(UserFacingError):
    """The tenant does not take codes that are sent as a second factor."""

    def __init__(self) -> None:
        super().__init__("Your business takes codes of an authenticator app only: use `TOTP`.")


class NoAddress(UserFacingError):
    """There is no address or telephone number that codes could be sent to."""

    def __init__(self) -> None:
        super().__init__("There is no telephone number, with its country, that codes could be sent to: set it first.")


class SecondFactorIndispensable(UserFacingError):
    """The tenant asks for a second factor, and this is the last."""

    def __init__(self) -> None:
        super().__init__("Your business asks for a second factor, and this is the last you have: add another first.")
