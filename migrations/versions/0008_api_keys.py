"""API keys with their secrets; and what is told of the health of protected sites."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "api_keys": ("select, insert, update", ALL),
    "api_key_secrets": ("select, insert, update", ALL),
    "origin_checks": ("select, insert, update", ALL),
}
HEALTH = ("UNKNOWN", "HEALTHY", "DEGRADED", "DOWN")
REASONS = ("REPORTED", "ASKED", "STALE", "NOT_TOLD")


def _one_of(name: str, values: Sequence[str]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.String(length=200), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("api_keys_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("api_keys_pkey")),
    )
    op.create_index("api_keys_created_idx", "api_keys", ["tenant_id", "created_at", "id"])
    op.create_table(
        "api_key_secrets",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "api_key_id"],
            ["api_keys.tenant_id", "api_keys.id"],
            name=op.f("api_key_secrets_tenant_id_api_key_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("api_key_secrets_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("api_key_secrets_pkey")),
        sa.UniqueConstraint("tenant_id", "prefix", name="api_key_secrets_prefix_key"),
    )
    op.create_index("api_key_secrets_key_idx", "api_key_secrets", ["tenant_id", "api_key_id", "created_at"])
    # What part of the rate was in force when the health last changed: where a ramp begins.
    op.add_column("queue_lines", sa.Column("health_factor", sa.Float(), nullable=False, server_default="1"))
    op.create_table(
        "origin_checks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("reason", _one_of("reason", REASONS), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("seen_health", _one_of("seen_health", HEALTH), nullable=False),
        sa.Column("seen_detail", sa.String(length=300), nullable=True),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("origin_checks_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("origin_checks_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "queue_id", name=op.f("origin_checks_pkey")),
    )
    op.create_index("origin_checks_due_idx", "origin_checks", ["due_at"], postgresql_where="due_at is not null")
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("origin_checks")
    op.drop_column("queue_lines", "health_factor")
    op.drop_table("api_key_secrets")
    op.drop_table("api_keys")
