"""What can be refused about jobs."""

from app.core.errors import UserFacingError


class JobNotFailed(UserFacingError):
    """Only what has failed for good can be tried again; the rest is tried by itself."""

    def __init__(self) -> None:
        super().__init__("This job has not failed for good: it is done, or will be tried by itself.")
