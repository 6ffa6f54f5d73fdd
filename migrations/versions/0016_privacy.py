"""Requests about people's data, and how long a tenant keeps it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "privacy_requests": ("select, insert, update", ALL),
    "retentions": ("select, insert, update", ALL),
}


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "privacy_requests",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("kind", "EXPORT", "ERASURE"), nullable=False),
        sa.Column("status", _one_of("status", "WAITING", "RUNNING", "DONE", "FAILED"), nullable=False),
        sa.Column("subject_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("content_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_ids", postgresql.JSONB(), nullable=True),
        sa.Column("session_ids", postgresql.JSONB(), nullable=True),
        sa.Column("done_steps", sa.Integer(), nullable=False),
        sa.Column("total_steps", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("failure", sa.String(length=300), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("privacy_requests_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("privacy_requests_pkey")),
    )
    op.create_index("privacy_requests_created_idx", "privacy_requests", ["tenant_id", "created_at", "id"])
    op.create_index(
        "privacy_requests_content_idx",
        "privacy_requests",
        ["content_ends_at"],
        postgresql_where="content_ends_at is not null",
    )
    op.create_table(
        "retentions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_days", sa.Integer(), nullable=True),
        sa.Column("login_days", sa.Integer(), nullable=True),
        sa.Column("notification_days", sa.Integer(), nullable=True),
        sa.Column("origin_days", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "least(session_days, login_days, notification_days, origin_days) >= 1"
            " and greatest(session_days, login_days, notification_days, origin_days) <= 3650",
            name=op.f("retentions_days_check"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("retentions_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("retentions_pkey")),
    )
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("retentions")
    op.drop_table("privacy_requests")
