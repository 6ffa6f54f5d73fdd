"""What `vq doctor` looks at, one function each: a detail if all is well, `Unwell` with the remedy if not.

Reads only; nothing is started or mended here.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from app.commands.banner import local_url
from app.commands.errors import CommandError
from app.commands.health import ask
from app.commands.reach import bus_connection, database_connection
from app.core.db.admin import alembic_config
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.jobs.alive import relay_alive, worker_alive
from app.settings import Settings, SettingsError

_OLDEST_UNPUBLISHED_SECONDS = 10
_OVERDUE_JOB_SECONDS = 60
_ROUND_TRIP_SECONDS = 2.0


class Unwell(CommandError):
    """What is wrong, and what to do."""


async def database(settings: Settings) -> str:
    """Reachable as administrator (or, where that URL is not given, as the serving role), and new enough."""
    url, variable = _best_url(settings)
    async with database_connection(url, variable) as connection:
        version = int(await connection.fetchval("show server_version_num"))
    if version < 150000:
        raise Unwell(f"PostgreSQL {version // 10000} is too old: 15 or newer is needed.")
    return f"PostgreSQL {version // 10000}.{version % 10000} at {make_url(url).render_as_string(hide_password=True)}"


async def roles(settings: Settings) -> str:
    """The two roles log in, and neither can look past row-level security."""
    for role, variable in ((APP_ROLE, "VQ_DATABASE_APP_URL"), (SYSTEM_ROLE, "VQ_DATABASE_SYSTEM_URL")):
        try:
            async with database_connection(role_url(settings, role), variable) as connection:
                row = await connection.fetchrow(
                    "select rolname, rolsuper or rolbypassrls as mighty from pg_roles where rolname = current_user"
                )
        except SettingsError as problem:
            raise Unwell(f"{problem} `vq migrate` creates the roles and sets their passwords.") from problem
        if row["mighty"]:
            raise Unwell(f"The role {row['rolname']} may bypass row-level security: use the one `vq migrate` makes.")
    return f"{APP_ROLE} and {SYSTEM_ROLE} log in, neither bypasses row-level security"


async def migrations(settings: Settings) -> str:
    """The schema is the one this version was written for."""
    head = ScriptDirectory.from_config(alembic_config(settings)).get_current_head()
    async with _as_system(settings) as connection:
        try:
            current = await connection.fetchval("select version_num from alembic_version")
        except asyncpg.UndefinedTableError:
            current = None
    if current != head:
        raise Unwell(f"The database is at {current or 'nothing'}, this version needs {head}: run `vq migrate`.")
    return f"at {head}"


async def bus(settings: Settings) -> str:
    """Reachable, new enough, and a message published is received."""
    assert settings.redis_url is not None
    async with bus_connection(settings.redis_url) as client:
        info = await client.info("server")
        version = str(info["redis_version"])
        if int(version.split(".")[0]) < 7:
            raise Unwell(f"Redis {version} is too old: Redis 7 or Valkey is needed.")
        channel, word = f"{settings.bus_prefix}doctor:{secrets.token_hex(4)}", secrets.token_hex(8).encode()
        async with client.pubsub(ignore_subscribe_messages=True) as listener:
            await listener.subscribe(channel)
            try:
                async with asyncio.timeout(_ROUND_TRIP_SECONDS):
                    await client.publish(channel, word)
                    while (message := await listener.get_message(timeout=_ROUND_TRIP_SECONDS)) is None:
                        await client.publish(channel, word)
            except TimeoutError:
                raise Unwell(
                    "A message published was not received: check the server's load and its ACL rules."
                ) from None
        if message["data"] != word:
            raise Unwell("Another message than the one published was received: is VQ_BUS_PREFIX shared?")
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    return f"{name}, a message makes the round trip"


async def relay(settings: Settings) -> str:
    """Events do not wait long for the relay."""
    async with _as_system(settings) as connection:
        row = await connection.fetchrow(
            "select count(*) as waiting, extract(epoch from now() - min(occurred_at)) as age"
            " from events where published_at is null"
        )
    if row["waiting"] and row["age"] > _OLDEST_UNPUBLISHED_SECONDS:
        waiting = f"{row['waiting']} events wait to be published, the oldest for {row['age']:.0f} s"
        if await relay_alive(settings):
            raise Unwell(f"{waiting}, though a relay is alive: see its log.")
        raise Unwell(f"{waiting}, and no relay is alive: start one with `vq relay`.")
    if not await relay_alive(settings):
        raise Unwell("No relay is alive: start one with `vq relay`.")
    return f"{row['waiting']} events waiting to be published"


async def worker(settings: Settings) -> str:
    """A worker lives, and jobs do not lie about."""
    async with _as_system(settings) as connection:
        overdue = await connection.fetchval(
            "select count(*) from jobs where done_at is null and failed_at is null"
            " and due_at < now() - make_interval(secs => $1)",
            _OVERDUE_JOB_SECONDS,
        )
    if not await worker_alive(settings):
        raise Unwell(f"No worker is alive ({overdue} jobs overdue): start one with `vq worker`.")
    if overdue:
        raise Unwell(f"{overdue} jobs are overdue though a worker is alive: see its log.")
    return "alive, no job overdue"


async def api(settings: Settings) -> str:
    """The API answers that it is ready."""
    url = f"{local_url(settings)}/health/ready"
    if (answer := await asyncio.to_thread(ask, url)) is not None:
        raise Unwell(f"{url} answers: {answer}. Start the API with `vq serve`, or all with `vq up`; see its log.")
    return f"ready at {local_url(settings)}"


def _best_url(settings: Settings) -> tuple[str, str]:
    if settings.database_url is not None and make_url(settings.database_url).username is not None:
        return settings.database_url, "VQ_DATABASE_URL"
    return role_url(settings, APP_ROLE), "VQ_DATABASE_APP_URL"


@asynccontextmanager
async def _as_system(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    async with database_connection(role_url(settings, SYSTEM_ROLE), "VQ_DATABASE_SYSTEM_URL") as connection:
        yield connection
