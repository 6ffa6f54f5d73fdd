"""Which kinds of password hashes a business has imported, so that signing in takes everybody as long."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KIND = r"""case
    when password_hash like '$2%' then left(password_hash, 7)
    else substring(password_hash from '^(.*)\$.*\$')
end"""


def upgrade() -> None:
    op.create_table(
        "imported_hash_kinds",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("imported_hash_kinds_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", name=op.f("imported_hash_kinds_pkey")),
    )
    for statement in protect("imported_hash_kinds", app="select, insert", system="select, insert, update, delete"):
        op.execute(statement)
    # Whatever was imported before; ours among them does no harm.
    op.execute("alter table users no force row level security")
    op.execute("alter table imported_hash_kinds no force row level security")
    op.execute(f"insert into imported_hash_kinds select distinct tenant_id, {KIND} from users where {KIND} is not null")
    op.execute("alter table imported_hash_kinds force row level security")
    op.execute("alter table users force row level security")


def downgrade() -> None:
    op.drop_table("imported_hash_kinds")
