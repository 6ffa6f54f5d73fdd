"""Devices that can be pushed to, and messages in the app."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"


def upgrade() -> None:
    kind = sa.Enum("WEB_PUSH", "FCM", name="kind", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        "push_devices",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("kind", kind, nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_index", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("num_nonnulls(session_id, user_id) = 1", name=op.f("push_devices_owner_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("push_devices_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["sessions.tenant_id", "sessions.id"],
            name=op.f("push_devices_tenant_id_session_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("push_devices_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("push_devices_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "session_id",
            "user_id",
            "address_index",
            name="push_devices_owner_key",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "push_devices_user_idx", "push_devices", ["tenant_id", "user_id"], postgresql_where="user_id is not null"
    )
    op.create_index("push_devices_address_idx", "push_devices", ["tenant_id", "address_index"])
    for statement in protect("push_devices", app=ALL, system=ALL):
        op.execute(statement)
    op.add_column("notifications", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "notifications_inbox_idx",
        "notifications",
        ["tenant_id", "recipient_index", "sent_at", "id"],
        postgresql_where="channel = 'IN_APP' and sent_at is not null",
    )


def downgrade() -> None:
    op.drop_index("notifications_inbox_idx", "notifications")
    op.drop_column("notifications", "read_at")
    op.drop_table("push_devices")
