"""What retention has to find is found without reading what it has been through; a rotation notes what does not open."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "events_origin_idx",
        "events",
        ["tenant_id", "occurred_at"],
        postgresql_where="address is not null or agent is not null",
    )
    op.create_index("logins_expires_idx", "logins", ["tenant_id", "expires_at"])
    op.add_column("key_rotations", sa.Column("unopened_rows", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("key_rotations", sa.Column("unopened", postgresql.JSONB(), nullable=False, server_default="[]"))
    for column in ("unopened_rows", "unopened"):
        op.alter_column("key_rotations", column, server_default=None)


def downgrade() -> None:
    op.drop_column("key_rotations", "unopened")
    op.drop_column("key_rotations", "unopened_rows")
    op.drop_index("logins_expires_idx", table_name="logins")
    op.drop_index("events_origin_idx", table_name="events")
