"""Business hours, scheduled events and lotteries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "scheduled_events": (ALL, ALL),
    "lotteries": ("select, insert, update", ALL),
    # What was drawn is never changed.
    "lottery_entries": ("select, insert", ALL),
}
STATUSES = ("PREQUEUE", "ACTIVE", "PAUSED", "CLOSED", "MAINTENANCE", "ARCHIVED")


def upgrade() -> None:
    op.create_table(
        "scheduled_events",
        *_key(),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        _time("starts_at"),
        _time("ends_at"),
        _time("prequeue_starts_at", nullable=True),
        sa.Column("draws_lots", sa.Boolean()),
        _status("queue_status"),
        sa.Column("overrides", postgresql.JSONB(), nullable=False),
        _time("prequeue_began_at", nullable=True),
        _time("began_at", nullable=True),
        _time("ended_at", nullable=True),
        _status("status_before"),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("updated_at"),
        sa.Column("updated_by", sa.String(length=64), nullable=False),
        _tenant("scheduled_events"),
        _owner("scheduled_events", "queue_id", "queues"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("scheduled_events_pkey")),
        sa.CheckConstraint(
            "ends_at > starts_at and prequeue_starts_at < starts_at", name=op.f("scheduled_events_times_check")
        ),
    )
    op.create_index("scheduled_events_queue_idx", "scheduled_events", ["tenant_id", "queue_id", "starts_at", "id"])
    op.create_index(
        "scheduled_events_ahead_idx",
        "scheduled_events",
        ["tenant_id", "queue_id", "starts_at"],
        postgresql_where="ended_at is null",
    )
    op.create_table(
        "lotteries",
        *_key(),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("seed_hash", sa.String(length=64), nullable=False),
        _time("began_at"),
        _time("opened_at", nullable=True),
        _tenant("lotteries"),
        _owner("lotteries", "queue_id", "queues"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("lotteries_pkey")),
        sa.UniqueConstraint("tenant_id", "queue_id", "seed_hash", name="lotteries_seed_key"),
    )
    op.create_index("lotteries_queue_idx", "lotteries", ["tenant_id", "queue_id", "began_at"])
    op.create_table(
        "lottery_entries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("lottery_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("draw_class", sa.Integer(), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("ticket_number", sa.String(length=16), nullable=False),
        _time("joined_at"),
        _tenant("lottery_entries"),
        _owner("lottery_entries", "lottery_id", "lotteries"),
        _owner("lottery_entries", "session_id", "sessions"),
        sa.PrimaryKeyConstraint("tenant_id", "lottery_id", "session_id", name=op.f("lottery_entries_pkey")),
    )
    op.create_index(
        "lottery_entries_drawn_idx", "lottery_entries", ["tenant_id", "lottery_id", "draw_class", "lot", "session_id"]
    )
    op.create_index("lottery_entries_session_idx", "lottery_entries", ["tenant_id", "session_id"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("lottery_entries")
    op.drop_table("lotteries")
    op.drop_table("scheduled_events")


def _key() -> tuple[sa.Column[object], ...]:
    return sa.Column("tenant_id", sa.Uuid(), nullable=False), sa.Column("id", sa.Uuid(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _status(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Enum(*STATUSES, name=name, native_enum=False, create_constraint=True, length=24))


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"{table}_tenant_id_fkey")
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=name, ondelete="CASCADE")


def _owner(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"{table}_tenant_id_{column}_fkey")
    return sa.ForeignKeyConstraint(
        ["tenant_id", column], [f"{owner}.tenant_id", f"{owner}.id"], name=name, ondelete="CASCADE"
    )
