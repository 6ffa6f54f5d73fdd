"""What can be refused about the providers of messages."""

from app.core.errors import UserFacingError


class MessageProviderNameTaken(UserFacingError):
    """Another provider of the tenant is called so."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another provider of messages is called `{name}`: choose another name.")


class CredentialsRequired(UserFacingError):
    """Other options could lead the credentials that are kept to somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "Other options might send the credentials that are kept to another address: give `credentials` again "
            "together with `options`."
        )


class ProviderNotInstalled(UserFacingError):
    """The provider's kind belongs to a plug-in that is not installed (any more)."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"This installation has no provider `{kind}` (any more): install its plug-in, or delete it.")


class CallbackRefused(Exception):
    """A callback is not taken. The text is for the log; whoever sent it is told nothing of it."""
