"""Transactions. A block is a transaction, bound to one tenant from its first statement to its last.

Nobody else commits, and a block never outlives its `async with`. What a block records in the event log is announced
after the commit, to this process and by ringing the doorbell; the announcement may be lost, the log is not.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.actor import NOWHERE, SYSTEM, Actor, Origin
from app.core.clock import Clock, SystemClock
from app.core.db.driver import BoundSession, TenantConnection, refuse_closed, translated
from app.core.db.recorded import Aggregate, Recorded
from app.core.db.tenant_keys import KEYS_OF_TENANT, stored_keys
from app.core.db.together import Statement, changes_in_one, reads_in_one
from app.core.errors import BadInput
from app.core.personal.keys import MasterKey, TenantKeys, are_fresh, forget, look_again, remember

logger = logging.getLogger(__name__)


class ReadTx(AsyncSession):
    """A read-only transaction of one tenant."""

    tenant_id: UUID | None

    async def rows(self, statement: str, *values: object) -> Sequence[Any]:
        """Run a statement in PostgreSQL's own words (`$1` is the first value); its rows.

        For the few statements every join and call needs: nothing is built, mapped or tracked, which is most of what
        the ORM costs. Raises what the ORM's statements raise.
        """
        if self.new or self.dirty or self.deleted:
            await self.flush()
        found: Sequence[Any] = await self._driven(self._driver.fetch(statement, *values), statement)
        return found

    async def ask(self, *statements: Statement) -> Sequence[Sequence[tuple[Any, ...]]]:
        """The rows of several statements that read, each a tuple: one round trip, and all are of the same instant."""
        (found,) = await self.rows(*_spread(reads_in_one(statements)))
        return tuple(found)

    async def portions(self, size: int, statement: str, *values: object) -> AsyncIterator[Sequence[Any]]:
        """`rows`, at most `size` at a time: what is too much to be read, or held, at once."""
        cursor = await self._driven(self._driver.cursor(statement, *values), statement)
        while found := await self._driven(cursor.fetch(size), statement):
            yield found

    @property
    def _driver(self) -> TenantConnection:
        driver: TenantConnection | None = self.info["driver"]
        if driver is None:
            raise RuntimeError("this transaction has ended")
        return driver

    async def _driven(self, work: Awaitable[Any], statement: str) -> Any:
        driver = self._driver
        try:
            return await work
        except BaseException as error:
            closed = driver.is_closed()
            if closed or not isinstance(error, Exception):
                # Cancelled in the middle, the connection may be in any state: nobody is given it again.
                await (await self.connection()).invalidate()
            if not isinstance(error, Exception):
                raise
            raise translated(error, statement, closed=closed) from error

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
    origin: Origin
    # What this block has recorded, by aggregate, oldest first.
    recorded: dict[Aggregate, list[Recorded]]
    # The rows of what was recorded, and who writes them when the block ends: all in one statement.
    unwritten: list[tuple[object, ...]]
    write_recorded: "Callable[[WriteTx], None] | None"
    # What was said together with BEGIN.
    began_with: str | None
    unsent: list[Statement]
    # What wraps keys that are made in this block; and whether some were, which count only once it has committed.
    master: MasterKey | None
    gave_keys: bool

    def rows_later(self, statement: str, *values: object) -> None:
        """Change rows with the next statement, or at the end: whatever is changed so becomes one round trip.

        For changes that give nothing back and do not see each other. What they raise is raised then.
        """
        self.unsent.append(Statement(statement, values))

    async def send(self) -> None:
        """Make the changes that were put off."""
        if self.unsent:
            changes, self.unsent = self.unsent, []
            await super().rows(*_spread(changes_in_one(changes)))

    async def rows(self, statement: str, *values: object) -> Sequence[Any]:
        """Run a statement in PostgreSQL's own words, behind what was put off."""
        await self.send()
        return await super().rows(statement, *values)

    if not TYPE_CHECKING:  # their types are the library's

        async def exec(self, *arguments: Any, **keywords: Any) -> Any:
            """Run a statement of the ORM, behind what was put off."""
            await self.send()
            return await super().exec(*arguments, **keywords)

        async def get(self, *arguments: Any, **keywords: Any) -> Any:
            """A row by its key, read behind what was put off."""
            await self.send()
            return await super().get(*arguments, **keywords)

    def act_for(self, actor: Actor, request_id: str | None, origin: Origin = NOWHERE) -> None:
        """From here on the block acts for this caller: commands of several may commit together."""
        self.actor, self.request_id, self.origin = actor, request_id, origin

    def now(self) -> datetime:
        """The present, by the one clock."""
        return self.clock.now()

    def now_by_database(self, told: datetime) -> datetime:
        """The present, by the clock all machines share; `told` is what the database has just told."""
        return self.clock.by_database(told)


Tx = TypeVar("Tx", bound=ReadTx)


