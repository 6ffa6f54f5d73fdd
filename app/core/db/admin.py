"""Preparing a database: roles, then Alembic to the newest revision. Run by `vq migrate`, never by the API."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app.core.db.urls import APP_ROLE, OWNER_ROLE, SYSTEM_ROLE, admin_url, role_password
from app.settings import Settings, SettingsError

MINIMUM_SERVER_VERSION = 150000
# One preparation of this database at a time.
_PREPARING = 7_718_001
_ROOT = Path(__file__).resolve().parents[3]


def alembic_config(settings: Settings) -> Config:
    """Alembic's configuration, pointed at this installation's database."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    config.attributes["database_url"] = admin_url(settings)
    # Who moves personal data into sealed columns, or back, needs the tenants' keys.
    config.attributes["secret"] = settings.secret
    return config


def newest_migration() -> str | None:
    """The revision this code expects the database to be at."""
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


async def prepare_database(settings: Settings) -> None:
    """Create or mend the three roles and migrate to the newest revision. Safe to run twice and beside itself."""
    engine = create_async_engine(admin_url(settings), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            version = (await connection.execute(text("select current_setting('server_version_num')::int"))).scalar_one()
            if version < MINIMUM_SERVER_VERSION:
                raise SettingsError(
                    f"VQ_DATABASE_URL: PostgreSQL {version // 10000} is too old; 15 or newer is needed."
                )
            await connection.execute(text("select pg_advisory_lock(:key)"), {"key": _PREPARING})
            await _create_roles(connection, settings)
            await connection.commit()
            await asyncio.to_thread(command.upgrade, alembic_config(settings), "head")
    finally:
        await engine.dispose()


async def _create_roles(connection: AsyncConnection, settings: Settings) -> None:
    for role in (OWNER_ROLE, APP_ROLE, SYSTEM_ROLE):
        known = await connection.execute(text("select 1 from pg_roles where rolname = :role"), {"role": role})
        if known.first() is None:
            await connection.execute(text(f"create role {role} nosuperuser nocreatedb nocreaterole nobypassrls"))
    for role in (APP_ROLE, SYSTEM_ROLE):
        # Hexadecimal, so that quoting is no question. Set each time: a new secret key means new passwords.
        password = role_password(settings, role)
        await connection.execute(text(f"alter role {role} login password '{password}'"))
    # Migrations run as the owner, so that no superuser owns a table.
    await connection.execute(text(f"grant {OWNER_ROLE} to current_user"))
    database = (await connection.execute(text("select quote_ident(current_database())"))).scalar_one()
    await connection.execute(text(f"grant create on database {database} to {OWNER_ROLE}"))
    await connection.execute(text(f"grant usage, create on schema public to {OWNER_ROLE}"))
    # A database that has come from PostgreSQL 14 or older lets everybody create here.
    await connection.execute(text("revoke create on schema public from public"))
