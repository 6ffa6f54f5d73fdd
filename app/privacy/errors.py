"""What can be refused about people's data."""

from app.core.errors import UserFacingError


class PersonIsStaff(UserFacingError):
    """Somebody who works here cannot be erased before their access is taken away."""

    def __init__(self) -> None:
        super().__init__("This is a member of staff with access: take it away with `userDeactivate`, then erase them.")
