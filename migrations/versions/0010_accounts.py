"""What an account does by itself: registration, one-time codes, invitations."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "account_messages": ("select, insert, update", ALL),
    "invitations": ("select, insert, update", ALL),
}
KINDS = (
    "REGISTRATION",
    "RESET_PASSWORD",
    "CHANGE_EMAIL",
    "CHANGE_PHONE",
    "SECOND_FACTOR",
    "INVITATION",
    "ALREADY_REGISTERED",
    "PASSWORD_CHANGED",
    "EMAIL_CHANGED",
    "SECOND_FACTOR_CHANGED",
    "PROVIDER_LINKED",
    "WEBHOOK_DISABLED",
)
ROLES = ("SUPER_ADMIN", "ADMIN", "MANAGER", "STAFF", "CUSTOMER")


def _one_of(name: str, values: Sequence[str]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "account_messages",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("kind", KINDS), nullable=False),
        sa.Column("channel", _one_of("channel", ("EMAIL", "SMS")), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("recipient_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_recipient", sa.LargeBinary(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("account_messages_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("account_messages_pkey")),
    )
    op.create_index("account_messages_recipient_idx", "account_messages", ["tenant_id", "recipient_hash", "created_at"])
    op.create_index(
        "account_messages_subject_idx", "account_messages", ["tenant_id", "subject_id", "kind", "created_at"]
    )
    op.create_index("account_messages_expires_idx", "account_messages", ["expires_at"])
    op.create_table(
        "invitations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("role", _one_of("role", ROLES), nullable=False),
        sa.Column("custom_role_id", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("invitations_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invited_by_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("invitations_tenant_id_invited_by_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f("invitations_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("invitations_pkey")),
        sa.UniqueConstraint("tenant_id", "user_id", name="invitations_user_key"),
    )
    op.create_index(
        "invitations_open_key",
        "invitations",
        ["tenant_id", "email_index"],
        unique=True,
        postgresql_where="accepted_at is null and revoked_at is null",
    )
    op.create_index("invitations_created_idx", "invitations", ["tenant_id", "created_at", "id"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("invitations")
    op.drop_table("account_messages")
