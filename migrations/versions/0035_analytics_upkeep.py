"""Retention of facts."""

from collections.abc import Sequence

from alembic import op

from app.core.db.security import fact_retention

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for statement in fact_retention():
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop function drop_fact_partitions(timestamptz)")
