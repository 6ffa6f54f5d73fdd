"""Transactions. A block is a transaction, bound to one tenant from its first statement to its last.

Nobody else commits, and a block never outlives its `async with`. What a block records in the event log is announced
by ringing the doorbell after the commit; the doorbell may be lost, the log is not.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import SessionTransaction
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.orm.session import Session as SyncSession

from app.core.actor import SYSTEM, Actor
from app.core.clock import Clock, SystemClock
from app.core.db.recorded import Aggregate, Recorded
from app.core.errors import BadInput

# Transaction-local: a session-level SET would stay on the pooled connection and leak to the next request.
_BIND = text("select set_config('app.tenant_id', :tenant, true)")


class ReadTx(AsyncSession):
    """A read-only transaction of one tenant."""

    tenant_id: UUID | None

    @property
    def tenant(self) -> UUID:
        """The bound tenant; an error if the block is bound to none."""
        if self.tenant_id is None:
            raise RuntimeError("this transaction is not bound to a tenant")
        return self.tenant_id


class WriteTx(ReadTx):
    """A transaction that may change rows, on behalf of an actor."""

    actor: Actor
    clock: Clock
    request_id: str | None
    # What this block has recorded, by aggregate, oldest first.
    recorded: dict[Aggregate, list[Recorded]]

    def now(self) -> datetime:
        """The present, by the one clock."""
        return self.clock.now()


class _BoundSession(SyncSession):
    """A session whose every transaction starts by binding the tenant."""


@event.listens_for(_BoundSession, "after_begin")
def _bind_tenant(session: SyncSession, transaction: SessionTransaction, connection: Connection) -> None:
    tenant: UUID | None = session.info["tenant_id"]
    if not transaction.nested and tenant is not None:
        connection.execute(_BIND, {"tenant": str(tenant)})


class Database:
    """One role's connections: a pool for blocks that write, another for blocks that read."""

    def __init__(self, url: str, *, pool_size: int = 10, clock: Clock | None = None, name: str = "vq") -> None:
        self.engine = _engine(url, pool_size, name)
        # Reads have connections of their own: writers that wait for a line's lock must not keep feeds from reading.
        self._read_pool = _engine(url, pool_size, name)
        self._read_engine = self._read_pool.execution_options(postgresql_readonly=True)
        self._snapshot_engine = self._read_engine.execution_options(isolation_level="REPEATABLE READ")
        self.clock: Clock = clock or SystemClock()
        # Called after each commit, before the block's caller goes on.
        self.on_recorded: Callable[[UUID | None, dict[Aggregate, list[Recorded]]], None] | None = None

    @asynccontextmanager
    async def read(self, tenant_id: UUID | None, *, snapshot: bool = False) -> AsyncIterator[ReadTx]:
        """A read-only block that sees one tenant (or, with None, what the role sees unbound).

        With `snapshot` all its statements see the same instant (REPEATABLE READ).
        """
        async with ReadTx(
            self._snapshot_engine if snapshot else self._read_engine,
            sync_session_class=_BoundSession,
            expire_on_commit=False,
            autoflush=False,
            info={"tenant_id": tenant_id},
        ) as tx:
            tx.tenant_id = tenant_id
            with _explained():
                yield tx

    @asynccontextmanager
    async def write(
        self, tenant_id: UUID | None, actor: Actor = SYSTEM, request_id: str | None = None
    ) -> AsyncIterator[WriteTx]:
        """A block that commits when it ends and rolls back when anything is raised, cancellation included."""
        async with WriteTx(
            self.engine,
            sync_session_class=_BoundSession,
            expire_on_commit=False,
            autoflush=False,
            info={"tenant_id": tenant_id},
        ) as tx:
            tx.tenant_id, tx.actor, tx.clock, tx.request_id, tx.recorded = (
                tenant_id,
                actor,
                self.clock,
                request_id,
                {},
            )
            with _explained():
                async with tx.begin():
                    yield tx
        if tx.recorded and self.on_recorded is not None:
            self.on_recorded(tx.tenant_id, tx.recorded)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self._read_pool.dispose()


# A machine that vanishes in the middle of a block would otherwise keep its lines locked until TCP notices, for hours.
_PATIENCE = {"idle_in_transaction_session_timeout": "30s", "lock_timeout": "30s"}


def _engine(url: str, pool_size: int, name: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
        # A connection that died with a restarted server is noticed here, not by whoever asks next.
        pool_pre_ping=True,
        # Parameters are people's data; they have no place in the text of an error, whoever writes it down.
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={"server_settings": {"application_name": name, "jit": "off"} | _PATIENCE, "timeout": 10},
    )


@dataclass(frozen=True, slots=True)
class Databases:
    """The two roles a process may act in: `app` sees one tenant at a time, `system` serves the platform itself."""

    app: Database
    system: Database

    async def dispose(self) -> None:
        """Close every connection."""
        await self.app.dispose()
        await self.system.dispose()


# "Invalid byte sequence" in a text, "untranslatable character" in JSON: sent by us, it can only be U+0000.
_HOLDS_NUL = frozenset({"22021", "22P05"})


@contextmanager
def _explained() -> Iterator[None]:
    """What the database refuses whatever it is for, in words for whoever sent it. Verbs that can name the field do."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _HOLDS_NUL:
            raise BadInput("A text holds the character U+0000, which no text may hold; leave it out.") from None
        raise


def constraint_name(error: Exception) -> str | None:
    """The name of the constraint a database error speaks of, if any."""
    cause: Any = getattr(getattr(error, "orig", None), "__cause__", None)
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None
