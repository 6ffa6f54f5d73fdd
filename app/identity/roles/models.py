"""Roles that tenants define themselves, beside those of the matrix. Who has one stands in the user's row."""

from datetime import datetime

from sqlalchemy import Index, literal_column
from sqlmodel import Field

from app.core.db import TenantRow, enum_column, json_column, time_column
from app.identity.models import Role


class CustomRole(TenantRow, table=True):
    """A role of a tenant's own: a name, and exactly the permissions that are listed.

    1. created by somebody who may do everything it allows
    2. given to users (`users.custom_role_id`), who then do what it allows and nothing else
    3. changed: effective at once for all who have it, on open sockets too
    4. deleted, once nobody has it

    `base_role` never changes. It is what its users count as where a rule knows the five roles only: against the limit
    of staff, and in what a tenant demands of each role. It grants nothing.
    """

    __tablename__ = "roles"
    # In one spelling only: `Cashier` and `cashier` would be confused by whoever gives them.
    __table_args__ = (Index("roles_name_key", "tenant_id", literal_column("lower(name)"), unique=True),)

    name: str = Field(max_length=80)
    description: str | None = Field(default=None, max_length=500)
    base_role: Role = enum_column(Role, "base_role")
    permissions: list[str] = json_column(list)
    revision: int = 1
    created_at: datetime = time_column()
    created_by: str = Field(max_length=64)
    updated_at: datetime = time_column()
    updated_by: str = Field(max_length=64)
