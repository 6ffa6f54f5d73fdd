"""What visitors may join with: lists, codes, and the numbers of categories."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
CATEGORY_CHECKS = {
    "ticket_range": "(ticket_first_number is null) = (ticket_last_number is null) and (ticket_first_number is null or"
    " ticket_prefix is not null and ticket_first_number >= 0 and ticket_last_number > ticket_first_number)",
    "multiplier": "multiplier_hundredths between 0 and 1000",
}


def upgrade() -> None:
    op.add_column("queues", sa.Column("bypass_count", sa.Integer(), nullable=False, server_default="0"))
    op.create_check_constraint(op.f("queues_bypass_count_check"), "queues", "bypass_count >= 0")
    for column in (
        sa.Column("multiplier_hundredths", sa.Integer(), nullable=False, server_default="100"),
        sa.Column("ticket_prefix", sa.String(length=4)),
        sa.Column("ticket_first_number", sa.Integer()),
        sa.Column("ticket_last_number", sa.Integer()),
        sa.Column("service_day", sa.Date()),
        sa.Column("last_ticket_serial", sa.Integer()),
    ):
        op.add_column("queue_categories", column)
    for name, condition in CATEGORY_CHECKS.items():
        op.create_check_constraint(op.f(f"queue_categories_{name}_check"), "queue_categories", condition)
    op.create_table(
        "access_entries",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("BYPASS", "INVITE"), nullable=False),
        sa.Column("user_identifier", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        *_of_queue("access_entries"),
        sa.PrimaryKeyConstraint("tenant_id", "queue_id", "kind", "user_identifier", name=op.f("access_entries_pkey")),
    )
    op.create_table(
        "access_codes",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("kind", _one_of("BYPASS", "INVITE", "PRIORITY"), nullable=False),
        sa.Column("priority", sa.Integer()),
        sa.Column("max_uses", sa.Integer()),
        sa.Column("use_count", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=80)),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        *_of_queue("access_codes"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("access_codes_pkey")),
        sa.UniqueConstraint("tenant_id", "queue_id", "serial", name="access_codes_serial_key"),
        sa.CheckConstraint(
            "use_count >= 0 and (max_uses is null or use_count <= max_uses)", name=op.f("access_codes_uses_check")
        ),
        sa.CheckConstraint(
            "(kind = 'PRIORITY') = (priority is not null) and (priority is null or priority between 0 and 9)",
            name=op.f("access_codes_priority_check"),
        ),
    )
    op.create_index("access_codes_queue_idx", "access_codes", ["tenant_id", "queue_id", "created_at", "id"])
    op.create_index("access_codes_batch_idx", "access_codes", ["tenant_id", "batch_id"])
    op.create_foreign_key(
        op.f("sessions_tenant_id_access_code_id_fkey"),
        "sessions",
        "access_codes",
        ["tenant_id", "access_code_id"],
        ["tenant_id", "id"],
    )
    op.create_index(
        "sessions_access_code_idx",
        "sessions",
        ["tenant_id", "access_code_id"],
        postgresql_where="access_code_id is not null",
    )
    for statement in (
        *protect("access_entries", app=ALL, system=ALL),
        *protect("access_codes", app="select, insert, update", system=ALL),
    ):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("sessions_access_code_idx", "sessions")
    op.drop_constraint(op.f("sessions_tenant_id_access_code_id_fkey"), "sessions")
    op.drop_table("access_codes")
    op.drop_table("access_entries")
    for name in CATEGORY_CHECKS:
        op.drop_constraint(op.f(f"queue_categories_{name}_check"), "queue_categories")
    for name in (
        "multiplier_hundredths",
        "ticket_prefix",
        "ticket_first_number",
        "ticket_last_number",
        "service_day",
        "last_ticket_serial",
    ):
        op.drop_column("queue_categories", name)
    op.drop_column("queues", "bypass_count")


def _one_of(*values: str) -> sa.Enum:
    return sa.Enum(*values, name="kind", native_enum=False, create_constraint=True, length=24)


def _of_queue(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f(f"{table}_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
    )
