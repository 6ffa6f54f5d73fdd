"""Inputs of the mutations of a tenant's own domain."""

import strawberry

_DOMAIN = "A host name without scheme and path, e.g. `queue.example.com`, at most 253 characters."


@strawberry.input(description="Which domain is to become one's own business's.")
class TenantDomainClaimInput:
    domain: str = strawberry.field(description=_DOMAIN)


@strawberry.input(description="Whose record to look for.")
class TenantDomainVerifyInput:
    domain: str = strawberry.field(description="The domain that was claimed.")


@strawberry.input(description="Which domain to give up.")
class TenantDomainRemoveInput:
    domain: str = strawberry.field(description="The business's domain, or the one it claims.")
