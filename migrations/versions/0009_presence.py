"""Who is present: a row for each visitor and process that has seen them, and one for each process that lives."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"


def upgrade() -> None:
    op.drop_table("presences")
    op.create_table(
        "presences",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        # No foreign key: fifty thousand arrivals would lock as many sessions.
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column("is_present", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("presences_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "reporter_id", name=op.f("presences_pkey")),
    )
    for statement in protect("presences", app=ALL, system=ALL):
        op.execute(statement)
    op.create_table(
        "presence_reporters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("presence_reporters_pkey")),
    )
    op.execute(f"grant select on presence_reporters to {APP_ROLE}")
    op.execute(f"grant {ALL} on presence_reporters to {SYSTEM_ROLE}")


def downgrade() -> None:
    op.drop_table("presence_reporters")
    op.drop_table("presences")
    op.create_table(
        "presences",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("presences_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("presences_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", name=op.f("presences_pkey")),
    )
    op.create_index("presences_seen_idx", "presences", ["tenant_id", "queue_id", "seen_at"])
    for statement in protect("presences", app=ALL, system=ALL):
        op.execute(statement)
