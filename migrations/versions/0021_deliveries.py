"""Messages on every channel, how far each is, and broadcasts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

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


def downgrade() -> None:
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
    for name in ("user_id", "rule_id", "broadcast_id", "provider_id", "provider", "parameters_sealed", "delivered_at", "due_at"):
        op.drop_column("notifications", name)
    op.alter_column("notifications", "session_id", nullable=False)
    op.alter_column("notifications", "queue_id", nullable=False)
    for table, column, values in BEFORE:
        _allow(table, column, values)
