"""What can be refused to somebody who brings, or does not bring, what a queue lets people in by."""

from enum import StrEnum

from app.core.errors import UserFacingError


class CodeRefusal(StrEnum):
    """Why a code does nothing."""

    UNKNOWN = "UNKNOWN"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    USED_UP = "USED_UP"
    NO_EFFECT = "NO_EFFECT"


_MESSAGES = {
    CodeRefusal.UNKNOWN: "This is no code of this queue; check how it is written.",
    CodeRefusal.EXPIRED: "The code has expired.",
    CodeRefusal.REVOKED: "The code was revoked.",
    CodeRefusal.USED_UP: "The code was used as often as it may be.",
    CodeRefusal.NO_EFFECT: "The code would change nothing about this place, and was not used.",
}


class AccessCodeRefused(UserFacingError):
    """The code is not good for this."""

    def __init__(self, reason: CodeRefusal) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


class InvitationRequired(UserFacingError):
    """Only who is invited may join."""

    def __init__(self, refusal_message: str | None) -> None:
        super().__init__("Only invited visitors may join this queue: bring a code, or join as somebody on its lists.")
        self.refusal_message = refusal_message


class AddressLimitReached(UserFacingError):
    """As many people as may be have a place from this address."""

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"{maximum} people from this network address have a place in the queue, which is the most it allows. "
            "Join from another one, or when one of them has left."
        )
        self.maximum = maximum
