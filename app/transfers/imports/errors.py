"""What can be refused about imports, and what is wrong with a file."""

from app.core.errors import UserFacingError

MOST_OPEN = 3
"""Imports of a tenant under way at once."""


class TooManyImports(UserFacingError):
    """So many are under way already."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_OPEN} imports are under way: wait until one is done, or cancel one.")
        self.maximum = MOST_OPEN


class ImportOver(UserFacingError):
    """What is done, has failed or is cancelled cannot be cancelled."""

    def __init__(self) -> None:
        super().__init__("This import is over already: there is nothing to cancel.")


class UnreadableFile(Exception):
    """The file is not what it was said to be; the text says where and why."""


class NotAwaited(Exception):
    """The import has its file, or is over."""
