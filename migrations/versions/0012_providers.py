"""Sign-in by others: OpenID Connect and OAuth providers of a tenant and of the installation."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "identity_providers": (ALL, ALL),
    "user_identities": (ALL, ALL),
    "provider_proofs": (ALL, ALL),
}
KINDS = ("GOOGLE", "MICROSOFT", "FACEBOOK", "OIDC")
ROLES = ("SUPER_ADMIN", "ADMIN", "MANAGER", "STAFF", "CUSTOMER")


def _one_of(name: str, values: Sequence[str]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _tenant(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{table}_pkey")),
    )


def _user_and_provider(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f(f"{table}_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "provider_id"],
            ["identity_providers.tenant_id", "identity_providers.id"],
            name=op.f(f"{table}_tenant_id_provider_id_fkey"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", _one_of("kind", KINDS), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=True),
        sa.Column("directories", postgresql.JSONB(), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("role_rules", postgresql.JSONB(), nullable=False),
        sa.Column("default_role", _one_of("default_role", ROLES), nullable=True),
        sa.Column("roles_follow", sa.Boolean(), nullable=False),
        sa.Column("email_trusted", sa.Boolean(), nullable=False),
        sa.Column("return_origins", postgresql.JSONB(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        *_tenant("identity_providers"),
        sa.UniqueConstraint("tenant_id", "slug", name="identity_providers_slug_key"),
    )
    op.create_table(
        "user_identities",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("subject_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        *_user_and_provider("user_identities"),
        *_tenant("user_identities"),
        sa.UniqueConstraint("tenant_id", "provider_id", "subject_index", name="user_identities_subject_key"),
        sa.UniqueConstraint("tenant_id", "user_id", "provider_id", name="user_identities_user_key"),
    )
    op.create_table(
        "provider_proofs",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", _one_of("purpose", ("SIGN_IN", "LINK")), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("challenge", sa.String(length=43), nullable=False),
        sa.Column("subject_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        *_user_and_provider("provider_proofs"),
        *_tenant("provider_proofs"),
        sa.UniqueConstraint("tenant_id", "code_hash", name="provider_proofs_code_key"),
    )
    op.create_index("provider_proofs_expires_idx", "provider_proofs", ["expires_at"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("provider_proofs")
    op.drop_table("user_identities")
    op.drop_table("identity_providers")
