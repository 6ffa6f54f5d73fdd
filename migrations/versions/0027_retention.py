"""What retention has to find is found without reading what it has been through."""

from collections.abc import Sequence

from alembic import op

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


def downgrade() -> None:
    op.drop_index("logins_expires_idx", table_name="logins")
    op.drop_index("events_origin_idx", table_name="events")
