"""The spine: tenants, identity, queues, counters, sessions, event log, jobs, idempotency; under row-level security."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import event_partitions, protect
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
# What each role may do: (serving role, system role, column that holds the tenant).
GRANTS = {
    "tenants": ("select, update", ALL, "id"),
    "users": ("select, insert, update", ALL, "tenant_id"),
    "logins": ("select, insert, update", ALL, "tenant_id"),
    "refresh_tokens": ("select, insert, update", ALL, "tenant_id"),
    "queues": ("select, insert, update", ALL, "tenant_id"),
    "queue_lines": ("select, insert, update", ALL, "tenant_id"),
    "queue_categories": ("select, insert, update", ALL, "tenant_id"),
    "counters": ("select, insert, update", ALL, "tenant_id"),
    "counter_queues": (ALL, ALL, "tenant_id"),
    "shifts": ("select, insert, update", ALL, "tenant_id"),
    "sessions": ("select, insert, update", ALL, "tenant_id"),
    "session_notes": ("select, insert", ALL, "tenant_id"),
    # Append-only for the serving role: history cannot be rewritten by a bug in a resolver.
    "events": ("select, insert", ALL, "tenant_id"),
    "jobs": ("select, insert, update", ALL, "tenant_id"),
    "idempotency_keys": ("select, insert", ALL, "tenant_id"),
}


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("aggregate_type", sa.String(length=32), nullable=False),
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=48), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(
            "tenant_id", "aggregate_type", "aggregate_id", "revision", "occurred_at", name=op.f("events_pkey")
        ),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        "events_unpublished_idx", "events", ["occurred_at"], unique=False, postgresql_where="published_at is null"
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("NEXT", "ACTIVE", "RETIRED", name="status", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("signing_keys_pkey")),
        sa.UniqueConstraint("kid", name=op.f("signing_keys_kid_key")),
    )
    op.create_index(
        "signing_keys_active_idx", "signing_keys", ["status"], unique=True, postgresql_where="status = 'ACTIVE'"
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=True),
        sa.Column("description", sa.String(length=2000), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE", "INACTIVE", "SUSPENDED", name="status", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("branding", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("tenants_pkey")),
        sa.UniqueConstraint("domain", name="tenants_domain_key"),
        sa.UniqueConstraint("slug", name="tenants_slug_key"),
    )
    op.create_table(
        "counters",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("counters_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("counters_pkey")),
        sa.UniqueConstraint("tenant_id", "name", name="counters_name_key"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("input_hash", sa.String(length=64), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("idempotency_keys_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "scope", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index("idempotency_keys_created_idx", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column("request_id", sa.String(length=128), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("jobs_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("jobs_pkey")),
        sa.UniqueConstraint("tenant_id", "dedupe_key", name="jobs_dedupe_key"),
    )
    op.create_index(
        "jobs_due_idx", "jobs", ["due_at"], unique=False, postgresql_where="done_at is null and failed_at is null"
    )
    op.create_table(
        "queues",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "ACTIVE",
                "PAUSED",
                "CLOSED",
                "MAINTENANCE",
                "ARCHIVED",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "mode",
            sa.Enum("STAFFED", name="mode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column(
            "discipline",
            sa.Enum("PRIORITY", "TIME_CREDIT", name="discipline", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("priority_credits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("visitor_max_priority", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("max_concurrent", sa.Integer(), nullable=True),
        sa.Column("ticket_prefix", sa.String(length=4), nullable=False),
        sa.Column("ticket_first_number", sa.Integer(), nullable=False),
        sa.Column("ticket_last_number", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("daily_reset_time", sa.Time(), nullable=False),
        sa.Column("announcement", sa.String(length=280), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("capacity is null or capacity >= 1", name=op.f("queues_capacity_check")),
        sa.CheckConstraint(
            "ticket_first_number >= 0 and ticket_last_number > ticket_first_number",
            name=op.f("queues_ticket_range_check"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("queues_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("queues_pkey")),
        sa.UniqueConstraint("tenant_id", "slug", name="queues_slug_key"),
    )
    op.create_table(
        "users",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "SUPER_ADMIN",
                "ADMIN",
                "MANAGER",
                "STAFF",
                "CUSTOMER",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "ACTIVE",
                "INACTIVE",
                "SUSPENDED",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("phone_verified", sa.Boolean(), nullable=False),
        sa.Column("permission_version", sa.Integer(), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("users_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("users_pkey")),
        sa.UniqueConstraint("tenant_id", "email", name="users_email_key"),
        sa.UniqueConstraint("tenant_id", "username", name="users_username_key"),
    )
    op.create_table(
        "counter_queues",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("counter_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "counter_id"],
            ["counters.tenant_id", "counters.id"],
            name=op.f("counter_queues_tenant_id_counter_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("counter_queues_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("counter_queues_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("counter_queues_pkey")),
        sa.UniqueConstraint("tenant_id", "counter_id", "queue_id", name="counter_queues_pair_key"),
    )
    op.create_index("counter_queues_queue_idx", "counter_queues", ["tenant_id", "queue_id"], unique=False)
    op.create_table(
        "logins",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoke_reason", sa.String(length=64), nullable=True),
        sa.Column("agent", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("logins_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("logins_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("logins_pkey")),
    )
    op.create_index("logins_user_idx", "logins", ["tenant_id", "user_id"], unique=False)
    op.create_table(
        "queue_categories",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("queue_categories_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("queue_categories_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("queue_categories_pkey")),
        sa.UniqueConstraint("tenant_id", "queue_id", "name", name="queue_categories_name_key"),
    )
    op.create_index("queue_categories_queue_idx", "queue_categories", ["tenant_id", "queue_id"], unique=False)
    op.create_table(
        "queue_lines",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("waiting_count", sa.Integer(), nullable=False),
        sa.Column("held_count", sa.Integer(), nullable=False),
        sa.Column("called_count", sa.Integer(), nullable=False),
        sa.Column("serving_count", sa.Integer(), nullable=False),
        sa.Column("open_counter_count", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=True),
        sa.Column("last_ticket_serial", sa.Integer(), nullable=True),
        sa.Column("service_seconds_mean", sa.Float(), nullable=True),
        sa.Column("service_count", sa.Integer(), nullable=False),
        sa.Column("last_called_ticket", sa.String(length=16), nullable=True),
        sa.Column("last_called_counter", sa.String(length=80), nullable=True),
        sa.Column("last_called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_change_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "waiting_count >= 0 and called_count >= 0 and serving_count >= 0", name=op.f("queue_lines_counts_check")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("queue_lines_tenant_id_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("queue_lines_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("queue_lines_pkey")),
    )
    op.create_table(
        "shifts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("counter_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("break_seconds", sa.Float(), nullable=False),
        sa.Column("served_count", sa.Integer(), nullable=False),
        sa.Column("service_seconds_total", sa.Float(), nullable=False),
        sa.Column("notes", sa.String(length=2000), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "counter_id"],
            ["counters.tenant_id", "counters.id"],
            name=op.f("shifts_tenant_id_counter_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("shifts_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("shifts_tenant_id_fkey"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("shifts_pkey")),
    )
    op.create_index(
        "shifts_counter_running_key",
        "shifts",
        ["tenant_id", "counter_id"],
        unique=True,
        postgresql_where="ended_at is null",
    )
    op.create_index("shifts_user_idx", "shifts", ["tenant_id", "user_id", "started_at"], unique=False)
    op.create_index(
        "shifts_user_running_key", "shifts", ["tenant_id", "user_id"], unique=True, postgresql_where="ended_at is null"
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "login_id"],
            ["logins.tenant_id", "logins.id"],
            name=op.f("refresh_tokens_tenant_id_login_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("refresh_tokens_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("refresh_tokens_pkey")),
        sa.UniqueConstraint("tenant_id", "token_hash", name="refresh_tokens_hash_key"),
    )
    op.create_index("refresh_tokens_login_idx", "refresh_tokens", ["tenant_id", "login_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "WAITING",
                "CALLED",
                "SERVING",
                "COMPLETED",
                "CANCELLED",
                "NO_SHOW",
                "EXPIRED",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("ticket_queue_id", sa.Uuid(), nullable=False),
        sa.Column("service_day", sa.Date(), nullable=False),
        sa.Column("ticket_serial", sa.Integer(), nullable=False),
        sa.Column("ticket_number", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("rank_class", sa.Integer(), nullable=False),
        sa.Column("rank_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rank_sequence", sa.BigInteger(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_identifier", sa.String(length=200), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("party_size", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=32), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("visitor_metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call_count", sa.Integer(), nullable=False),
        sa.Column("counter_id", sa.Uuid(), nullable=True),
        sa.Column("served_by", sa.Uuid(), nullable=True),
        sa.Column("cancelled_by", sa.String(length=16), nullable=True),
        sa.Column("cancel_reason", sa.String(length=500), nullable=True),
        sa.CheckConstraint("party_size between 1 and 50", name=op.f("sessions_party_size_check")),
        sa.CheckConstraint("priority between 0 and 9", name=op.f("sessions_priority_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "category_id"],
            ["queue_categories.tenant_id", "queue_categories.id"],
            name=op.f("sessions_tenant_id_category_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "counter_id"],
            ["counters.tenant_id", "counters.id"],
            name=op.f("sessions_tenant_id_counter_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("sessions_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "served_by"], ["users.tenant_id", "users.id"], name=op.f("sessions_tenant_id_served_by_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "ticket_queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("sessions_tenant_id_ticket_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("sessions_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("sessions_pkey")),
        sa.UniqueConstraint("tenant_id", "ticket_queue_id", "service_day", "ticket_serial", name="sessions_ticket_key"),
    )
    op.create_index(
        "sessions_status_idx", "sessions", ["tenant_id", "queue_id", "status", "joined_at", "id"], unique=False
    )
    op.create_index(
        "sessions_at_counters_idx",
        "sessions",
        ["tenant_id", "queue_id"],
        unique=False,
        postgresql_where="status in ('CALLED', 'SERVING')",
    )
    op.create_index(
        "sessions_counter_busy_key",
        "sessions",
        ["tenant_id", "counter_id"],
        unique=True,
        postgresql_where="status in ('CALLED', 'SERVING') and counter_id is not null",
    )
    op.create_index(
        "sessions_line_idx",
        "sessions",
        ["tenant_id", "queue_id", "rank_class", "rank_time", "rank_sequence"],
        unique=False,
        postgresql_where="status in ('WAITING', 'CALLED', 'SERVING')",
    )
    op.create_index(
        "sessions_person_key",
        "sessions",
        ["tenant_id", "queue_id", "user_identifier"],
        unique=True,
        postgresql_where="status in ('WAITING', 'CALLED', 'SERVING') and user_identifier is not null",
    )
    op.create_index("sessions_queue_idx", "sessions", ["tenant_id", "queue_id", "joined_at", "id"], unique=False)
    op.create_table(
        "session_notes",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("session_notes_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("session_notes_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("session_notes_pkey")),
    )
    op.create_index(
        "session_notes_session_idx", "session_notes", ["tenant_id", "session_id", "created_at"], unique=False
    )
    op.execute(f"grant usage on schema public to {APP_ROLE}, {SYSTEM_ROLE}")
    for table, (app, system, column) in GRANTS.items():
        for statement in protect(table, app=app, system=system, column=column):
            op.execute(statement)
    op.execute(f"grant select on signing_keys to {APP_ROLE}")
    op.execute(f"grant select, insert, update, delete on signing_keys to {SYSTEM_ROLE}")
    for statement in event_partitions():
        op.execute(statement)
    # Health checks compare it with the newest migration in the code.
    op.execute(f"grant select on alembic_version to {SYSTEM_ROLE}")


def downgrade() -> None:
    op.execute("drop function ensure_event_partitions(int)")
    op.drop_index("session_notes_session_idx", table_name="session_notes")
    op.drop_table("session_notes")
    op.drop_index("sessions_queue_idx", table_name="sessions")
    op.drop_index(
        "sessions_person_key",
        table_name="sessions",
        postgresql_where="status in ('WAITING', 'CALLED', 'SERVING') and user_identifier is not null",
    )
    op.drop_index("sessions_status_idx", table_name="sessions")
    op.drop_index("sessions_at_counters_idx", table_name="sessions", postgresql_where="status in ('CALLED', 'SERVING')")
    op.drop_index("sessions_line_idx", table_name="sessions")
    op.drop_index(
        "sessions_counter_busy_key",
        table_name="sessions",
        postgresql_where="status in ('CALLED', 'SERVING') and counter_id is not null",
    )
    op.drop_table("sessions")
    op.drop_index("refresh_tokens_login_idx", table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index("shifts_user_running_key", table_name="shifts", postgresql_where="ended_at is null")
    op.drop_index("shifts_user_idx", table_name="shifts")
    op.drop_index("shifts_counter_running_key", table_name="shifts", postgresql_where="ended_at is null")
    op.drop_table("shifts")
    op.drop_table("queue_lines")
    op.drop_index("queue_categories_queue_idx", table_name="queue_categories")
    op.drop_table("queue_categories")
    op.drop_index("logins_user_idx", table_name="logins")
    op.drop_table("logins")
    op.drop_index("counter_queues_queue_idx", table_name="counter_queues")
    op.drop_table("counter_queues")
    op.drop_table("users")
    op.drop_table("queues")
    op.drop_index("jobs_due_idx", table_name="jobs", postgresql_where="done_at is null and failed_at is null")
    op.drop_table("jobs")
    op.drop_index("idempotency_keys_created_idx", table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("counters")
    op.drop_table("tenants")
    op.drop_index("signing_keys_active_idx", table_name="signing_keys", postgresql_where="status = 'ACTIVE'")
    op.drop_table("signing_keys")
    op.drop_index("events_unpublished_idx", table_name="events", postgresql_where="published_at is null")
    op.drop_table("events")
