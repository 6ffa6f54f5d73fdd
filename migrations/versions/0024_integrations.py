"""CRM and payment systems of tenants."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("integrations", "integration_health", "session_customers", "queue_fees", "payments")
REFUNDS = ("NEVER", "BEFORE_CALL", "ALWAYS")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _keys(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{table}_pkey")),
    )


def _points(table: str, column: str, to: str, *, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{to}.tenant_id", f"{to}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete=ondelete,
    )


def upgrade() -> None:
    op.add_column("queues", sa.Column("payment_seconds", sa.Integer(), nullable=True))
    op.add_column("sessions", _time("payment_due_at", optional=True))
    op.create_table(
        "integrations",
        sa.Column("kind", _one_of("kind", "CRM", "PAYMENT"), nullable=False),
        sa.Column("adapter", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("credentials_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("updated_at"),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        *_keys("integrations"),
    )
    op.create_index(
        "integrations_enabled_key",
        "integrations",
        ["tenant_id", "kind"],
        unique=True,
        postgresql_where=sa.text("enabled"),
    )
    op.create_table(
        "integration_health",
        sa.Column("failure_count", sa.Integer(), nullable=False),
        _time("open_until", optional=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        _time("last_failed_at", optional=True),
        _time("last_succeeded_at", optional=True),
        *_keys("integration_health"),
        _points("integration_health", "id", "integrations"),
    )
    op.create_table(
        "session_customers",
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("status", _one_of("status", "FOUND", "NOT_FOUND", "FAILED"), nullable=False),
        sa.Column("customer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        _time("looked_up_at"),
        *_keys("session_customers"),
        _points("session_customers", "id", "sessions"),
        _points("session_customers", "integration_id", "integrations"),
    )
    op.create_table(
        "queue_fees",
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("refund", _one_of("refund", *REFUNDS), nullable=False),
        *_keys("queue_fees"),
        _points("queue_fees", "id", "queues"),
        sa.CheckConstraint("amount > 0", name=op.f("queue_fees_amount_check")),
    )
    op.create_table(
        "payments",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("integration_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("refund", _one_of("refund", *REFUNDS), nullable=False),
        sa.Column(
            "status",
            _one_of("status", "OPEN", "PAID", "CANCELLED", "REFUND_OWED", "REFUNDED", "REFUND_FAILED"),
            nullable=False,
        ),
        sa.Column("page_number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=True),
        sa.Column("charge", sa.String(length=255), nullable=True),
        sa.Column("checkout_url_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        _time("created_at"),
        _time("paid_at", optional=True),
        _time("refunded_at", optional=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        *_keys("payments"),
        _points("payments", "session_id", "sessions"),
        _points("payments", "integration_id", "integrations", ondelete=None),
        sa.UniqueConstraint("tenant_id", "session_id", name="payments_session_key"),
        sa.CheckConstraint("amount > 0", name=op.f("payments_amount_check")),
    )
    op.create_index("payments_integration_idx", "payments", ["tenant_id", "integration_id"])
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("sessions", "payment_due_at")
    op.drop_column("queues", "payment_seconds")
