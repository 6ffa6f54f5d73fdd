"""What can be refused about a tenant, and the refusal of going past one of its limits."""

from app.core.errors import Forbidden, UserFacingError


class SlugTaken(UserFacingError):
    """Another tenant has this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"Another tenant has the slug `{slug}`; choose another one.")
        self.slug = slug


class DomainTaken(UserFacingError):
    """Another tenant has this domain."""

    def __init__(self, domain: str) -> None:
        super().__init__(f"Another tenant has the domain `{domain}`; remove it there first, or choose another one.")
        self.domain = domain


class TenantNotSuspended(UserFacingError):
    """Only a suspended tenant can be deleted."""

    def __init__(self) -> None:
        super().__init__("A tenant is deleted only while it is suspended: suspend it with `tenantSuspend` first.")


class PlatformTenantProtected(UserFacingError):
    """The platform's own tenant can be neither suspended nor deleted: nobody could undo it."""

    def __init__(self) -> None:
        super().__init__("This is the platform's own tenant: it cannot be suspended, renamed in its slug, or deleted.")


class LimitReached(UserFacingError):
    """The tenant has as many as it may have of something; `limit` is the limit's name in `Tenant.limits`."""

    def __init__(self, limit: str, maximum: int) -> None:
        super().__init__(
            f"The limit `{limit}` of your plan is reached: at most {maximum:,}. "
            "Remove what is not needed, or ask the platform to raise it."
        )
        self.limit = limit
        self.maximum = maximum


class TenantClosed(Forbidden):
    """The tenant is not ACTIVE: its users, its visitors and their sockets are turned away."""

    def __init__(self) -> None:
        super().__init__("This business is not serving at the moment. Try again later, or ask its staff.")
