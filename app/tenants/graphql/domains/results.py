"""Results of the mutations of a tenant's own domain: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.tenants.domains import errors
from app.tenants.graphql.results import DomainTakenError
from app.tenants.graphql.types import Tenant


@error_type(errors.DomainNotClaimed, "The domain is neither the business's nor claimed by it.")
class DomainNotClaimedError(UserError):
    pass


@error_type(errors.DomainNotVerified, "The record that proves whose the domain is was not found.")
class DomainNotVerifiedError(UserError):
    record_name: str = strawberry.field(description="The name it has to have.")
    record_value: str = strawberry.field(description="What it has to say.")
    found: list[str] = strawberry.field(description="What stands in its place, at most 10 records of 255 characters.")


@strawberry.type(description="The domain is claimed: publish the record, then verify.")
class TenantDomainClaimSuccess:
    tenant: Tenant = strawberry.field(description="The tenant, with the record to publish in `domainClaim`.")


@strawberry.type(description="The domain is the business's.")
class TenantDomainVerifySuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


@strawberry.type(description="The domain, or the claim, is given up.")
class TenantDomainRemoveSuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


TenantDomainClaimResult = Annotated[
    TenantDomainClaimSuccess | InvalidInputError,
    strawberry.union("TenantDomainClaimResult", description="What `tenantDomainClaim` answers."),
]
TenantDomainVerifyResult = Annotated[
    TenantDomainVerifySuccess | InvalidInputError | DomainNotClaimedError | DomainNotVerifiedError | DomainTakenError,
    strawberry.union("TenantDomainVerifyResult", description="What `tenantDomainVerify` answers."),
]
TenantDomainRemoveResult = Annotated[
    TenantDomainRemoveSuccess | InvalidInputError | DomainNotClaimedError,
    strawberry.union("TenantDomainRemoveResult", description="What `tenantDomainRemove` answers."),
]
