"""Metered queues: rate, cap and timers of queues, the state of their release, what it numbers, who was seen when."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
# Closed sets, as they were and as they are: (table, column, before, now).
SETS = (
    (
        "queues",
        "status",
        "ACTIVE PAUSED CLOSED MAINTENANCE ARCHIVED",
        "PREQUEUE ACTIVE PAUSED CLOSED MAINTENANCE ARCHIVED",
    ),
    ("queues", "mode", "STAFFED", "STAFFED METERED"),
    ("queues", "discipline", "PRIORITY TIME_CREDIT", "PRIORITY TIME_CREDIT LOTTERY"),
)


def upgrade() -> None:
    for table, column, _, now in SETS:
        _allow(table, column, now)
    op.alter_column("queues", "max_concurrent", new_column_name="max_concurrent_users")
    _add(
        "queues",
        sa.Column("release_rate_per_minute", sa.Integer()),
        sa.Column("grace_seconds", sa.Integer()),
        sa.Column("phone_grace_seconds", sa.Integer()),
        sa.Column("claim_seconds", sa.Integer()),
        sa.Column("stay_seconds", sa.Integer()),
        sa.Column("queue_all", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("invited_only", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("max_places_per_address", sa.Integer()),
        sa.Column("refusal_message", sa.String(length=500)),
        sa.Column("site_origins", postgresql.JSONB(), nullable=False, server_default="[]"),
        sa.Column("failure_mode", _one_of("FAIL_OPEN FAIL_CLOSED"), nullable=False, server_default="FAIL_CLOSED"),
        sa.Column("health_url", sa.String(length=2000)),
        sa.Column("degraded_percent", sa.Integer(), nullable=False, server_default="50"),
        sa.Column("ramp_seconds", sa.Integer(), nullable=False, server_default="60"),
        sa.Column("health_stale_seconds", sa.Integer(), nullable=False, server_default="60"),
        sa.Column("weekly_hours", postgresql.JSONB()),
        sa.Column("hours_exceptions", postgresql.JSONB(), nullable=False, server_default="[]"),
        sa.Column("overrides", postgresql.JSONB(), nullable=False, server_default="{}"),
        sa.Column("active_event_id", sa.Uuid()),
    )
    op.create_check_constraint(
        op.f("queues_failure_mode_check"), "queues", "failure_mode in ('FAIL_OPEN', 'FAIL_CLOSED')"
    )
    op.create_check_constraint(
        op.f("queues_release_rate_check"), "queues", "release_rate_per_minute is null or release_rate_per_minute >= 0"
    )
    _add(
        "queue_lines",
        sa.Column("release_count", sa.BigInteger(), nullable=False, server_default="0"),
        _time("release_due_at"),
        _time("timer_due_at"),
        _time("schedule_due_at"),
        _time("due_at"),
        sa.Column("origin_health", _one_of("UNKNOWN HEALTHY DEGRADED DOWN"), nullable=False, server_default="UNKNOWN"),
        _time("health_changed_at"),
        _time("health_reported_at"),
        sa.Column("lottery_id", sa.Uuid()),
    )
    op.create_check_constraint(
        op.f("queue_lines_origin_health_check"),
        "queue_lines",
        "origin_health in ('UNKNOWN', 'HEALTHY', 'DEGRADED', 'DOWN')",
    )
    op.create_index("queue_lines_due_idx", "queue_lines", ["due_at"], postgresql_where="due_at is not null")
    op.create_table(
        "queue_releases",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("queue_releases_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("queue_releases_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "queue_id", "number", name=op.f("queue_releases_pkey")),
    )
    op.create_index("queue_releases_old_idx", "queue_releases", ["released_at"])
    _add(
        "sessions",
        _time("expires_at"),
        # Joins write these tables in SQL of their own, without what everybody has.
        sa.Column("device", _one_of("BROWSER PHONE"), nullable=False, server_default="BROWSER"),
        sa.Column("address_hash", sa.String(length=64)),
        sa.Column("admission_number", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("access_code_id", sa.Uuid()),
        sa.Column("ticket_category_id", sa.Uuid()),
        sa.Column("lottery_id", sa.Uuid()),
    )
    op.create_check_constraint(op.f("sessions_device_check"), "sessions", "device in ('BROWSER', 'PHONE')")
    op.create_foreign_key(
        op.f("sessions_tenant_id_ticket_category_id_fkey"),
        "sessions",
        "queue_categories",
        ["tenant_id", "ticket_category_id"],
        ["tenant_id", "id"],
    )
    op.drop_constraint("sessions_ticket_key", "sessions")
    op.create_unique_constraint(
        "sessions_ticket_key",
        "sessions",
        ["tenant_id", "ticket_queue_id", "ticket_category_id", "service_day", "ticket_serial"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "sessions_expiry_idx",
        "sessions",
        ["tenant_id", "queue_id", "expires_at"],
        postgresql_where="expires_at is not null",
    )
    op.create_index(
        "sessions_address_idx",
        "sessions",
        ["tenant_id", "queue_id", "address_hash"],
        postgresql_where="status in ('WAITING', 'CALLED', 'SERVING') and address_hash is not null",
    )
    op.create_index(
        "sessions_lottery_idx", "sessions", ["tenant_id", "lottery_id", "id"], postgresql_where="lottery_id is not null"
    )
    op.create_table(
        "presences",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("presences_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("presences_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", name=op.f("presences_pkey")),
    )
    op.create_index("presences_seen_idx", "presences", ["tenant_id", "queue_id", "seen_at"])
    for statement in (
        *protect("queue_releases", app="select, insert", system=ALL),
        *protect("presences", app=ALL, system=ALL),
    ):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("presences")
    op.drop_table("queue_releases")
    op.drop_index("sessions_lottery_idx", "sessions")
    op.drop_index("sessions_address_idx", "sessions")
    op.drop_index("sessions_expiry_idx", "sessions")
    op.drop_constraint("sessions_ticket_key", "sessions")
    op.create_unique_constraint(
        "sessions_ticket_key", "sessions", ["tenant_id", "ticket_queue_id", "service_day", "ticket_serial"]
    )
    _drop(
        "sessions",
        "expires_at device address_hash admission_number access_code_id ticket_category_id lottery_id",
    )
    op.drop_index("queue_lines_due_idx", "queue_lines")
    _drop(
        "queue_lines",
        "release_count release_due_at timer_due_at schedule_due_at due_at"
        " origin_health health_changed_at health_reported_at lottery_id",
    )
    _drop(
        "queues",
        "release_rate_per_minute grace_seconds phone_grace_seconds claim_seconds stay_seconds queue_all invited_only"
        " max_places_per_address refusal_message site_origins failure_mode health_url degraded_percent ramp_seconds"
        " health_stale_seconds weekly_hours hours_exceptions overrides active_event_id",
    )
    op.alter_column("queues", "max_concurrent_users", new_column_name="max_concurrent")
    for table, column, before, _ in SETS:
        _allow(table, column, before)


def _allow(table: str, column: str, values: str) -> None:
    op.drop_constraint(op.f(f"{table}_{column}_check"), table)
    listed = ", ".join(f"'{value}'" for value in values.split())
    op.create_check_constraint(op.f(f"{table}_{column}_check"), table, f"{column} in ({listed})")


def _one_of(values: str) -> sa.Enum:
    # Its CHECK is made by itself: with a column that is added, it would come without a name.
    return sa.Enum(*values.split(), native_enum=False, create_constraint=False, length=24)


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _add(table: str, *columns: sa.Column[object]) -> None:
    for column in columns:
        op.add_column(table, column)


def _drop(table: str, names: str) -> None:
    for name in names.split():
        op.drop_column(table, name)
