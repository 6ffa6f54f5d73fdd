"""Where a change came from, what it changed, and the chain of seals over the log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect
from app.core.db.urls import SYSTEM_ROLE

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What the platform itself may change of an event: that it was published, and where it came from, by erasing that.
CHANGEABLE = "published_at, address, agent"


def upgrade() -> None:
    op.add_column("events", sa.Column("changes", postgresql.JSONB(), nullable=True))
    op.add_column("events", sa.Column("address", sa.String(length=64), nullable=True))
    op.add_column("events", sa.Column("agent", sa.String(length=200), nullable=True))
    op.create_index("events_time_idx", "events", ["tenant_id", "occurred_at"])
    op.create_index(
        "events_actor_idx",
        "events",
        ["tenant_id", "actor", "occurred_at"],
        postgresql_where="actor like 'USER:%' or actor like 'API_KEY:%'",
    )
    op.execute(f"revoke update on events from {SYSTEM_ROLE}")
    op.execute(f"grant update ({CHANGEABLE}) on events to {SYSTEM_ROLE}")
    op.create_table(
        "event_seals",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("aggregate_types", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("aggregate_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("revisions", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("times", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("event_seals_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("event_seals_pkey")),
    )
    for statement in protect("event_seals", app="select", system="select, insert"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("event_seals")
    op.execute(f"revoke update ({CHANGEABLE}) on events from {SYSTEM_ROLE}")
    op.execute(f"grant update on events to {SYSTEM_ROLE}")
    op.drop_index("events_actor_idx", table_name="events")
    op.drop_index("events_time_idx", table_name="events")
    for column in ("agent", "address", "changes"):
        op.drop_column("events", column)
