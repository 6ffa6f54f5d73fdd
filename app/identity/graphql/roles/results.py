"""Results of the custom role mutations: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.identity.graphql.roles.types import CustomRole
from app.identity.graphql.step_up import StepUpRequiredError
from app.identity.roles import errors
from app.tenants.graphql.results import LimitReachedError


@error_type(errors.PermissionNotGrantable, "The role would allow, or allows, more than one may do oneself.")
class PermissionNotGrantableError(UserError):
    permissions: list[str] = strawberry.field(description="What one may not do oneself, sorted.")


@error_type(errors.RoleNameTaken, "Another custom role of the tenant has this name.")
class RoleNameTakenError(UserError):
    pass


@error_type(errors.RoleInUse, "Somebody has the role, or is invited to it.")
class RoleInUseError(UserError):
    user_count: int = strawberry.field(description="How many users have it; 0 if it is only promised to somebody.")


@strawberry.type(description="The role was created and can be given.")
class CustomRoleCreateSuccess:
    custom_role: CustomRole = strawberry.field(description="The new role.")


@strawberry.type(description="The role was changed, for all who have it.")
class CustomRoleUpdateSuccess:
    custom_role: CustomRole = strawberry.field(description="The role as it is now.")


@strawberry.type(description="The role is gone.")
class CustomRoleDeleteSuccess:
    custom_role_id: strawberry.ID = strawberry.field(description="The id it had.")


CustomRoleCreateResult = Annotated[
    CustomRoleCreateSuccess
    | InvalidInputError
    | PermissionNotGrantableError
    | RoleNameTakenError
    | LimitReachedError
    | StepUpRequiredError,
    strawberry.union("CustomRoleCreateResult", description="What `customRoleCreate` answers."),
]
CustomRoleUpdateResult = Annotated[
    CustomRoleUpdateSuccess
    | InvalidInputError
    | PermissionNotGrantableError
    | RoleNameTakenError
    | StepUpRequiredError,
    strawberry.union("CustomRoleUpdateResult", description="What `customRoleUpdate` answers."),
]
CustomRoleDeleteResult = Annotated[
    CustomRoleDeleteSuccess | RoleInUseError | PermissionNotGrantableError,
    strawberry.union("CustomRoleDeleteResult", description="What `customRoleDelete` answers."),
]
