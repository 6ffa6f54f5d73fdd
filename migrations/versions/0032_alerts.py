"""Alert rules and alerts, which alerts by rules of messages become; these are for visitors only from here on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect
from app.core.db.urls import SYSTEM_ROLE

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("alert_rules", "alert_watches", "alerts")
METRICS = (
    "WAITING_COUNT", "UNSTAFFED_WAITING_COUNT", "AVERAGE_WAIT_SECONDS", "P90_WAIT_SECONDS", "ABANDONMENT_PERCENT",
    "NO_SHOW_PERCENT", "API_ERROR_PERCENT", "DEPENDENCY_DOWN", "WORKER_LAG_SECONDS", "RELAY_LAG_SECONDS",
)  # fmt: skip
SEVERITIES = ("INFO", "WARNING", "CRITICAL")


def _one_of(name: str, *values: str, optional: bool = False) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, kind, nullable=optional)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _tenant(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
    )


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{to}.tenant_id", f"{to}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("name", sa.String(length=80), nullable=False),
        _one_of("metric", *METRICS),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("clear_threshold", sa.Float(), nullable=False),
        sa.Column("for_seconds", sa.Integer(), nullable=False),
        sa.Column("clear_for_seconds", sa.Integer(), nullable=False),
        sa.Column("window_minutes", sa.Integer(), nullable=False),
        sa.Column("least_count", sa.Integer(), nullable=False),
        _one_of("severity", *SEVERITIES),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("tells_staff", sa.Boolean(), nullable=False),
        sa.Column("user_ids", postgresql.JSONB(), nullable=False),
        sa.Column("channels", postgresql.JSONB(), nullable=False),
        _one_of("choice", "FIRST", "ALL"),
        sa.Column("tells_resolved", sa.Boolean(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("updated_at"),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        *_tenant("alert_rules"),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("alert_rules_pkey")),
        _points("alert_rules", "queue_id", "queues"),
        sa.CheckConstraint("(quiet_from is null) = (quiet_until is null)", name=op.f("alert_rules_quiet_check")),
        sa.CheckConstraint("clear_threshold <= threshold", name=op.f("alert_rules_hysteresis_check")),
    )
    op.create_index("alert_rules_queue_idx", "alert_rules", ["tenant_id", "queue_id"])
    op.create_table(
        "alert_watches",
        *_tenant("alert_watches"),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        _time("breached_since"),
        _time("cleared_since", optional=True),
        _time("seen_at"),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "rule_id", "subject", name=op.f("alert_watches_pkey")),
        _points("alert_watches", "rule_id", "alert_rules"),
    )
    op.create_table(
        "alerts",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("rule_name", sa.String(length=80), nullable=False),
        _one_of("metric", *METRICS),
        _one_of("severity", *SEVERITIES),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        _one_of("status", "FIRING", "ACKNOWLEDGED", "RESOLVED"),
        _one_of("resolution", "CLEARED", "NO_DATA", "RULE_CHANGED", "QUEUE_GONE", optional=True),
        _time("raised_at"),
        _time("told_at", optional=True),
        _time("acknowledged_at", optional=True),
        sa.Column("acknowledged_by", sa.String(length=64), nullable=True),
        _time("resolved_at", optional=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        *_tenant("alerts"),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("alerts_pkey")),
        _points("alerts", "queue_id", "queues"),
    )
    op.create_index(
        "alerts_open_key",
        "alerts",
        ["tenant_id", "rule_id", "subject"],
        unique=True,
        postgresql_where=sa.text("status <> 'RESOLVED'"),
    )
    op.create_index("alerts_raised_idx", "alerts", ["tenant_id", "raised_at", "id"])
    op.create_index("alerts_queue_idx", "alerts", ["tenant_id", "queue_id"])
    op.create_index(
        "alerts_resolved_idx", "alerts", ["resolved_at"], postgresql_where=sa.text("resolved_at is not null")
    )
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)
    # Of the installation: how many operations the API's processes have answered, and how many with an error of ours.
    op.create_table(
        "api_minutes",
        _time("minute"),
        sa.Column("operations", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", name=op.f("api_minutes_pkey")),
    )
    op.execute(f"grant {ALL} on api_minutes to {SYSTEM_ROLE}")
    op.drop_table("message_rule_alerts")
    for column in ("audience", "user_ids", "waiting_count"):
        op.drop_column("message_rules", column)


def downgrade() -> None:
    audience = sa.Enum(
        "VISITOR", "STAFF", "USERS", name="audience", native_enum=False, create_constraint=True, length=24
    )
    op.add_column("message_rules", sa.Column("waiting_count", sa.Integer(), nullable=True))
    op.add_column(
        "message_rules", sa.Column("user_ids", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'"))
    )
    op.add_column("message_rules", sa.Column("audience", audience, nullable=False, server_default="VISITOR"))
    op.alter_column("message_rules", "user_ids", server_default=None)
    op.alter_column("message_rules", "audience", server_default=None)
    op.create_table(
        "message_rule_alerts",
        *_tenant("message_rule_alerts"),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("is_raised", sa.Boolean(), nullable=False),
        _time("raised_at"),
        sa.PrimaryKeyConstraint("tenant_id", "rule_id", "queue_id", name=op.f("message_rule_alerts_pkey")),
        _points("message_rule_alerts", "rule_id", "message_rules"),
        _points("message_rule_alerts", "queue_id", "queues"),
    )
    for statement in protect("message_rule_alerts", app=ALL, system=ALL):
        op.execute(statement)
    op.drop_table("api_minutes")
    for table in reversed(TABLES):
        op.drop_table(table)
