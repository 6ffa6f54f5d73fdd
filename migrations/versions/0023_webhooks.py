"""Endpoints events are sent to, and what became of each."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("webhook_endpoints", "webhook_secrets", "webhook_lanes", "webhook_deliveries", "webhook_attempts")


def _one_of(name: str, values: Sequence[str]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _tenant(table: str, key: str = "id") -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", key, name=op.f(f"{table}_pkey")),
    )


def _of(table: str, column: str, other: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete="CASCADE",
    )


def _id(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        _id("tenant_id"),
        _id("id"),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("event_types", postgresql.JSONB(), nullable=False),
        sa.Column("queue_ids", postgresql.JSONB(), nullable=False),
        sa.Column("ordering", _one_of("ordering", ("NONE", "PER_QUEUE")), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        _time("disabled_at", nullable=True),
        sa.Column("disabled_reason", _one_of("disabled_reason", ("BY_USER", "GONE", "FAILING")), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("updated_at"),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        *_tenant("webhook_endpoints"),
    )
    op.create_index("webhook_endpoints_created_idx", "webhook_endpoints", ["tenant_id", "created_at", "id"])
    op.create_table(
        "webhook_secrets",
        _id("tenant_id"),
        _id("id"),
        _id("endpoint_id"),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        _time("ends_at", nullable=True),
        _of("webhook_secrets", "endpoint_id", "webhook_endpoints"),
        *_tenant("webhook_secrets"),
    )
    op.create_index("webhook_secrets_endpoint_idx", "webhook_secrets", ["tenant_id", "endpoint_id", "created_at"])
    op.create_table(
        "webhook_lanes",
        _id("tenant_id"),
        _id("endpoint_id"),
        _time("due_at", nullable=True),
        _time("leased_until", nullable=True),
        sa.Column("claim", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("failing_since", nullable=True),
        _time("paused_until", nullable=True),
        _time("last_delivered_at", nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        _of("webhook_lanes", "endpoint_id", "webhook_endpoints"),
        *_tenant("webhook_lanes", "endpoint_id"),
    )
    op.create_index(
        "webhook_lanes_due_idx", "webhook_lanes", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
    _deliveries()
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def _deliveries() -> None:
    table, pending = "webhook_deliveries", sa.text("status = 'PENDING'")
    of_object = ["aggregate_type", "aggregate_id", "revision"]
    op.create_table(
        table,
        _id("tenant_id"),
        _id("id"),
        _id("endpoint_id"),
        sa.Column("aggregate_type", sa.String(length=32), nullable=False),
        _id("aggregate_id"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        _time("occurred_at"),
        sa.Column("event_type", sa.String(length=48), nullable=False),
        sa.Column("status", _one_of("status", ("PENDING", "DELIVERED", "FAILED")), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("created_at"),
        _time("due_at"),
        _time("settled_at", nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        _of(table, "endpoint_id", "webhook_endpoints"),
        *_tenant(table),
        sa.UniqueConstraint("tenant_id", "endpoint_id", *of_object, name="webhook_deliveries_once_key"),
    )
    op.create_index(
        "webhook_deliveries_pending_idx", table, ["tenant_id", "endpoint_id", *of_object], postgresql_where=pending
    )
    op.create_index(
        "webhook_deliveries_due_idx", table, ["tenant_id", "endpoint_id", "due_at"], postgresql_where=pending
    )
    op.create_index("webhook_deliveries_log_idx", table, ["tenant_id", "created_at", "id"])
    op.create_index("webhook_deliveries_endpoint_idx", table, ["tenant_id", "endpoint_id", "created_at", "id"])
    op.create_index("webhook_deliveries_age_idx", table, ["created_at"])
    op.create_table(
        "webhook_attempts",
        _id("tenant_id"),
        _id("id"),
        _id("delivery_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _time("started_at"),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        _of("webhook_attempts", "delivery_id", table),
        *_tenant("webhook_attempts"),
        sa.UniqueConstraint("tenant_id", "delivery_id", "number", name="webhook_attempts_number_key"),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
