"""What can be refused about exports and imports alike."""

from collections.abc import Iterable

from app.core.actor import Actor
from app.core.errors import UserFacingError


class PermissionsMissing(UserFacingError):
    """What is to be read or made takes permissions besides that of the transfer itself."""

    def __init__(self, permissions: list[str]) -> None:
        named = ", ".join(f"`{each}`" for each in permissions)
        super().__init__(f"This takes permissions you do not have: {named}. Ask an administrator of your tenant.")
        self.permissions = permissions


def ensure_may(actor: Actor, permissions: Iterable[str]) -> None:
    """`PermissionsMissing` unless somebody has them all."""
    missing = [each for each in permissions if not actor.may(each)]
    if missing:
        raise PermissionsMissing(missing)
