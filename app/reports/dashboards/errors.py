"""What can be refused about dashboards."""

from app.core.errors import UserFacingError


class DashboardChanged(UserFacingError):
    """Somebody else has changed it since it was read."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"The dashboard was changed meanwhile; its revision is {revision}. Read it again, and change that."
        )
        self.revision = revision
