"""What lines have learned about waits, and what was said to visitors."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("wait_memories", "wait_samples")


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _of_queue(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f(f"{table}_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "wait_memories",
        *_of_queue("wait_memories"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.LargeBinary(), nullable=True),
        sa.Column("pace", sa.LargeBinary(), nullable=True),
        sa.Column("learning", sa.LargeBinary(), nullable=True),
        _time("learned_at"),
        sa.PrimaryKeyConstraint("tenant_id", "queue_id", name=op.f("wait_memories_pkey")),
    )
    op.create_table(
        "wait_samples",
        *_of_queue("wait_samples"),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        _time("said_at"),
        sa.Column("ahead_count", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("p50_seconds", sa.Integer(), nullable=True),
        sa.Column("p90_seconds", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("predictor", sa.String(length=40), nullable=True),
        sa.Column("features", postgresql.JSONB(), nullable=True),
        _time("decided_at", optional=True),
        sa.Column("waited_seconds", sa.Float(), nullable=True),
        sa.Column("is_served", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "queue_id", "revision", name=op.f("wait_samples_pkey")),
    )
    op.create_index("wait_samples_said_idx", "wait_samples", ["tenant_id", "queue_id", "said_at"])
    op.create_index(
        "wait_samples_open_idx",
        "wait_samples",
        ["tenant_id", "queue_id", "session_id"],
        postgresql_where=sa.text("session_id is not null"),
    )
    op.create_index("wait_samples_age_idx", "wait_samples", ["said_at"])
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
