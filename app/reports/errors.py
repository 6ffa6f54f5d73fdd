"""What can be refused about reports."""

from app.core.errors import UserFacingError


class ReportRunning(UserFacingError):
    """So many runs are being made that something else has to wait: one more, or none at all may be left."""

    def __init__(self, maximum: int) -> None:
        said = f"{maximum} runs of this report are still being made." if maximum else "It is being made at present."
        super().__init__(f"{said} Wait until that is done.")
        self.maximum = maximum
