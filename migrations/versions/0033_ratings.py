"""What visitors say after service."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("queue_feedback", "ratings")


def _keys(table: str, points_to: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{table}_pkey")),
        _points(table, "id", points_to),
    )


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{to}.tenant_id", f"{to}.id"],
        name=op.f(f"{table}_tenant_id_{column}_fkey"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    op.create_table(
        "queue_feedback",
        sa.Column("is_asked", sa.Boolean(), nullable=False),
        sa.Column("asks_nps", sa.Boolean(), nullable=False),
        sa.Column("asks_comment", sa.Boolean(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        *_keys("queue_feedback", "queues"),
        sa.CheckConstraint("days between 1 and 90", name=op.f("queue_feedback_days_check")),
    )
    op.create_table(
        "ratings",
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("nps", sa.Integer(), nullable=True),
        sa.Column("comment_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "source",
            sa.Enum("LINK", "APP", "STAFF", name="source", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        *_keys("ratings", "sessions"),
        _points("ratings", "queue_id", "queues"),
        sa.CheckConstraint("score between 1 and 5", name=op.f("ratings_score_check")),
        sa.CheckConstraint("nps between 0 and 10", name=op.f("ratings_nps_check")),
    )
    op.create_index("ratings_queue_idx", "ratings", ["tenant_id", "queue_id", "rated_at", "id"])
    op.create_index(
        "ratings_comments_idx",
        "ratings",
        ["tenant_id", "rated_at"],
        postgresql_where=sa.text("comment_sealed is not null"),
    )
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
