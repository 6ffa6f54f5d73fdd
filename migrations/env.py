"""Alembic's entry: runs as the owner role, over the asyncio driver the product uses."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import app.tables  # noqa: F401  (registers every table)
from app.core.db.urls import OWNER_ROLE, admin_url
from app.settings import load_settings


def _ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    """Partitions are made by a function, not by models."""
    return not (kind == "table" and name is not None and name.startswith(("events_", "session_facts_")))


def _run(connection: Connection) -> None:
    connection.execute(text(f"set role {OWNER_ROLE}"))
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_object=_ours,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


async def _main() -> None:
    given = context.config.attributes
    url = given.get("database_url") or admin_url(load_settings())
    if "secret" not in given:
        given["secret"] = load_settings().secret
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
