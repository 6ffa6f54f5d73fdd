"""Reaching the database and the bus once, with failures said in one line that names the variable.

For commands that check before they start; the running product has pools and retries of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import redis.asyncio
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url

from app.settings import SettingsError

_SECONDS = 5.0


@asynccontextmanager
async def database_connection(url: str, variable: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection, bare asyncpg. `variable` is the setting the URL comes from."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=_SECONDS)
    except (OSError, TimeoutError) as problem:
        raise SettingsError(
            f"{variable}: no PostgreSQL answers at {_shown(url)} ({str(problem) or 'no answer in time'}): "
            "start it, or correct the address."
        ) from problem
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as problem:
        raise SettingsError(f"{variable}: PostgreSQL at {_shown(url)} refuses the connection: {problem}.") from problem
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def bus_connection(url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """One Redis client that has answered a PING."""
    client = redis.asyncio.Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
    try:
        try:
            await client.ping()
        except (RedisError, OSError) as problem:
            raise SettingsError(
                f"VQ_REDIS_URL: no Redis or Valkey answers there ({problem}): start it, or correct the address."
            ) from problem
        yield client
    finally:
        await client.aclose()


def _shown(url: str) -> str:
    """Host and database, without the password."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host", "localhost")
    return f"{host}{f':{parsed.port}' if parsed.port else ''}/{parsed.database}"
