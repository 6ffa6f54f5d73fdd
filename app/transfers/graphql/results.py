"""Refusals that exports and imports share."""

import strawberry

from app.core.graphql.errors import UserError, error_type
from app.transfers import errors


@error_type(errors.PermissionsMissing, "What is to be read or made takes permissions that the caller does not have.")
class PermissionsMissingError(UserError):
    permissions: list[str] = strawberry.field(description="Which, e.g. `audit:read`; at most 3.")
