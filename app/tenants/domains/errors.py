"""What can be refused about a tenant's own domain."""

from collections.abc import Sequence

from app.core.errors import UserFacingError


class DomainNotClaimed(UserFacingError):
    """The domain is neither the tenant's nor claimed by it, or another was claimed meanwhile."""

    def __init__(self) -> None:
        super().__init__("Your tenant neither has this domain nor claims it: claim it with `tenantDomainClaim` first.")


class DomainNotVerified(UserFacingError):
    """The record that proves whose the domain is was not found. `found` are others in its place."""

    def __init__(self, record_name: str, record_value: str, found: Sequence[str] | None) -> None:
        if found is None:
            said = "No name server answered; try again in a minute."
        elif found:
            said = "There are other records in its place, or an old one that name servers still remember."
        else:
            said = "There is none yet. Name servers may take as long as the zone's time to live, often an hour."
        super().__init__(f"Publish a TXT record {record_name} with the value {record_value}. {said}")
        self.record_name = record_name
        self.record_value = record_value
        self.found = list(found or ())
