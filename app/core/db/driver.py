"""How a transaction begins, in the driver's own words: BEGIN, the tenant and a lock in one round trip. Knows no rule.

A connection that died in the pool is found out here as well: by looking at it, and by the BEGIN that fails, after which
nothing has happened yet. A ping before every block would cost a round trip each.
"""

from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, IntegrityError, ProgrammingError
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlalchemy.util import await_only
from sqlmodel.orm.session import Session


class TenantConnection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's connection; its BEGIN binds the transaction to `tenant_id`, if there is one."""

    tenant_id: UUID | None = None
    begin_with: str | None = None

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """asyncpg's, with more behind BEGIN."""
        if query.startswith("BEGIN"):
            if self.tenant_id is not None:
                # Transaction-local: a session-level SET would stay on the pooled connection and leak to the next one.
                query += f" SELECT set_config('app.tenant_id', '{self.tenant_id}', true);"
            if self.begin_with is not None:
                query += f" {self.begin_with};"
        done: str = await super().execute(query, *args, timeout=timeout)
        return done


class BoundSession(Session):
    """A session whose every transaction starts by binding the tenant in `info["tenant_id"]`.

    `info["driver"]` is the driver's connection for as long as the transaction lasts.
    """


@event.listens_for(BoundSession, "after_begin")
def _begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested:
        return
    driver = session.info["driver"] = connection.connection.driver_connection
    assert isinstance(driver, TenantConnection)
    # Set in every case: the connection has served another tenant before.
    driver.tenant_id, driver.begin_with = session.info["tenant_id"], session.info["begin_with"]
    adapted: Any = connection.connection.dbapi_connection
    try:
        # What SQLAlchemy would do before the first statement. Now, so that a dead connection can still be exchanged.
        await_only(adapted._start_transaction())
    except BaseException as error:
        closed = driver.is_closed()
        # Whether it has begun is not known, after a cancellation for instance: nobody may go on from there.
        connection.invalidate(error)
        if not isinstance(error, Exception):
            raise
        raise translated(error.__cause__ or error, "BEGIN", closed=closed) from error


@event.listens_for(BoundSession, "after_transaction_end")
def _end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        # It goes back to the pool: from now on its transactions are others', perhaps another tenant's.
        session.info["driver"] = None


@event.listens_for(BoundSession, "do_orm_execute")
def _write_before_reading_anew(state: ORMExecuteState) -> None:
    """Rows that are read anew (a lock, usually) are read with what this block has changed in them.

    Nothing is flushed by itself otherwise; the change would be undone by the row as the table has it.
    """
    if not state.is_select or not state.execution_options.get("populate_existing"):
        return
    if any(inspect(row).mapper in state.all_mappers for row in state.session.dirty):
        state.session.flush()


def refuse_closed(connection: Any, record: Any, proxy: Any) -> None:
    """For the pool: a connection whose end has been noticed is not given to anybody."""
    if connection._connection.is_closed():
        raise DisconnectionError


def translated(error: BaseException, statement: str, *, closed: bool) -> DBAPIError:
    """A driver's error as SQLAlchemy raises it, with the cause where `constraint_name` and `outage` look for it."""
    kind = next((kind for cause, kind in _KINDS.items() if isinstance(error, cause)), DBAPIError)
    original = _DriverError(type(error).__name__, getattr(error, "sqlstate", None))
    original.__cause__ = error
    return kind(statement, None, original, hide_parameters=True, connection_invalidated=closed)


_KINDS: dict[type[Exception], type[DBAPIError]] = {
    asyncpg.IntegrityConstraintViolationError: IntegrityError,
    asyncpg.SyntaxOrAccessError: ProgrammingError,
    asyncpg.DataError: DataError,
}


class _DriverError(Exception):
    """Says what kind of error it was and not more: the driver's texts may quote people's data."""

    def __init__(self, name: str, sqlstate: str | None) -> None:
        super().__init__(name)
        self.sqlstate = sqlstate
