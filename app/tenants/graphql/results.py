"""Results of the tenant mutations: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.identity.errors import WeakPassword
from app.identity.graphql.step_up import StepUpRequiredError
from app.tenants import errors
from app.tenants.graphql.types import Tenant


@error_type(errors.LimitReached, "The tenant has as many as it may have of something.")
class LimitReachedError(UserError):
    limit: str = strawberry.field(description="The limit, as `Tenant.limits` names it: e.g. `waitingSessions`.")
    maximum: int = strawberry.field(description="The most there may be.")


@error_type(errors.SlugTaken, "Another tenant has this slug.")
class SlugTakenError(UserError):
    slug: str = strawberry.field(description="The slug.")


@error_type(errors.DomainTaken, "Another tenant has this domain.")
class DomainTakenError(UserError):
    domain: str = strawberry.field(description="The domain.")


@error_type(errors.TenantNotSuspended, "Only a suspended tenant can be deleted.")
class TenantNotSuspendedError(UserError):
    pass


@error_type(errors.PlatformTenantProtected, "The platform's own tenant is neither suspended, moved nor deleted.")
class PlatformTenantProtectedError(UserError):
    pass


@error_type(WeakPassword, "The password is too short, too long, or would be guessed.")
class WeakPasswordError(UserError):
    pass


@strawberry.type(description="The tenant was created; its administrator can sign in.")
class TenantCreateSuccess:
    tenant: Tenant = strawberry.field(description="The new tenant.")


@strawberry.type(description="The tenant was changed.")
class TenantUpdateSuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


@strawberry.type(description="The tenant is suspended.")
class TenantSuspendSuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


@strawberry.type(description="The tenant serves again.")
class TenantReactivateSuccess:
    tenant: Tenant = strawberry.field(description="The tenant as it is now.")


@strawberry.type(description="The tenant is gone, with everything it owned.")
class TenantDeleteSuccess:
    tenant_id: strawberry.ID = strawberry.field(description="The id it had.")


TenantCreateResult = Annotated[
    TenantCreateSuccess
    | InvalidInputError
    | SlugTakenError
    | DomainTakenError
    | WeakPasswordError
    | IdempotencyConflictError,
    strawberry.union("TenantCreateResult", description="What `tenantCreate` answers."),
]
TenantUpdateResult = Annotated[
    TenantUpdateSuccess | InvalidInputError | SlugTakenError | DomainTakenError | PlatformTenantProtectedError,
    strawberry.union("TenantUpdateResult", description="What `tenantUpdate` answers."),
]
TenantSuspendResult = Annotated[
    TenantSuspendSuccess | PlatformTenantProtectedError,
    strawberry.union("TenantSuspendResult", description="What `tenantSuspend` answers."),
]
TenantReactivateResult = Annotated[
    TenantReactivateSuccess | PlatformTenantProtectedError,
    strawberry.union("TenantReactivateResult", description="What `tenantReactivate` answers."),
]
TenantDeleteResult = Annotated[
    TenantDeleteSuccess
    | TenantNotSuspendedError
    | PlatformTenantProtectedError
    | InvalidInputError
    | StepUpRequiredError,
    strawberry.union("TenantDeleteResult", description="What `tenantDelete` answers."),
]
