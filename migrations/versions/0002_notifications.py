"""Notifications and their templates, closed by row-level security; jobs get a time to be sent at."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "notification_templates": ("select, insert, update", ALL),
    "notifications": ("select, insert, update", ALL),
}


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.drop_index("jobs_due_idx", table_name="jobs")
    # What an older release has written is owed as well: sent at once.
    op.add_column(
        "jobs", sa.Column("send_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
    )
    op.alter_column("jobs", "send_at", server_default=None)
    op.create_index("jobs_unsent_idx", "jobs", ["send_at"], postgresql_where="done_at is null and failed_at is null")
    op.create_index("jobs_done_idx", "jobs", ["done_at"], postgresql_where="done_at is not null")
    op.create_table(
        "notification_templates",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("kind", "CALLED", "PEOPLE_AHEAD"), nullable=False),
        sa.Column("channel", _one_of("channel", "EMAIL"), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("body", sa.String(length=10_000), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("notification_templates_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("notification_templates_pkey")),
        sa.UniqueConstraint("tenant_id", "kind", "channel", "locale", name="notification_templates_text_key"),
    )
    op.create_table(
        "notifications",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("kind", "CALLED", "PEOPLE_AHEAD"), nullable=False),
        sa.Column("channel", _one_of("channel", "EMAIL"), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("status", _one_of("status", "PENDING", "SENT", "DELIVERED", "FAILED"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column("provider_message_id", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("notifications_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("notifications_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("notifications_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("notifications_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "event_id", "session_id", "kind", "recipient", "channel", name="notifications_once_key"
        ),
    )
    op.create_index(
        "notifications_people_ahead_key",
        "notifications",
        ["tenant_id", "session_id", "queue_id", "channel"],
        unique=True,
        postgresql_where="kind = 'PEOPLE_AHEAD'",
    )
    op.create_index("notifications_created_idx", "notifications", ["tenant_id", "created_at", "id"])
    op.create_index("notifications_session_idx", "notifications", ["tenant_id", "session_id", "created_at", "id"])
    op.create_index("notifications_queue_idx", "notifications", ["tenant_id", "queue_id"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("notifications")
    op.drop_table("notification_templates")
    op.drop_index("jobs_done_idx", table_name="jobs")
    op.drop_index("jobs_unsent_idx", table_name="jobs")
    op.drop_column("jobs", "send_at")
    op.create_index("jobs_due_idx", "jobs", ["due_at"], postgresql_where="done_at is null and failed_at is null")
