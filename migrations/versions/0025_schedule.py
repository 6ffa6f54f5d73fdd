"""Jobs wait in lanes; and a table says when work that is done periodically is due."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.urls import SYSTEM_ROLE

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNSENT = "done_at is null and failed_at is null"


def upgrade() -> None:
    lane = sa.Enum("URGENT", "NORMAL", "BULK", name="lane", native_enum=False, create_constraint=True, length=24)
    op.add_column("jobs", sa.Column("lane", lane, server_default="NORMAL", nullable=False))
    op.alter_column("jobs", "lane", server_default=None)
    op.add_column("jobs", sa.Column("attempts_before", sa.Integer(), server_default="0", nullable=False))
    op.alter_column("jobs", "attempts_before", server_default=None)
    op.drop_index("jobs_unsent_idx", table_name="jobs")
    op.create_index("jobs_unsent_idx", "jobs", ["lane", "send_at"], postgresql_where=UNSENT)
    op.create_index("jobs_failed_idx", "jobs", ["failed_at"], postgresql_where="failed_at is not null")
    op.create_table(
        "periodic_tasks",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("periodic_tasks_pkey")),
    )
    op.execute(f"grant select, insert, update, delete on periodic_tasks to {SYSTEM_ROLE}")


def downgrade() -> None:
    op.drop_table("periodic_tasks")
    op.drop_index("jobs_failed_idx", table_name="jobs")
    op.drop_index("jobs_unsent_idx", table_name="jobs")
    op.create_index("jobs_unsent_idx", "jobs", ["send_at"], postgresql_where=UNSENT)
    op.drop_column("jobs", "attempts_before")
    op.drop_column("jobs", "lane")