def _spread(statement: Statement) -> tuple[Any, ...]:
    return statement.text, *statement.values


class Database:
    """One role's connections: a pool for blocks that write, another for blocks that read."""

    def __init__(
        self, url: str, *, secret: str | None = None, pool_size: int = 10, clock: Clock | None = None, name: str = "vq"
    ) -> None:
        """Without the installation's secret, blocks know the keys of tenants only that others have learnt before."""
        self._pool_size = pool_size
        self._master = None if secret is None else MasterKey.of(secret)
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
        engine = self._snapshot_engine if snapshot else self._read_engine
        with _explained():
            async with await self._begun(ReadTx, engine, tenant_id) as tx:
                yield tx

    @asynccontextmanager
    async def write(
        self,
        tenant_id: UUID | None,
        actor: Actor = SYSTEM,
        request_id: str | None = None,
        origin: Origin = NOWHERE,
        *,
        begin_with: str | None = None,
    ) -> AsyncIterator[WriteTx]:
        """A block that commits when it ends and rolls back when anything is raised, cancellation included.

        `begin_with` is a statement that is run together with BEGIN, for what it does: its rows are not seen.
        """
        with _explained():
            async with await self._begun(WriteTx, self.engine, tenant_id, begin_with) as tx:
                tx.act_for(actor, request_id, origin)
                tx.clock = self.clock
                tx.recorded, tx.unwritten, tx.write_recorded = {}, [], None
                tx.began_with, tx.unsent, tx.master, tx.gave_keys = begin_with, [], self._master, False
                try:
                    yield tx
                    if tx.write_recorded is not None:
                        if tx.new or tx.dirty or tx.deleted:
                            # First, so that what the events have changed is known.
                            await tx.flush()
                        tx.write_recorded(tx)
                    await tx.send()
                    await tx.commit()
                except BaseException:
                    if tx.gave_keys:
                        forget(tx.tenant)
                    await tx.rollback()
                    raise
        if tx.recorded and self.on_recorded is not None:
            try:
                self.on_recorded(tx.tenant_id, tx.recorded)
            except Exception:
                # It has happened: whoever is told otherwise does it once more.
                logger.exception("a commit could not be announced; the relay will")

    async def _begun(
        self, kind: type[Tx], engine: AsyncEngine, tenant_id: UUID | None, begin_with: str | None = None
    ) -> Tx:
        """A block whose transaction has begun, and with that has shown that its connection is alive."""
        for spare in range(self._pool_size, -1, -1):
            tx = kind(
                engine,
                sync_session_class=BoundSession,
                expire_on_commit=False,
                autoflush=False,
                info={"tenant_id": tenant_id, "begin_with": begin_with},
            )
            tx.tenant_id = tenant_id
            try:
                _ = await tx.connection()
                if tenant_id is not None and self._master is not None and not are_fresh(tenant_id):
                    await _learn_keys(tx, self._master)
            except BaseException as error:
                await tx.close()
                # It died in the pool, unnoticed. Nothing has happened yet: the next one will do.
                if spare and isinstance(error, DBAPIError) and error.connection_invalidated:
                    continue
                raise
            break
        return tx

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        await self._read_pool.dispose()


async def _learn_keys(tx: ReadTx, master: MasterKey) -> None:
    # Of the class: what a block that writes puts off is not there yet.
    try:
        stored = stored_keys(await ReadTx.rows(tx, KEYS_OF_TENANT, tx.tenant))
    except BaseException:
        # Its caller has gone, say. Everybody else was told that somebody looks.
        look_again(tx.tenant)
        raise
    if stored:
        remember(tx.tenant, TenantKeys.unwrapped(master, tx.tenant, stored))
    else:
        forget(tx.tenant)


# A machine that vanishes in the middle of a block would otherwise keep its lines locked until TCP notices, for hours.
_PATIENCE = {"idle_in_transaction_session_timeout": "30s", "lock_timeout": "30s"}


def _engine(url: str, pool_size: int, name: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
        # Parameters are people's data; they have no place in the text of an error, whoever writes it down.
        hide_parameters=True,
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        connect_args={
            "connection_class": TenantConnection,
            "server_settings": {"application_name": name, "jit": "off"} | _PATIENCE,
            "timeout": 10,
        },
    )
    event.listen(engine.sync_engine, "checkout", refuse_closed)
    return engine


@dataclass(frozen=True, slots=True)
class Databases:
    """The two roles a process may act in: `app` sees one tenant at a time, `system` serves the platform itself.

    `replica` is `app` on a server that follows the first one, some moments behind; for what may be read there.
    """

    app: Database
    system: Database
    replica: Database | None = None

    @property
    def figures(self) -> Database:
        """Where figures are read."""
        return self.app if self.replica is None else self.replica

    async def dispose(self) -> None:
        """Close every connection."""
        await self.app.dispose()
        await self.system.dispose()
        if self.replica is not None:
            await self.replica.dispose()


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
