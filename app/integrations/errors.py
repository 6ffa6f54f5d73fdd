"""What can be refused about integrations, fees and payments."""

from app.core.errors import UserFacingError


class IntegrationKindTaken(UserFacingError):
    """Of each kind one integration is on at a time."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"Another integration of the kind `{kind}` is on: switch it off first.")


class IntegrationInUse(UserFacingError):
    """Fees were paid by it: they could not be refunded any more."""

    def __init__(self) -> None:
        super().__init__("Fees were paid by this integration, so it has to stay: switch it off instead.")


class IntegrationFailed(UserFacingError):
    """The other system did not do what it was asked."""

    def __init__(self, reason: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(f"The other system did not do it: {reason}")
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class PaymentNotSetUp(UserFacingError):
    """There is no payment system that is on."""

    def __init__(self) -> None:
        super().__init__("Fees need an integration of the kind `PAYMENT` that is on.")


class NothingToPay(UserFacingError):
    """The session owes no fee: there is none, it is paid, or the session has ended."""

    def __init__(self) -> None:
        super().__init__("This session owes nothing: there is no fee, it is paid or waived, or the session has ended.")
