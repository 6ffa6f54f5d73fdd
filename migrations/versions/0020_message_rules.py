"""Who is told what, when and by which channel."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect
from app.core.db.urls import APP_ROLE

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
KINDS = (
    "JOINED", "PEOPLE_AHEAD", "WAIT_BELOW", "CALLED", "RECALLED", "NO_SHOW", "COMPLETED", "FEEDBACK_REQUEST",
    "OPENING_SOON", "QUEUE_ALERT", "BROADCAST", "REPLY", "TEST",
)  # fmt: skip


def _closed_set(name: str, values: Sequence[str]) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "message_rules",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _closed_set("kind", KINDS),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        _closed_set("audience", ("VISITOR", "STAFF", "USERS")),
        sa.Column("user_ids", postgresql.JSONB(), nullable=False),
        sa.Column("channels", postgresql.JSONB(), nullable=False),
        _closed_set("choice", ("FIRST", "ALL")),
        sa.Column("people_ahead", sa.Integer(), nullable=True),
        sa.Column("wait_minutes", sa.Integer(), nullable=True),
        sa.Column("minutes_before", sa.Integer(), nullable=True),
        sa.Column("waiting_count", sa.Integer(), nullable=True),
        sa.Column("delay_seconds", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(quiet_from is null) = (quiet_until is null)", name=op.f("message_rules_quiet_check")),
        sa.CheckConstraint("delay_seconds between 0 and 604800", name=op.f("message_rules_delay_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("message_rules_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("message_rules_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("message_rules_pkey")),
    )
    op.create_index("message_rules_queue_idx", "message_rules", ["tenant_id", "queue_id"])
    op.create_table(
        "message_rule_alerts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("is_raised", sa.Boolean(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("message_rule_alerts_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "rule_id"],
            ["message_rules.tenant_id", "message_rules.id"],
            name=op.f("message_rule_alerts_tenant_id_rule_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("message_rule_alerts_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "rule_id", "queue_id", name=op.f("message_rule_alerts_pkey")),
    )
    for table in ("message_rules", "message_rule_alerts"):
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)
    op.execute(f"grant delete on notification_templates to {APP_ROLE}")
    op.add_column("notification_templates", sa.Column("rule_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("notification_templates_tenant_id_rule_id_fkey"),
        "notification_templates",
        "message_rules",
        ["tenant_id", "rule_id"],
        ["tenant_id", "id"],
        ondelete="CASCADE",
    )
    op.drop_constraint("notification_templates_text_key", "notification_templates")
    op.create_unique_constraint(
        "notification_templates_text_key",
        "notification_templates",
        ["tenant_id", "kind", "channel", "locale", "rule_id"],
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    # Texts of a rule have no meaning without it.
    op.execute("alter table notification_templates no force row level security")
    op.execute("delete from notification_templates where rule_id is not null")
    op.execute("alter table notification_templates force row level security")
    op.drop_constraint("notification_templates_text_key", "notification_templates")
    op.create_unique_constraint(
        "notification_templates_text_key", "notification_templates", ["tenant_id", "kind", "channel", "locale"]
    )
    op.drop_column("notification_templates", "rule_id")
    op.execute(f"revoke delete on notification_templates from {APP_ROLE}")
    op.drop_table("message_rule_alerts")
    op.drop_table("message_rules")
