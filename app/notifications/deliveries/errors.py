"""What can be refused about messages on their way."""

from app.core.errors import UserFacingError
from app.notifications.models import NotificationStatus


class NotificationNotRetriable(UserFacingError):
    """The message cannot be sent again: only what FAILED can, and what still says to whom."""

    def __init__(self, status: NotificationStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
