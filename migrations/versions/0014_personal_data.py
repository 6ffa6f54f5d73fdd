"""Personal data sealed under a key of the tenant, with blind indexes. What was there is sealed; downgrading opens."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from app.core.db.security import protect
from app.core.db.urls import APP_ROLE
from app.core.personal.keys import KeyUse, MasterKey, TenantKeys, WrappedKey
from app.core.personal.sealed import any_case, as_it_is, digits

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ALL = "select, insert, update, delete"
GRANTS = {
    "tenant_keys": ("select, delete", ALL),
    "key_rotations": ("select, insert, update", ALL),
}


Plain = Callable[[Any], str]


class Value(NamedTuple):
    """A column of personal data, as it was; `found_by` if rows are found by it."""

    name: str
    type: sa.types.TypeEngine[Any]
    found_by: Plain | None = None
    optional: bool = True


SEALED: dict[str, tuple[Value, ...]] = {
    "users": (
        Value("email", sa.String(254), any_case, optional=False),
        Value("username", sa.String(64), as_it_is),
        Value("first_name", sa.String(100)),
        Value("last_name", sa.String(100)),
        Value("phone", sa.String(32), digits),
    ),
    "sessions": (
        Value("user_identifier", sa.String(200), as_it_is),
        Value("email", sa.String(254), any_case),
        Value("phone", sa.String(32), digits),
        Value("visitor_metadata", postgresql.JSONB()),
        Value("cancel_reason", sa.String(500)),
    ),
    "session_notes": (Value("text", sa.String(2000), optional=False),),
    "access_entries": (Value("user_identifier", sa.String(200), as_it_is, optional=False),),
    "notifications": (
        Value("recipient", sa.String(254), as_it_is, optional=False),
        Value("subject", sa.String(500), optional=False),
        Value("body", sa.String(), optional=False),
    ),
    "logins": (Value("agent", sa.String(200)), Value("address", sa.String(64))),
}
# What the columns are part of, by table: a unique key, or an index of some rows. `@` is the column it is found by.
KEYS = (
    "alter table users add constraint users_email_key unique (tenant_id, email@)",
    "alter table users add constraint users_username_key unique (tenant_id, username@)",
    """create unique index sessions_person_key on sessions (tenant_id, queue_id, user_identifier@)
        where status in ('WAITING', 'CALLED', 'SERVING') and user_identifier@ is not null""",
    """alter table notifications add constraint notifications_once_key
        unique (tenant_id, event_id, session_id, kind, recipient@, channel)""",
)
# New. People are looked for by them, to be told what is held of them, or to be forgotten.
INDEXES = (
    """alter table access_entries add constraint access_entries_person_key
        unique (tenant_id, queue_id, kind, user_identifier_index)""",
    "create index access_entries_list_idx on access_entries (tenant_id, queue_id, kind, created_at, id)",
    "create index users_phone_idx on users (tenant_id, phone_index) where phone_index is not null",
    "create index sessions_email_idx on sessions (tenant_id, email_index) where email_index is not null",
    "create index sessions_phone_idx on sessions (tenant_id, phone_index) where phone_index is not null",
)


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "tenant_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("use", _one_of("use", "DATA", "INDEX"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(use = 'INDEX') = (version = 0)", name=op.f("tenant_keys_version_check")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("tenant_keys_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "version", name=op.f("tenant_keys_pkey")),
    )
    op.create_table(
        "key_rotations",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("status", _one_of("status", "WAITING", "RUNNING", "DONE"), nullable=False),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("at_table", sa.String(length=64), nullable=True),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("key_rotations_tenant_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("key_rotations_pkey")),
    )
    op.create_index(
        "key_rotations_running_key", "key_rotations", ["tenant_id"], unique=True, postgresql_where="status <> 'DONE'"
    )
    op.create_index("key_rotations_started_idx", "key_rotations", ["tenant_id", "started_at"])
    for table, (app, system) in GRANTS.items():
        for statement in protect(table, app=app, system=system):
            op.execute(statement)
    # What is sealed is sealed for a row, by its id.
    op.drop_constraint("access_entries_pkey", "access_entries")
    op.execute("alter table access_entries add column id uuid not null default gen_random_uuid()")
    op.execute("alter table access_entries alter column id drop default")
    op.create_primary_key("access_entries_pkey", "access_entries", ["tenant_id", "id"])
    with _unprotected("tenants", "tenant_keys", *SEALED):
        keys = _make_keys(op.get_bind())
        for table, values in SEALED.items():
            _seal(table, values, keys)
    for statement in KEYS:
        op.execute(statement.replace("@", "_index"))
    # Sealed anew with another key, these rows change as well.
    op.execute(f"grant update on session_notes, access_entries to {APP_ROLE}")
    for statement in INDEXES:
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"revoke update on session_notes, access_entries from {APP_ROLE}")
    with _unprotected("tenants", "tenant_keys", *SEALED):
        keys = _known_keys(op.get_bind())
        for table, values in SEALED.items():
            _open(table, values, keys)
    for statement in KEYS:
        op.execute(statement.replace("@", ""))
    op.drop_constraint("access_entries_pkey", "access_entries")
    op.drop_column("access_entries", "id")
    op.create_primary_key("access_entries_pkey", "access_entries", ["tenant_id", "queue_id", "kind", "user_identifier"])
    op.drop_table("key_rotations")
    op.drop_table("tenant_keys")


Keys = dict[UUID, TenantKeys]
_PORTION = 1_000


class _unprotected:  # noqa: N801
    """For its block: the owner, who migrates, sees and changes every tenant's rows."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables

    def __enter__(self) -> None:
        for table in self.tables:
            op.execute(f"alter table {table} no force row level security")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # What has failed is rolled back with all of it, and takes no more statements.
        for table in self.tables if kind is None else ():
            op.execute(f"alter table {table} force row level security")


def _master() -> MasterKey:
    return MasterKey.of(context.config.attributes["secret"])


def _make_keys(bind: sa.Connection) -> Keys:
    found: Keys = {}
    for (tenant_id,) in bind.execute(sa.text("select id from tenants")).all():
        master = _master()
        made = [master.make(tenant_id, KeyUse.INDEX, 0), master.make(tenant_id, KeyUse.DATA, 1)]
        for each in made:
            bind.execute(
                sa.text("insert into tenant_keys values (:tenant, :use, :version, :wrapped, now(), now())"),
                {"tenant": tenant_id, "use": each.use.value, "version": each.version, "wrapped": each.wrapped},
            )
        found[tenant_id] = TenantKeys.unwrapped(master, tenant_id, made)
    return found


def _known_keys(bind: sa.Connection) -> Keys:
    stored: dict[UUID, list[WrappedKey]] = {}
    for tenant_id, use, version, wrapped in bind.execute(
        sa.text("select tenant_id, use, version, wrapped from tenant_keys")
    ):
        stored.setdefault(tenant_id, []).append(WrappedKey(KeyUse(use), version, wrapped))
    return {tenant_id: TenantKeys.unwrapped(_master(), tenant_id, keys) for tenant_id, keys in stored.items()}


def _seal(table: str, values: Sequence[Value], keys: Keys) -> None:
    for value in values:
        op.add_column(table, sa.Column(f"{value.name}_sealed", sa.LargeBinary(), nullable=True))
        if value.found_by is not None:
            op.add_column(table, sa.Column(f"{value.name}_index", sa.LargeBinary(), nullable=True))
    for rows in _portions(table, [value.name for value in values]):
        changes = []
        for tenant_id, id, *plain in rows:
            change: dict[str, Any] = {"tenant": tenant_id, "id": id}
            for value, content in zip(values, plain, strict=True):
                place = f"{table}.{value.name}".encode()
                is_there, encoded = content is not None, _encoded(content)
                bound_to = place + tenant_id.bytes + id.bytes
                change[f"{value.name}_sealed"] = keys[tenant_id].seal(encoded, bound_to) if is_there else None
                if value.found_by is not None:
                    found_by = value.found_by(content).encode() if is_there else b""
                    change[f"{value.name}_index"] = keys[tenant_id].index(place, found_by) if is_there else None
            changes.append(change)
        _change(table, changes)
    for value in values:
        if not value.optional:
            op.alter_column(table, f"{value.name}_sealed", nullable=False)
            if value.found_by is not None:
                op.alter_column(table, f"{value.name}_index", nullable=False)
        # Keys and indexes it is part of go with it.
        op.drop_column(table, value.name)


def _open(table: str, values: Sequence[Value], keys: Keys) -> None:
    for value in values:
        op.add_column(table, sa.Column(value.name, value.type, nullable=True))
    for rows in _portions(table, [f"{value.name}_sealed" for value in values]):
        changes = []
        for tenant_id, id, *sealed in rows:
            change = {"tenant": tenant_id, "id": id}
            for value, content in zip(values, sealed, strict=True):
                bound_to = f"{table}.{value.name}".encode() + tenant_id.bytes + id.bytes
                plain = None if content is None else keys[tenant_id].open(content, bound_to).decode()
                change[value.name] = plain
            changes.append(change)
        _change(table, changes, {value.name for value in values if isinstance(value.type, postgresql.JSONB)})
    for value in values:
        if not value.optional:
            op.alter_column(table, value.name, nullable=False)
        op.drop_column(table, f"{value.name}_sealed")
        if value.found_by is not None:
            op.drop_column(table, f"{value.name}_index")


def _portions(table: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
    bind, after = op.get_bind(), (UUID(int=0), UUID(int=0))
    while True:
        rows = bind.execute(
            sa.text(
                f"select tenant_id, id, {', '.join(columns)} from {table} where (tenant_id, id) > (:tenant, :id)"
                f" order by tenant_id, id limit {_PORTION}"
            ).bindparams(sa.bindparam("tenant", type_=sa.Uuid()), sa.bindparam("id", type_=sa.Uuid())),
            {"tenant": after[0], "id": after[1]},
        ).all()
        if not rows:
            return
        yield rows
        after = rows[-1][0], rows[-1][1]


def _change(
    table: str, changes: Sequence[dict[str, Any]], json_columns: frozenset[str] | set[str] = frozenset()
) -> None:
    names = [name for name in changes[0] if name not in ("tenant", "id")]
    new = ", ".join(
        f"{name} = cast(:{name} as jsonb)" if name in json_columns else f"{name} = :{name}" for name in names
    )
    op.get_bind().execute(sa.text(f"update {table} set {new} where tenant_id = :tenant and id = :id"), list(changes))


def _encoded(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()
