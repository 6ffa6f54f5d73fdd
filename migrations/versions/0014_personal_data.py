"""Personal data sealed under a key of the tenant, with blind indexes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "tenant_keys": ("select, insert, delete", ALL),
    "key_rotations": ("select, insert, update", ALL),
}


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "tenant_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("use", _one_of("use", "DATA", "INDEX"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(use = 'INDEX') = (version = 0)", name=op.f("tenant_keys_version_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("tenant_keys_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "version", name=op.f("tenant_keys_pkey")),
    )
    op.create_table(
        "key_rotations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("status", _one_of("status", "WAITING", "RUNNING", "DONE"), nullable=False),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("at_table", sa.String(length=64), nullable=True),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("key_rotations_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("key_rotations_pkey")),
    )
    op.create_index(
        "key_rotations_running_key", "key_rotations", ["tenant_id"], unique=True, postgresql_where="status <> 'DONE'"
    )
    op.create_index("key_rotations_started_idx", "key_rotations", ["tenant_id", "started_at"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("key_rotations")
    op.drop_table("tenant_keys")
