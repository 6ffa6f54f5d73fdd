"""Dashboards and reports that are kept, and what is attached to messages."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("saved_dashboards", "saved_reports", "report_recipients", "report_runs", "notification_attachments")
PERIODS = (
    "TODAY", "YESTERDAY", "THIS_WEEK", "LAST_WEEK", "LAST_SEVEN_DAYS", "THIS_MONTH", "LAST_MONTH", "LAST_THIRTY_DAYS",
)  # fmt: skip
FORMATS = ("PDF", "HTML")
KINDS = (
    "JOINED", "PEOPLE_AHEAD", "WAIT_BELOW", "CALLED", "RECALLED", "NO_SHOW", "COMPLETED", "FEEDBACK_REQUEST",
    "OPENING_SOON", "QUEUE_ALERT", "BROADCAST", "REPLY", "TEST",
)  # fmt: skip
WITH_KINDS = ("notifications", "notification_templates", "message_rules")


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


def _changes() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("updated_at"),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
    )


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{to}.tenant_id", f"{to}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete="CASCADE",
    )


def _allow_kinds(*kinds: str) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    for table in WITH_KINDS:
        op.drop_constraint(op.f(f"{table}_kind_check"), table, type_="check")
        op.create_check_constraint(op.f(f"{table}_kind_check"), table, f"kind in ({listed})")


def upgrade() -> None:
    _allow_kinds(*KINDS, "REPORT")
    op.create_table(
        "saved_dashboards",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("widgets", postgresql.JSONB(), nullable=False),
        *_changes(),
        *_keys("saved_dashboards"),
        _points("saved_dashboards", "owner_id", "users"),
    )
    op.create_index("saved_dashboards_created_idx", "saved_dashboards", ["tenant_id", "created_at", "id"])
    op.create_index("saved_dashboards_owner_idx", "saved_dashboards", ["tenant_id", "owner_id"])
    op.create_table(
        "saved_reports",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("queue_ids", postgresql.JSONB(), nullable=False),
        sa.Column("sections", postgresql.JSONB(), nullable=False),
        sa.Column("period", _one_of("period", *PERIODS), nullable=False),
        sa.Column("format", _one_of("format", *FORMATS), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("frequency", _one_of("frequency", "DAILY", "WEEKLY", "MONTHLY"), nullable=True),
        sa.Column("due_time", sa.Time(), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=True),
        sa.Column("month_day", sa.Integer(), nullable=True),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        _time("next_due_at", optional=True),
        *_changes(),
        *_keys("saved_reports"),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f("saved_reports_weekday_check")),
        sa.CheckConstraint("month_day between 1 and 31", name=op.f("saved_reports_month_day_check")),
        sa.CheckConstraint("(frequency is null) = (due_time is null)", name=op.f("saved_reports_due_time_check")),
        sa.CheckConstraint(
            "next_due_at is null or frequency is not null", name=op.f("saved_reports_next_due_at_check")
        ),
    )
    op.create_index("saved_reports_created_idx", "saved_reports", ["tenant_id", "created_at", "id"])
    op.create_index(
        "saved_reports_due_idx", "saved_reports", ["next_due_at"], postgresql_where=sa.text("next_due_at is not null")
    )
    op.create_table(
        "report_recipients",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("address_index", sa.LargeBinary(), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        *_keys("report_recipients"),
        _points("report_recipients", "report_id", "saved_reports"),
        _points("report_recipients", "user_id", "users"),
        sa.UniqueConstraint("tenant_id", "report_id", "user_id", name="report_recipients_user_key"),
        sa.UniqueConstraint("tenant_id", "report_id", "address_index", name="report_recipients_address_key"),
        sa.CheckConstraint("(user_id is null) <> (address_sealed is null)", name=op.f("report_recipients_one_check")),
    )
    op.create_index(
        "report_recipients_user_idx",
        "report_recipients",
        ["tenant_id", "user_id"],
        postgresql_where=sa.text("user_id is not null"),
    )
    op.create_index(
        "report_recipients_address_idx",
        "report_recipients",
        ["tenant_id", "address_index"],
        postgresql_where=sa.text("user_id is null"),
    )
    op.create_table(
        "report_runs",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("trigger", _one_of("trigger", "ASKED_FOR", "SCHEDULED"), nullable=False),
        _time("slot", optional=True),
        sa.Column("status", _one_of("status", "PENDING", "DONE", "FAILED", "MISSED"), nullable=False),
        sa.Column("format", _one_of("format", *FORMATS), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("send", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        _time("files_expire_at", optional=True),
        sa.Column("told_count", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("finished_at", optional=True),
        *_keys("report_runs"),
        _points("report_runs", "report_id", "saved_reports"),
        sa.UniqueConstraint("tenant_id", "report_id", "slot", name="report_runs_slot_key"),
        sa.CheckConstraint("(trigger = 'SCHEDULED') = (slot is not null)", name=op.f("report_runs_slot_check")),
    )
    op.create_index("report_runs_report_idx", "report_runs", ["tenant_id", "report_id", "created_at", "id"])
    op.create_index("report_runs_created_idx", "report_runs", ["created_at"])
    op.create_table(
        "notification_attachments",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        *_keys("notification_attachments"),
    )
    op.create_index("notification_attachments_created_idx", "notification_attachments", ["created_at"])
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    _allow_kinds(*KINDS)
