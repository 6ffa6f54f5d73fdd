"""Roles a tenant defines, custom domains."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
ROLES = ("SUPER_ADMIN", "ADMIN", "MANAGER", "STAFF", "CUSTOMER")


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column(
            "base_role",
            sa.Enum(*ROLES, name="base_role", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("permissions", postgresql.JSONB(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("roles_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("roles_pkey")),
    )
    op.create_index("roles_name_key", "roles", ["tenant_id", sa.text("lower(name)")], unique=True)
    for statement in protect("roles", app=ALL, system=ALL):
        op.execute(statement)
    op.add_column("users", sa.Column("custom_role_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("users_tenant_id_custom_role_id_fkey"),
        "users",
        "roles",
        ["tenant_id", "custom_role_id"],
        ["tenant_id", "id"],
    )
    op.create_index("users_custom_role_idx", "users", ["tenant_id", "custom_role_id"])
    # Not unique: who claims a domain proves nothing, and must not keep its owner from it.
    op.add_column("tenants", sa.Column("claimed_domain", sa.String(length=253), nullable=True))
    op.add_column("tenants", sa.Column("domain_challenge", sa.String(length=64), nullable=True))
    op.add_column("tenants", sa.Column("domain_claimed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tenants", "domain_claimed_at")
    op.drop_column("tenants", "domain_challenge")
    op.drop_column("tenants", "claimed_domain")
    op.drop_index("users_custom_role_idx", "users")
    op.drop_constraint(op.f("users_tenant_id_custom_role_id_fkey"), "users")
    op.drop_column("users", "custom_role_id")
    op.drop_table("roles")
