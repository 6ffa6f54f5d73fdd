"""Admission tokens: the purposes of signing keys, what a stay adds to a session, and the tokens that were used up."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

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


def downgrade() -> None:
    op.drop_index("signing_keys_active_key", "signing_keys")
    op.execute("delete from signing_keys where purpose <> 'ACCESS'")
    op.drop_constraint(op.f("signing_keys_purpose_check"), "signing_keys")
    op.drop_column("signing_keys", "purpose")
    op.create_index(
        "signing_keys_active_idx", "signing_keys", ["status"], unique=True, postgresql_where="status = 'ACTIVE'"
    )
