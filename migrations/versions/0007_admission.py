"""Admission tokens: the purposes of signing keys, what a stay adds to a session, and the tokens that were used up."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "signing_keys",
        # All the keys there are have signed access tokens.
        sa.Column(
            "purpose",
            sa.Enum("ACCESS", "ADMISSION", native_enum=False, create_constraint=False, length=24),
            nullable=False,
            server_default="ACCESS",
        ),
    )
    op.alter_column("signing_keys", "purpose", server_default=None)
    op.create_check_constraint(op.f("signing_keys_purpose_check"), "signing_keys", "purpose in ('ACCESS', 'ADMISSION')")
    op.drop_index("signing_keys_active_idx", "signing_keys")
    op.create_index(
        "signing_keys_active_key", "signing_keys", ["purpose"], unique=True, postgresql_where="status = 'ACTIVE'"
    )
    op.add_column("queues", sa.Column("bind_address", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sessions", sa.Column("renewed_at", sa.DateTime(timezone=True)))
    op.add_column("sessions", sa.Column("entry_number", sa.Integer()))
    op.create_table(
        "admission_uses",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("admission_uses_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("admission_uses_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", "number", name=op.f("admission_uses_pkey")),
    )
    for statement in protect("admission_uses", app="select, insert", system="select, insert, update, delete"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("admission_uses")
    op.drop_column("sessions", "entry_number")
    op.drop_column("sessions", "renewed_at")
    op.drop_column("queues", "bind_address")
    op.drop_index("signing_keys_active_key", "signing_keys")
    op.execute("delete from signing_keys where purpose <> 'ACCESS'")
    op.drop_constraint(op.f("signing_keys_purpose_check"), "signing_keys")
    op.drop_column("signing_keys", "purpose")
    op.create_index(
        "signing_keys_active_idx", "signing_keys", ["status"], unique=True, postgresql_where="status = 'ACTIVE'"
    )
