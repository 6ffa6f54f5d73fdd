"""Second factors, recovery codes, and how strong a sign-in is."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    # What was removed is gone: nobody may find the secret of a lost telephone later.
    "second_factors": (ALL, ALL),
    "recovery_codes": (ALL, ALL),
    "login_challenges": ("select, insert, update", ALL),
}
KINDS = ("TOTP", "EMAIL_CODE", "SMS_CODE")


def _of_user(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["users.tenant_id", "users.id"],
            name=op.f(f"{table}_tenant_id_user_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{table}_pkey")),
    ]


def upgrade() -> None:
    op.add_column("logins", sa.Column("methods", postgresql.JSONB(), nullable=False, server_default="[]"))
    op.add_column("logins", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("logins", sa.Column("wrong_proofs", sa.Integer(), nullable=False, server_default="0"))
    op.execute("update logins set proved_at = created_at")
    op.alter_column("logins", "proved_at", nullable=False)
    op.alter_column("logins", "methods", server_default=None)
    op.alter_column("logins", "wrong_proofs", server_default=None)
    # Upkeep looks for them across tenants.
    op.create_index("refresh_tokens_expires_idx", "refresh_tokens", ["expires_at"])
    op.create_table(
        "second_factors",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        *_of_user("second_factors"),
        sa.UniqueConstraint("tenant_id", "user_id", "kind", name="second_factors_kind_key"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        *_of_user("recovery_codes"),
        sa.UniqueConstraint("tenant_id", "user_id", "code_hash", name="recovery_codes_hash_key"),
    )
    op.create_table(
        "login_challenges",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("methods", postgresql.JSONB(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        *_of_user("login_challenges"),
        sa.UniqueConstraint("tenant_id", "token_hash", name="login_challenges_hash_key"),
    )
    op.create_index("login_challenges_user_idx", "login_challenges", ["tenant_id", "user_id", "created_at"])
    op.create_index("login_challenges_expires_idx", "login_challenges", ["expires_at"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("login_challenges")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_index("refresh_tokens_expires_idx", table_name="refresh_tokens")
    op.drop_column("logins", "wrong_proofs")
    op.drop_column("logins", "proved_at")
    op.drop_column("logins", "methods")
