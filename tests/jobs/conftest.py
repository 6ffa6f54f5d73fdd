"""A database of the background tests' own, without what earlier tests left to do."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from alembic import command
from sqlalchemy.engine import make_url

from app.core.clock import ManualClock
from app.core.db import Databases
from app.core.db.admin import alembic_config
from app.core.db.urls import OWNER_ROLE
from app.settings import Settings
from tests.jobs.support import NOON, databases, forget


@pytest.fixture(scope="session")
def settings(migrated_settings: Settings) -> Settings:
    """Not the API tests' database: a relay serves a whole database, and theirs would take these tests' events."""
    assert migrated_settings.database_url is not None
    administrator = make_url(migrated_settings.database_url)
    name = f"{administrator.database}_background"
    own = administrator.set(database=name).render_as_string(hide_password=False)
    settings = migrated_settings.model_copy(
        update={"database_url": own, "bus_prefix": f"{migrated_settings.bus_prefix}background:"}
    )
    # In a thread: Alembic starts a loop of its own.
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(asyncio.run, _create_database(migrated_settings.database_url, own, name)).result()
        executor.submit(command.upgrade, alembic_config(settings), "head").result()
    return settings


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def dbs(settings: Settings, clock: ManualClock) -> AsyncIterator[Databases]:
    async with databases(settings, clock) as opened:
        await forget(opened, settings)
        yield opened
        await forget(opened, settings)


async def _create_database(existing: str, own: str, name: str) -> None:
    # The roles belong to the whole server and are there: only what they may do in this database is missing.
    for url, statements in (
        (existing, (f'drop database if exists "{name}" with (force)', f'create database "{name}" template template0')),
        (own, (f'grant create on database "{name}" to {OWNER_ROLE}', f"grant all on schema public to {OWNER_ROLE}")),
    ):
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()
