"""How often deprecated parts of the schema are used."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.urls import SYSTEM_ROLE

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "deprecated_uses",
        sa.Column("coordinate", sa.String(length=200), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.Column("operations", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("coordinate", "used_on", name=op.f("deprecated_uses_pkey")),
    )
    op.execute(f"grant select, insert, update, delete on deprecated_uses to {SYSTEM_ROLE}")


def downgrade() -> None:
    op.drop_table("deprecated_uses")
