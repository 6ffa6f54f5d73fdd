"""What can be refused to whoever rates a visit."""

from enum import StrEnum

from app.core.errors import UserFacingError


class RatingRefusal(StrEnum):
    """Why a visit cannot be rated."""

    NOT_ASKED = "NOT_ASKED"
    NOT_SERVED = "NOT_SERVED"
    TOO_LATE = "TOO_LATE"


_MESSAGES = {
    RatingRefusal.NOT_ASKED: "This queue asks for no ratings.",
    RatingRefusal.NOT_SERVED: "A visit can be rated when its service is over.",
    RatingRefusal.TOO_LATE: "The time to rate this visit is over.",
}


class RatingRefused(UserFacingError):
    """This visit cannot be rated, or not now."""

    def __init__(self, reason: RatingRefusal) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason
