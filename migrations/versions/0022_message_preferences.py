"""What people want to be told and by which channel, which addresses have opted out, and what people answer."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "notification_preferences": ("select, insert, update", ALL),
    "notification_defaults": ("select, insert, update", ALL),
    "notification_opt_outs": ("select, insert, update", ALL),
    "notification_replies": ("select, insert, update", ALL),
}
CHANNELS = ("EMAIL", "SMS", "WHATSAPP", "PUSH", "IN_APP", "CHAT")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _tenant(table: str) -> tuple[sa.Column[object], sa.ForeignKeyConstraint]:
    name = op.f(f"{table}_tenant_id_fkey")
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name, ondelete="CASCADE"),
    )


def _of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    quiet = "(quiet_from is null) = (quiet_until is null)"
    op.create_table(
        "notification_preferences",
        *_tenant("notification_preferences"),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("channels", postgresql.JSONB(), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint("num_nonnulls(session_id, user_id) = 1", name=op.f("notification_preferences_owner_check")),
        sa.CheckConstraint(quiet, name=op.f("notification_preferences_quiet_hours_check")),
        _of("notification_preferences", "session_id", "sessions"),
        _of("notification_preferences", "user_id", "users"),
        sa.UniqueConstraint("tenant_id", "session_id", name="notification_preferences_session_key"),
        sa.UniqueConstraint("tenant_id", "user_id", name="notification_preferences_user_key"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("notification_preferences_pkey")),
    )
    op.create_table(
        "notification_defaults",
        *_tenant("notification_defaults"),
        sa.Column("channels", postgresql.JSONB(), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("more_time_places", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.CheckConstraint(quiet, name=op.f("notification_defaults_quiet_hours_check")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("notification_defaults_pkey")),
    )
    op.create_table(
        "notification_opt_outs",
        *_tenant("notification_opt_outs"),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", _one_of("channel", *CHANNELS), nullable=False),
        sa.Column("recipient_index", sa.LargeBinary(), nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("source", _one_of("source", "LINK", "REPLY", "STAFF"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant_id", "channel", "recipient_index", name="notification_opt_outs_recipient_key"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("notification_opt_outs_pkey")),
    )
    op.create_index("notification_opt_outs_changed_idx", "notification_opt_outs", ["tenant_id", "changed_at", "id"])
    outcomes = ("OPTED_OUT", "OPTED_IN", "MOVED_BACK", "LEFT", "JOINED", "REFUSED", "HELPED", "PASSED_OVER")
    op.create_table(
        "notification_replies",
        *_tenant("notification_replies"),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("channel", _one_of("channel", *CHANNELS), nullable=False),
        sa.Column("sender_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sender_index", sa.LargeBinary(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", _one_of("outcome", "RECEIVED", *outcomes), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        _of("notification_replies", "session_id", "sessions"),
        sa.UniqueConstraint(
            "tenant_id",
            "provider_id",
            "message_id",
            name="notification_replies_once_key",
            postgresql_nulls_not_distinct=True,
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("notification_replies_pkey")),
    )
    op.create_index(
        "notification_replies_sender_idx", "notification_replies", ["tenant_id", "sender_index", "received_at"]
    )
    op.create_index("notification_replies_session_idx", "notification_replies", ["tenant_id", "session_id"])
    op.create_index("notification_replies_received_idx", "notification_replies", ["tenant_id", "received_at"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(GRANTS):
        op.drop_table(table)
