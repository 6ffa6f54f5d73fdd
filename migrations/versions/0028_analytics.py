"""Facts about sessions and what they add up to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import fact_partitions, protect

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OUTCOMES = (
    "SERVED",
    "ABANDONED_WAITING",
    "CANCELLED_AFTER_CALL",
    "CANCELLED_BY_STAFF",
    "NO_SHOW",
    "STAY_OVER",
    "REVOKED",
    "TRANSFERRED",
)
TABLES = (
    "session_facts",
    "analytics_rollups",
    "analytics_cursors",
    "analytics_rebuilds",
    "rebuilt_facts",
    "rebuilt_rollups",
)
COUNTS = (
    "entered",
    "people",
    "transferred_in",
    "called",
    "served",
    "abandoned",
    "cancelled_after_call",
    "cancelled_by_staff",
    "no_show",
    "stay_over",
    "revoked",
    "transferred_out",
    "service_count",
    "waiting_max",
)
SUMS = ("wait_ms", "abandoned_ms", "service_ms", "waiting_ms", "called_ms", "serving_ms", "counter_ms")
HISTOGRAMS = ("wait", "abandoned", "service", "position", "position_abandoned", "rating", "nps")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _tenant(table: str, *keys: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", *keys, name=op.f(f"{table}_pkey")),
    )


def _facts(table: str, **options: object) -> None:
    op.create_table(
        table,
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        _time("entered_at"),
        _time("joined_at"),
        sa.Column("is_transfer", sa.Boolean(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("party_size", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("waiting_ahead", sa.Integer(), nullable=False),
        sa.Column("rank_class", sa.Integer(), nullable=True),
        _time("rank_time", optional=True),
        sa.Column("rank_sequence", sa.BigInteger(), nullable=True),
        _time("held_at", optional=True),
        _time("called_at", optional=True),
        _time("started_at", optional=True),
        _time("ended_at", optional=True),
        sa.Column("outcome", _one_of("outcome", *OUTCOMES), nullable=True),
        sa.Column("call_count", sa.SmallInteger(), nullable=False),
        sa.Column("counter_id", sa.Uuid(), nullable=True),
        sa.Column("served_by", sa.Uuid(), nullable=True),
        sa.Column("wait_ms", sa.BigInteger(), nullable=True),
        sa.Column("service_ms", sa.BigInteger(), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("nps", sa.SmallInteger(), nullable=True),
        *_tenant(table, "queue_id", "session_id", "entered_at"),
        **options,
    )
    op.create_index(f"{table}_open_idx", table, ["tenant_id", "queue_id"], postgresql_where=sa.text("ended_at is null"))


def _rollups(table: str) -> None:
    op.create_table(
        table,
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("grain", _one_of("grain", "HOUR", "DAY", "MONTH"), nullable=False),
        sa.Column("dimension", _one_of("dimension", "ALL", "CATEGORY", "PRIORITY", "COUNTER", "STAFF"), nullable=False),
        _time("begins_at"),
        sa.Column("member", sa.Uuid(), nullable=False),
        _time("local_at"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        *(sa.Column(f"{name}_buckets", postgresql.ARRAY(sa.Integer()), nullable=True) for name in HISTOGRAMS),
        *_tenant(table, "scope_id", "grain", "dimension", "begins_at", "member"),
    )
    # The rows of the present hour, day and month are written again and again: beside themselves, not elsewhere.
    op.execute(f"alter table {table} set (fillfactor = 80)")


def _cursors(table: str) -> None:
    op.create_table(
        table,
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        _time("occurred_at", optional=True),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("waiting_count", "called_count", "serving_count", "open_counter_count")
        ),
        *_tenant(table, "queue_id"),
    )


def upgrade() -> None:
    _facts("session_facts", postgresql_partition_by="RANGE (entered_at)")
    op.create_index("session_facts_time_idx", "session_facts", ["tenant_id", "queue_id", "entered_at"])
    _rollups("analytics_rollups")
    for table in ("analytics_cursors", "analytics_rebuilds"):
        _cursors(table)
    _facts("rebuilt_facts")
    _rollups("rebuilt_rollups")
    for table in TABLES:
        # Made of the log, by the platform: whoever serves only reads it.
        for statement in protect(table, app="select", system="select, insert, update, delete"):
            op.execute(statement)
    for statement in fact_partitions():
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop function ensure_fact_partitions(timestamptz, int)")
    for table in reversed(TABLES):
        op.drop_table(table)
