"""Messages on every channel, how far each is, and broadcasts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = (
    "JOINED", "PEOPLE_AHEAD", "WAIT_BELOW", "CALLED", "RECALLED", "NO_SHOW", "COMPLETED", "FEEDBACK_REQUEST",
    "OPENING_SOON", "QUEUE_ALERT", "BROADCAST", "REPLY", "TEST",
)  # fmt: skip
CHANNELS = ("EMAIL", "SMS", "WHATSAPP", "PUSH", "IN_APP", "CHAT")
STATUSES = ("PENDING", "SENT", "DELIVERED", "FAILED", "SUPPRESSED")

# What there was before: (table, column, values).
BEFORE = (
    ("notifications", "kind", ("CALLED", "PEOPLE_AHEAD")),
    ("notifications", "channel", ("EMAIL",)),
    ("notifications", "status", ("PENDING", "SENT", "DELIVERED", "FAILED")),
    ("notification_templates", "kind", ("CALLED", "PEOPLE_AHEAD")),
    ("notification_templates", "channel", ("EMAIL",)),
)
GRANTS = {
    "broadcasts": ("select, insert, update", "select, insert, update, delete"),
    "early_reports": ("select, insert, delete", "select, insert, update, delete"),
}
NOW = {"kind": KINDS, "channel": CHANNELS, "status": STATUSES}


def _allow(table: str, column: str, values: Sequence[str]) -> None:
    op.drop_constraint(op.f(f"{table}_{column}_check"), table)
    allowed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"{table}_{column}_check"), table, f"{column} in ({allowed})")


def upgrade() -> None:
    for table, column, _ in BEFORE:
        _allow(table, column, NOW[column])
    op.alter_column("notifications", "queue_id", nullable=True)
    op.alter_column("notifications", "session_id", nullable=True)
    for name in ("user_id", "rule_id", "broadcast_id", "provider_id"):
        op.add_column("notifications", sa.Column(name, sa.Uuid(), nullable=True))
    op.add_column("notifications", sa.Column("provider", sa.String(length=40), nullable=True))
    op.add_column("notifications", sa.Column("parameters_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("notifications", sa.Column("retries", sa.Integer(), server_default="0", nullable=False))
    op.alter_column("notifications", "retries", server_default=None)
    op.add_column("notifications", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    # By the default: row-level security hides the rows from an update.
    op.add_column(
        "notifications", sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
    )
    op.alter_column("notifications", "due_at", server_default=None)
    op.drop_constraint("notifications_once_key", "notifications")
    op.create_unique_constraint(
        "notifications_once_key",
        "notifications",
        ["tenant_id", "event_id", "session_id", "kind", "recipient_index", "channel", "rule_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index("notifications_people_ahead_key", "notifications")
    op.create_index(
        "notifications_nearer_key",
        "notifications",
        ["tenant_id", "session_id", "queue_id", "kind", "channel", "recipient_index", "rule_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where="kind in ('PEOPLE_AHEAD', 'WAIT_BELOW')",
    )
    op.create_index(
        "notifications_reported_idx",
        "notifications",
        ["tenant_id", "provider_message_id"],
        postgresql_where="provider_message_id is not null",
    )
    op.create_index("notifications_status_idx", "notifications", ["tenant_id", "status", "created_at", "id"])
    op.create_index(
        "notifications_broadcast_idx",
        "notifications",
        ["tenant_id", "broadcast_id", "status"],
        postgresql_where="broadcast_id is not null",
    )
    _broadcasts()
    _early_reports()
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def _broadcasts() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("channels", postgresql.JSONB(), nullable=False),
        sa.Column("every_channel", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "RUNNING", "DONE", "CANCELLED", name="status", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("portions", sa.Integer(), nullable=True),
        sa.Column("portions_done", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("unreachable", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("broadcasts_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("broadcasts_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("broadcasts_pkey")),
    )
    op.create_index("broadcasts_created_idx", "broadcasts", ["tenant_id", "created_at", "id"])
    op.create_index("broadcasts_queue_idx", "broadcasts", ["tenant_id", "queue_id"])
    op.create_index(
        "broadcasts_running_key",
        "broadcasts",
        ["tenant_id", "queue_id"],
        unique=True,
        postgresql_where="status = 'RUNNING'",
    )


def _early_reports() -> None:
    op.create_table(
        "early_reports",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("provider_message_id", sa.String(length=300), nullable=False),
        sa.Column("is_delivered", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("early_reports_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("early_reports_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "provider_id",
            "provider_message_id",
            "is_delivered",
            name="early_reports_once_key",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("early_reports_received_idx", "early_reports", ["received_at"])


def downgrade() -> None:
    op.drop_table("early_reports")
    op.drop_table("broadcasts")
    op.drop_index("notifications_broadcast_idx", "notifications")
    op.drop_index("notifications_status_idx", "notifications")
    op.drop_index("notifications_reported_idx", "notifications")
    # What only this release knows goes: an older one could not read it.
    older = "kind in ('CALLED', 'PEOPLE_AHEAD') and channel = 'EMAIL'"
    for table, unreadable in (
        ("notifications", f"not ({older}) or status = 'SUPPRESSED' or session_id is null or queue_id is null"),
        ("notification_templates", f"not ({older})"),
    ):
        op.execute(f"alter table {table} no force row level security")
        op.execute(f"delete from {table} where {unreadable}")
        op.execute(f"alter table {table} force row level security")
    op.drop_index("notifications_nearer_key", "notifications")
    op.create_index(
        "notifications_people_ahead_key",
        "notifications",
        ["tenant_id", "session_id", "queue_id", "channel"],
        unique=True,
        postgresql_where="kind = 'PEOPLE_AHEAD'",
    )
    op.drop_constraint("notifications_once_key", "notifications")
    op.create_unique_constraint(
        "notifications_once_key",
        "notifications",
        ["tenant_id", "event_id", "session_id", "kind", "recipient_index", "channel"],
    )
    added = ("user_id", "rule_id", "broadcast_id", "provider_id", "provider", "parameters_sealed", "retries")
    for name in (*added, "delivered_at", "due_at"):
        op.drop_column("notifications", name)
    op.alter_column("notifications", "session_id", nullable=False)
    op.alter_column("notifications", "queue_id", nullable=False)
    for table, column, values in BEFORE:
        _allow(table, column, values)
