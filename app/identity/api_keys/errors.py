"""What can be refused about API keys."""

from collections.abc import Sequence
from datetime import datetime

from app.core.errors import UserFacingError


class ScopeNotGrantable(UserFacingError):
    """The key would be, or is, allowed more than the acting user may do."""

    def __init__(self, scopes: Sequence[str]) -> None:
        listed = ", ".join(f"`{scope}`" for scope in scopes)
        super().__init__(
            f"You may not do this yourself: {listed}. Only somebody who has all of a key's permissions can create it, "
            "widen it, or be shown a secret of it; anybody with `api-key:write` can revoke it."
        )
        self.scopes = list(scopes)


class OutlivesOwnKey(UserFacingError):
    """A program would have a secret for longer than the one it has shown: whoever copies one would never lose it."""

    def __init__(self, own_end: datetime) -> None:
        super().__init__(
            f"The key you have shown ends {own_end.isoformat()}, and no key or secret that is good for longer can be "
            "had with it: somebody who is signed in has to do this, or a key that lasts as long."
        )
        self.expires_at = own_end


class ApiKeyEnded(UserFacingError):
    """The key was revoked or has expired, which is for good."""

    def __init__(self) -> None:
        super().__init__("The key was revoked or has expired: create another one.")


class TooManySecrets(UserFacingError):
    """The key was rotated so often that too many of its secrets are good at once."""

    def __init__(self, maximum: int) -> None:
        super().__init__(
            f"{maximum} secrets of this key are good at present. Wait until an overlap ends, or end all of them with "
            "an overlap of 0 seconds."
        )
        self.maximum = maximum
