"""The database goes and comes back: nobody gets a dead connection, and what cannot be answered says "try again"."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from socket import gaierror
from uuid import UUID

import asyncpg
import pytest
from graphql import GraphQLError
from sqlalchemy import exc
from sqlalchemy.engine import make_url

from app.api.errors import public_error
from app.core.db import Database, ReadTx
from app.core.db.outage import again_after_deadlocks, is_worth_another_try
from app.core.db.urls import APP_ROLE, role_url
from app.core.ids import decode, new_id
from app.settings import Settings
from tests.support.api import Api, Business

_END_IDLE = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'vq_app' and state = 'idle'"


async def test_connections_that_died_are_noticed_before_they_are_used(
    api: Api, business: Business, migrated_settings: Settings
) -> None:
    queue_id = await business.queue()
    await business.join(queue_id)
    url = make_url(migrated_settings.database_url or "").set(drivername="postgresql")
    administrator = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        assert await administrator.fetchval(_END_IDLE + " and datname = current_database()") >= 1
    finally:
        await administrator.close()
    joined = await business.join(queue_id)
    assert joined.ticket == "A002"


async def test_a_connection_whose_end_was_not_noticed_is_exchanged_at_its_begin(
    api: Api, business: Business, migrated_settings: Settings
) -> None:
    queue_id = await business.queue()
    await business.join(queue_id)
    url = make_url(migrated_settings.database_url or "").set(drivername="postgresql")

    async def end_idle() -> int:
        administrator = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            return int(await administrator.fetchval(_END_IDLE + " and datname = current_database()"))
        finally:
            await administrator.close()

    # In another loop while this one stands still: nothing here can learn of it before the next block begins.
    with ThreadPoolExecutor(max_workers=1) as other:
        ended = other.submit(asyncio.run, end_idle()).result()
    assert ended >= 1
    async with api.runtime.dbs.app.write(decode("Queue", queue_id).tenant_id) as tx:
        (row,) = await tx.rows("select last_ticket_serial from queue_lines where id = $1", decode("Queue", queue_id).id)
    assert row["last_ticket_serial"] == 1


def _raised(problem: Exception, cause: Exception | None = None) -> Exception:
    problem.__cause__ = cause
    return problem


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (exc.TimeoutError("the pool is empty"), True),
        (ConnectionRefusedError(), True),
        (TimeoutError("a machine that does not answer"), True),
        (gaierror(-2, "Name or service not known"), True),
        (FileNotFoundError("a bug"), False),
        (exc.DBAPIError("select", None, Exception(), connection_invalidated=True), True),
        (exc.DBAPIError("select", None, _raised(Exception(), asyncpg.DeadlockDetectedError())), True),
        (exc.DBAPIError("select", None, _raised(Exception(), asyncpg.LockNotAvailableError())), True),
        (exc.DBAPIError("select", None, _raised(Exception(), asyncpg.UndefinedColumnError())), False),
        (exc.IntegrityError("insert", None, _raised(Exception(), asyncpg.UniqueViolationError())), False),
        (KeyError("a bug"), False),
    ],
)
def test_what_will_pass_by_itself_is_told_from_a_bug(problem: Exception, expected: bool) -> None:
    assert is_worth_another_try(problem) is expected
    error = public_error(GraphQLError("", original_error=problem))
    assert error.extensions is not None
    assert error.extensions["code"] == ("UNAVAILABLE" if expected else "INTERNAL")
    assert (error.extensions.get("retryAfterSeconds") == 1.0) is expected


@pytest.mark.parametrize("has_begun", [True, False])
async def test_a_connection_of_which_the_end_is_only_half_read_is_one_that_died(
    business: Business, migrated_settings: Settings, has_begun: bool
) -> None:
    """The server says why it ends a connection, then ends it: the driver has read the one, and not yet the other."""
    tenant_id = decode("Queue", await business.queue()).tenant_id
    why = b"SFATAL\0VFATAL\0C25P03\0Mterminating connection due to idle-in-transaction timeout\0\0"
    db = Database(role_url(migrated_settings, APP_ROLE), secret=migrated_settings.secret, pool_size=1)

    async def pid_of(tx: ReadTx) -> int:
        ((pid,),) = await tx.rows("select pg_backend_pid()")
        return int(pid)

    try:
        async with db.read(tenant_id) as tx:
            pid, driver = await pid_of(tx), tx.info["driver"]
            if has_begun:
                driver._protocol.data_received(b"E" + (len(why) + 4).to_bytes(4) + why)
                with pytest.raises(exc.DBAPIError, match="InternalClientError") as raised:
                    await pid_of(tx)
                assert is_worth_another_try(raised.value)
        if not has_begun:
            driver._protocol.data_received(b"E" + (len(why) + 4).to_bytes(4) + why)
        async with db.read(tenant_id) as tx:
            assert await pid_of(tx) != pid
    finally:
        await db.dispose()


async def test_of_two_blocks_that_wait_for_each_other_one_is_begun_anew(api: Api) -> None:
    rows, begun, both_hold_one = (new_id(), new_id()), [], asyncio.Barrier(2)

    async def block(first: UUID, second: UUID) -> None:
        begun.append(first)
        async with api.runtime.dbs.app.write(None) as tx:
            await tx.rows("select pg_advisory_xact_lock(hashtext($1))", str(first))
            if begun.count(first) == 1:
                await both_hold_one.wait()
            await tx.rows("select pg_advisory_xact_lock(hashtext($1))", str(second))

    await asyncio.gather(
        again_after_deadlocks(lambda: block(*rows)), again_after_deadlocks(lambda: block(*reversed(rows)))
    )
    assert len(begun) == 3
