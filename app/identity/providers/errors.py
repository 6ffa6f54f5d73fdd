"""What can be refused about providers, and where somebody who comes back from one is not let in."""

from enum import StrEnum

from app.core.errors import UserFacingError


class ProviderSlugTaken(UserFacingError):
    """Another provider of the tenant has this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Another provider of this tenant has the slug `{slug}`: choose another one.")


class ProviderNotConfigurable(UserFacingError):
    """Who configures a provider decides whom it vouches for, which may be any user of the tenant."""

    def __init__(self) -> None:
        super().__init__(
            "A provider vouches for any user of the tenant: only somebody who may do all an administrator may can "
            "configure one."
        )


class ProviderUnavailable(UserFacingError):
    """There is no such provider, or it is switched off."""

    def __init__(self) -> None:
        super().__init__("There is no such provider here, or it is switched off.")


class ProviderUnreachable(UserFacingError):
    """A provider's own description could not be had, or does not fit."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The provider cannot be used as it is configured: {reason}")
        self.reason = reason


class LoginCodeInvalid(UserFacingError):
    """The code of a sign-in with a provider is not, or not any more, good for this."""

    def __init__(self) -> None:
        super().__init__(
            "The code is unknown, used, older than a minute, or not for this verifier: sign in with the provider again."
        )


class IdentityTaken(UserFacingError):
    """The provider's account belongs to another user, or the user has another one there."""

    def __init__(self) -> None:
        super().__init__(
            "This account at the provider belongs to another user, or yours is linked with another one there already."
        )


class LastWayIn(UserFacingError):
    """Without this identity the user could not sign in any more."""

    def __init__(self) -> None:
        super().__init__(
            "This is the only way you can sign in: set a password first (reset it by e-mail), or link another provider."
        )


class Reason(StrEnum):
    """Why somebody who comes back from a provider is not let in; told to the front-end as `error`."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PROVIDER_FAILED = "provider_failed"
    EMAIL_MISSING = "email_missing"
    EMAIL_UNVERIFIED = "email_unverified"
    ACCOUNT_EXISTS = "account_exists"
    NO_ACCOUNT = "no_account"
    NO_ROLE = "no_role"
    NOT_ACTIVE = "not_active"
    LIMIT_REACHED = "limit_reached"
    IDENTITY_TAKEN = "identity_taken"


MEANING = {
    Reason.CANCELLED: "The sign-in was cancelled at the provider.",
    Reason.EXPIRED: "This sign-in has expired, or was begun in another browser. Start again.",
    Reason.PROVIDER_FAILED: "The provider's answer could not be accepted. Try again, or tell the business.",
    Reason.EMAIL_MISSING: "The provider has not told your e-mail address, which an account needs.",
    Reason.EMAIL_UNVERIFIED: "The provider does not vouch for your e-mail address. Sign in another way, then link it.",
    Reason.ACCOUNT_EXISTS: "There is an account with this e-mail address. Sign in another way, then link the provider.",
    Reason.NO_ACCOUNT: "There is no account for you here. Ask the business for one.",
    Reason.NO_ROLE: "Your account at the provider gives you no role here. Ask the business for one.",
    Reason.NOT_ACTIVE: "The account is not active.",
    Reason.LIMIT_REACHED: "The business has as many accounts as it may have.",
    Reason.IDENTITY_TAKEN: "Your account is linked with another account at this provider.",
}


class NotLetIn(Exception):
    """Somebody who came back from a provider is not let in. `detail` is for the log: nothing personal."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
