"""The two families of expected errors. Anything else that is raised is a bug: logged, and masked from clients.

`UserFacingError` becomes a member of the mutation's result union; `CodedError` can happen anywhere and becomes a
top-level error with a code.
"""

from typing import ClassVar


class UserFacingError(Exception):
    """A refusal the caller can act on; the message says what is wrong and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(UserFacingError):
    """A value of the input is unusable. `field` is its path in camelCase, e.g. `contact.email`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class CodedError(Exception):
    """A refusal that any field may give; reaches the client as `extensions.code`."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthenticated(CodedError):
    """Nobody is signed in, or the token is no longer good."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str = "Sign in first: send `Authorization: Bearer <token>`.") -> None:
        super().__init__(message)


class TokenExpired(Unauthenticated):
    """The token was good once; a refreshed one will do. Sockets close with a code that makes clients come back."""

    def __init__(self, message: str = "The token has expired: refresh it and try again.") -> None:
        super().__init__(message)


class Forbidden(CodedError):
    """Signed in, but not allowed."""

    code = "FORBIDDEN"


class NotFound(CodedError):
    """There is no such thing for this caller; another tenant's things are not found either."""

    code = "NOT_FOUND"

    def __init__(self, kind: str = "Object") -> None:
        super().__init__(f"{kind} not found. Check the id, and that you are signed in to the right tenant.")


class BadInput(CodedError):
    """An argument of a query or subscription is unusable."""

    code = "BAD_USER_INPUT"


class Unavailable(CodedError):
    """Something we stand on is away for the moment, the database usually; nothing has happened."""

    code = "UNAVAILABLE"

    def __init__(
        self,
        retry_after_seconds: float = 1.0,
        message: str = "We cannot answer for the moment. Try again shortly, with the same idempotency key.",
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DocumentNotTrusted(CodedError):
    """Only the front-ends' own operations may be sent here, and this is none of them."""

    code = "DOCUMENT_NOT_TRUSTED"

    def __init__(self) -> None:
        super().__init__(
            "Only known documents may be sent here: one of `frontend-contract/operations`, by its text or its id."
        )


class DocumentNotFound(CodedError):
    """There is no document of this id."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        # The word that Apollo's and other links look for before they send the whole text.
        super().__init__("PersistedQueryNotFound")


class RateLimited(CodedError):
    """Too many requests; try again after `retry_after_seconds`. `limit` names what was exceeded."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_seconds: float, limit: str = "requests") -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit
