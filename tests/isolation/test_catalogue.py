"""The migrated database, held against the rules that keep tenants apart; and the rules, held against broken tables."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

import app.tables  # noqa: F401  (registers every table)
from app.core.db.urls import admin_url
from app.settings import Settings
from tests.isolation.catalogue import INSTALLATION, RULES, offences, tenant_tables

_TABLE = "create table extra (tenant_id uuid not null references tenants(id), id uuid not null, other uuid"
_KEY = "primary key (tenant_id, id)"
_CLOSED = "alter table extra enable row level security; alter table extra force row level security;"
_MINE = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
_POLICIES = (
    f"create policy tenant_isolation on extra to vq_app using ({_MINE}) with check ({_MINE});"
    "create policy system_access on extra to vq_system using (true) with check (true);"
)

# What a careless migration might do, by the rule that has to notice it.
CARELESS = {
    "known": [
        "create table extra (id uuid primary key)",
        "create schema elsewhere; create table elsewhere.extra (tenant_id uuid primary key)",
        "create table extra (tenant uuid primary key)",
    ],
    "tenant column": [
        "create table extra (tenant_id uuid, id uuid)",
        "create table extra (tenant_id text not null, id uuid)",
    ],
    "closed": [
        f"{_TABLE}, {_KEY})",
        f"{_TABLE}, {_KEY}); alter table extra enable row level security",
        "alter table sessions no force row level security",
        "alter table events_default disable row level security",
        "create table events_extra partition of events for values from ('1999-01-01') to ('1999-02-01')",
    ],
    "policies": [
        f"{_TABLE}, {_KEY}); {_CLOSED}",
        f"{_TABLE}, {_KEY}); {_CLOSED}{_POLICIES} create policy more on extra for select to vq_app using (true)",
        f"{_TABLE}, {_KEY}); {_CLOSED}{_POLICIES} alter policy tenant_isolation on extra to public",
        f"{_TABLE}, {_KEY}); {_CLOSED}{_POLICIES} alter policy tenant_isolation on extra to vq_app, vq_system",
        f"{_TABLE}, {_KEY}); {_CLOSED}{_POLICIES} alter policy tenant_isolation on extra with check (true)",
        f"{_TABLE}, {_KEY}); {_CLOSED}{_POLICIES} alter policy system_access on extra to vq_app",
        (
            f"{_TABLE}, {_KEY}); {_CLOSED}"
            f"create policy tenant_isolation on extra to vq_app using ({_MINE});"
            "create policy system_access on extra to vq_system using (true) with check (true)"
        ),
        (
            "alter policy tenant_isolation on users using"
            " (tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), '')::uuid, tenant_id))"
        ),
        "alter policy tenant_isolation on users using (tenant_id = current_setting('app.tenant_id', true)::uuid)",
        "create policy peek on events_default for select to vq_app using (true)",
        "create policy strict on queues as restrictive to vq_app using (true) with check (true)",
        "drop policy system_access on tenants",
    ],
    "foreign keys": [
        (
            f"{_TABLE}, {_KEY}); create unique index on queues (id);"
            "alter table extra add foreign key (other) references queues (id)"
        ),
        (
            f"{_TABLE}, {_KEY}); create unique index on queues (id, tenant_id);"
            "alter table extra add foreign key (other, tenant_id) references queues (id, tenant_id)"
        ),
        f"{_TABLE}, {_KEY}, foreign key (other, id) references queues (tenant_id, id))",
        "create table extra (id uuid primary key, tenant uuid references tenants (id))",
    ],
    "keys": [
        f"{_TABLE}, primary key (id))",
        f"{_TABLE}, {_KEY}, unique (other))",
        f"{_TABLE}, {_KEY}); create unique index on extra (other, tenant_id)",
        f"{_TABLE}, {_KEY}); create unique index on extra (lower(other::text)) where other is not null",
        f"{_TABLE}, {_KEY}, exclude (other with =))",
        "create unique index on tenants (name) where name = 'nobody'",
    ],
    "primary key": [f"{_TABLE})"],
    "partitions": [
        "grant select on events_default to vq_app",
        "grant select on events_default to public",
        "grant delete on events_default to vq_system",
    ],
    "grants": [
        "grant truncate on sessions to vq_app",
        "grant references on queues to vq_app",
        "grant trigger on users to vq_system",
        "grant select on users to public",
        "grant update on events to vq_app",
        "grant delete on events to vq_app",
        "grant update on events to vq_system",
        "grant update (data) on events to vq_system",
        "grant insert on event_seals to vq_app",
        "grant delete on event_seals to vq_system",
        "grant insert on signing_keys to vq_app",
        "grant select on alembic_version to vq_app",
        "grant select on users to vq_app with grant option",
        "grant update (published_at) on events to vq_app",
        "create role extra; grant select on users to extra",
        "alter default privileges in schema public grant select on tables to vq_app",
    ],
    "owner": [
        "alter table queues owner to vq_app",
        "alter table queues owner to current_user",
        "alter function ensure_event_partitions(int) owner to current_user",
        "alter role vq_owner login",
    ],
    "roles": [
        "alter role vq_app bypassrls",
        "alter role vq_system superuser",
        "alter role vq_app createrole",
        "grant vq_owner to vq_app",
        "grant vq_system to vq_app",
        "grant pg_read_all_data to vq_system",
        "grant create on schema public to vq_app",
        "grant create on schema public to public",
    ],
    "views": [
        "create view extra as select * from sessions",
        "create view extra with (security_invoker = false) as select * from sessions",
        "create materialized view extra as select * from sessions",
    ],
    "functions": [
        (
            "create function extra() returns bigint language sql security definer as 'select count(*) from users';"
            "revoke all on function extra() from public"
        ),
        (
            "create function extra() returns bigint language sql security definer set search_path = public"
            " as 'select count(*) from users'"
        ),
        "grant execute on function ensure_event_partitions(int) to vq_app",
        "grant execute on function ensure_event_partitions(int) to public",
    ],
}

# Neighbours of the careless ones which break nothing.
CAREFUL = [
    (
        f"{_TABLE}, {_KEY}, foreign key (tenant_id, other) references queues (tenant_id, id),"
        f" unique (tenant_id, other)); {_CLOSED}{_POLICIES}"
        "grant select, insert on extra to vq_app; grant select on extra to vq_system"
    ),
    "create view extra with (security_invoker = true) as select * from sessions; grant select on extra to vq_app",
    (
        "create function extra() returns bigint language sql security definer set search_path = pg_catalog"
        " as 'select 1::bigint'; revoke all on function extra() from public"
    ),
    "select ensure_event_partitions(40)",
]


@pytest.fixture
async def connection(migrated_settings: Settings) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The administrator, in a transaction that is rolled back."""
    url = make_url(admin_url(migrated_settings)).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


@pytest.mark.parametrize("name", RULES)
async def test_the_database_keeps_the_rule(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    assert await offences(connection, RULES[name]) == [], RULES[name].sentence


async def test_the_rules_are_about_every_table_there_is(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await tenant_tables(connection) == set(SQLModel.metadata.tables) - set(INSTALLATION)


def test_every_rule_is_tried() -> None:
    assert set(CARELESS) == set(RULES)


@pytest.mark.parametrize(
    ("name", "migration"), [(name, migration) for name, migrations in CARELESS.items() for migration in migrations]
)
async def test_a_careless_migration_is_noticed(
    connection: "asyncpg.Connection[asyncpg.Record]", name: str, migration: str
) -> None:
    await _as_owner(connection, migration)
    assert await offences(connection, RULES[name]) != []


@pytest.mark.parametrize("migration", CAREFUL)
async def test_a_careful_migration_is_let_through(
    connection: "asyncpg.Connection[asyncpg.Record]", migration: str
) -> None:
    await _as_owner(connection, migration)
    assert {name: found for name, rule in RULES.items() if (found := await offences(connection, rule))} == {}


async def _as_owner(connection: "asyncpg.Connection[asyncpg.Record]", migration: str) -> None:
    # What only an administrator can do is done as one.
    administrative = (
        "alter role",
        "create role",
        "grant vq_",
        "grant pg_",
        "create schema",
        "on schema",
        "alter default",
        "owner to",
    )
    if not any(word in migration for word in administrative):
        await connection.execute("set local role vq_owner")
    await connection.execute(migration)
    await connection.execute("reset role")
