"""Files, exports and imports."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.db.security import protect

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
TABLES = ("files", "file_portions", "exports", "imports", "import_problems")
EXPORT_KINDS = ("SESSIONS", "FACTS", "ROLLUPS", "EVENTS", "NOTIFICATIONS", "USERS", "QUEUES")
FORMATS = ("CSV", "JSON", "JSON_LINES", "XLSX", "PARQUET")
IMPORT_KINDS = ("QUEUES", "USERS", "SESSIONS")
IMPORT_FORMATS = ("CSV", "JSON", "JSON_LINES")
IMPORT_STATUSES = ("AWAITING_FILE", "WAITING", "RUNNING", "DONE", "FAILED", "CANCELLED")
EXPORT_STATUSES = ("WAITING", "RUNNING", "DONE", "FAILED", "CANCELLED")


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _tenant(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f(f"{table}_tenant_id_fkey"), ondelete="CASCADE"
        ),
    )


def _keys(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        *_tenant(table),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{table}_pkey")),
    )


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("portions", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("finished_at", optional=True),
        _time("expires_at"),
        *_keys("files"),
    )
    op.create_index("files_expires_idx", "files", ["expires_at"])
    op.create_table(
        "file_portions",
        *_tenant("file_portions"),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "file_id", "number", name=op.f("file_portions_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "file_id"],
            ["files.tenant_id", "files.id"],
            name=op.f("file_portions_tenant_id_file_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    # Encrypted already: trying to compress it costs time and saves nothing.
    op.execute("alter table file_portions alter column content set storage external")
    op.create_table(
        "exports",
        sa.Column("kind", _one_of("kind", *EXPORT_KINDS), nullable=False),
        sa.Column("format", _one_of("format", *FORMATS), nullable=False),
        sa.Column("personal", sa.Boolean(), nullable=False),
        sa.Column("queue_id", sa.Uuid(), nullable=True),
        _time("from_at", optional=True),
        _time("to_at", optional=True),
        sa.Column("status", _one_of("status", *EXPORT_STATUSES), nullable=False),
        sa.Column("total_rows", sa.BigInteger(), nullable=True),
        sa.Column("done_rows", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("file_length", sa.BigInteger(), nullable=True),
        _time("file_ends_at", optional=True),
        sa.Column("failure", sa.String(length=300), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("started_at", optional=True),
        _time("finished_at", optional=True),
        *_keys("exports"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "queue_id"],
            ["queues.tenant_id", "queues.id"],
            name=op.f("exports_tenant_id_queue_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("exports_created_idx", "exports", ["tenant_id", "created_at", "id"])
    op.create_index("exports_open_idx", "exports", ["tenant_id"], postgresql_where=sa.text("finished_at is null"))
    op.create_table(
        "imports",
        sa.Column("kind", _one_of("kind", *IMPORT_KINDS), nullable=False),
        sa.Column("format", _one_of("format", *IMPORT_FORMATS), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("status", _one_of("status", *IMPORT_STATUSES), nullable=False),
        _time("upload_ends_at"),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("file_length", sa.BigInteger(), nullable=True),
        sa.Column("done_length", sa.BigInteger(), nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("made_rows", sa.Integer(), nullable=False),
        sa.Column("known_rows", sa.Integer(), nullable=False),
        sa.Column("refused_rows", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("started_at", optional=True),
        _time("finished_at", optional=True),
        *_keys("imports"),
    )
    op.create_index("imports_created_idx", "imports", ["tenant_id", "created_at", "id"])
    op.create_index("imports_open_idx", "imports", ["tenant_id"], postgresql_where=sa.text("finished_at is null"))
    op.create_table(
        "import_problems",
        *_tenant("import_problems"),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(length=80), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "import_id", "line", name=op.f("import_problems_pkey")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["imports.tenant_id", "imports.id"],
            name=op.f("import_problems_tenant_id_import_id_fkey"),
            ondelete="CASCADE",
        ),
    )
    for table in TABLES:
        for statement in protect(table, app=ALL, system=ALL):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
