"""What can be refused about exports."""

from app.core.errors import UserFacingError

MOST_OPEN = 5
"""Exports of a tenant under way at once: whoever asks for more holds up other tenants."""


class TooManyExports(UserFacingError):
    """So many are under way already."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_OPEN} exports are under way: wait until one is done, or cancel one.")
        self.maximum = MOST_OPEN


class ExportOver(UserFacingError):
    """What is done, has failed or is cancelled cannot be cancelled."""

    def __init__(self) -> None:
        super().__init__("This export is over already: there is nothing to cancel.")
