"""Hundreds of blocks of many tenants over a few connections, ending in every way a block can end.

Whatever happened on a connection before, a block sees its own tenant's rows and nothing else. The check is checked too:
a tenant left bound to a connection has to be noticed.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.core.clock import SystemClock
from app.core.db import Database, Databases, ReadTx
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, role_url
from app.core.events.models import EventRow
from app.counters.models import Counter as CounterRow
from app.settings import Settings
from app.tenants import service
from app.tenants.models import Tenant
from app.tenants.service import NewTenant

TENANTS = 12
TASKS = 600
CONNECTIONS = 4


class Failed(Exception):
    """What a block is left with, for the test's own reasons."""


@dataclass
class Crowd:
    """Blocks of many tenants, and what they saw that they should not have seen."""

    db: Database
    tenants: list[UUID]
    dice: random.Random
    leaks: list[str] = field(default_factory=list)
    committed: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    endings: Counter[str] = field(default_factory=Counter)

    async def run(self, tasks: int) -> None:
        """Start so many blocks at once, and cancel some of them wherever they happen to be."""
        kinds = (self.look, self.look_at_one_instant, self.look_unbound, self.write, self.write_and_fail)
        running = [asyncio.create_task(self.dice.choice(kinds)(self.dice.choice(self.tenants))) for _ in range(tasks)]
        cancelling = asyncio.gather(*(self._cancel(task) for task in running if self.dice.random() < 0.4))
        for ending in await asyncio.gather(*running, return_exceptions=True):
            self.endings[type(ending).__name__] += 1
        await cancelling

    async def _cancel(self, task: "asyncio.Task[None]") -> None:
        # A task gets a connection after those before it, so that some are cancelled while they wait for one.
        for _ in range(self.dice.randrange(3_000)):
            await asyncio.sleep(0)
        task.cancel()

    async def look(self, tenant: UUID) -> None:
        async with self.db.read(tenant) as tx:
            await self._check(tx, tenant)
            await tx.rollback()
            # The second transaction of a block is bound as its first was.
            await self._check(tx, tenant)

    async def look_at_one_instant(self, tenant: UUID) -> None:
        async with self.db.read(tenant, snapshot=True) as tx:
            await self._check(tx, tenant)

    async def look_unbound(self, _tenant: UUID) -> None:
        async with self.db.read(None) if self.dice.random() < 0.5 else self.db.write(None) as tx:
            await self._check(tx, None)

    async def write(self, tenant: UUID) -> None:
        row = _counter(tenant)
        async with self.db.write(tenant) as tx:
            tx.add(row)
            await tx.flush()
            # A savepoint that is rolled back leaves the binding as it was.
            async with tx.begin_nested() as savepoint:
                tx.add(_counter(tenant))
                await tx.flush()
                await savepoint.rollback()
            await tx.exec(text("update counters set updated_by = :who"), params={"who": str(tenant)})  # type: ignore[call-overload]
            await self._check(tx, tenant)
        self.committed[tenant].add(row.id)

    async def write_and_fail(self, tenant: UUID) -> None:
        async with self.db.write(tenant) as tx:
            tx.add(_counter(tenant))
            await tx.flush()
            await self._check(tx, tenant)
            if self.dice.random() < 0.5:
                await tx.exec(text("select 1 / 0"))  # type: ignore[call-overload]
            raise Failed

    async def _check(self, tx: ReadTx, tenant: UUID | None) -> None:
        """No statement here names the tenant: what keeps the rows apart is the database alone."""
        mine = set() if tenant is None else {tenant}
        if (seen := set((await tx.exec(select(Tenant.id))).all())) != mine:
            self.leaks.append(f"a block of {tenant} saw the tenants {seen}")
        # In the driver's own words as well, which go past the ORM.
        if (seen := {row["id"] for row in await tx.rows("select id from tenants")}) != mine:
            self.leaks.append(f"a block of {tenant} saw the tenants {seen}, by a statement of the driver")
        for column in (CounterRow.tenant_id, EventRow.tenant_id):
            if not (seen := set((await tx.exec(select(column).distinct())).all())) <= mine:
                self.leaks.append(f"a block of {tenant} saw {column} of {seen - mine}")


@pytest.fixture
async def dbs(migrated_settings: Settings) -> AsyncIterator[Databases]:
    """Pools with fewer connections than there are tenants."""
    opened = Databases(
        app=Database(role_url(migrated_settings, APP_ROLE), secret=migrated_settings.secret, pool_size=CONNECTIONS),
        system=Database(role_url(migrated_settings, SYSTEM_ROLE), secret=migrated_settings.secret, pool_size=1),
    )
    yield opened
    await opened.dispose()


@pytest.fixture
async def crowd(dbs: Databases) -> Crowd:
    """Some tenants, each with an event of its own."""
    tenants = [uuid4() for _ in range(TENANTS)]
    for tenant in tenants:
        async with dbs.system.write(tenant) as tx:
            await service.create(tx, NewTenant(name="Crowd", slug=f"c-{tenant.hex[:12]}"))
    return Crowd(dbs.app, tenants, random.Random(2))


async def test_no_block_sees_another_tenants_rows(dbs: Databases, crowd: Crowd) -> None:
    await crowd.run(TASKS)

    assert crowd.leaks == []
    assert set(crowd.endings) == {"NoneType", "Failed", "DBAPIError", "CancelledError"}
    assert min(crowd.endings.values()) >= 10, crowd.endings
    async with dbs.system.read(None) as tx:
        rows = (await tx.exec(select(CounterRow))).all()
    kept: dict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        if row.tenant_id in crowd.tenants:
            kept[row.tenant_id].add(row.id)
            assert row.updated_by == str(row.tenant_id)
    # A block that is cancelled while it commits may have committed: what is known to be committed is there.
    assert all(ids <= kept[tenant] for tenant, ids in crowd.committed.items())
    assert sum(map(len, kept.values())) - sum(map(len, crowd.committed.values())) <= crowd.endings["CancelledError"]


async def test_a_block_that_has_ended_reads_nothing(dbs: Databases, crowd: Crowd) -> None:
    """Whoever kept it, in a task left behind say, would read in whichever block has its connection now."""
    mine, theirs = crowd.tenants[:2]
    async with dbs.app.read(mine) as ended:
        assert await ended.rows("select 1")
    async with dbs.app.read(theirs):
        with pytest.raises(RuntimeError, match="has ended"):
            await ended.rows("select id from queues")


async def test_nothing_of_a_block_stays_on_its_connection(dbs: Databases, crowd: Crowd) -> None:
    await crowd.run(TASKS // 4)

    for block in (dbs.app.read, dbs.app.write):
        # Each waits for all others, so that each has a connection of its own.
        everybody = asyncio.Barrier(CONNECTIONS)
        found = await asyncio.gather(*(_bound_to(block, everybody) for _ in range(CONNECTIONS)))
        assert found == [None] * CONNECTIONS


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_tenant_left_on_a_connection_is_noticed(dbs: Databases, crowd: Crowd, kind: str) -> None:
    async with getattr(dbs.app, kind)(crowd.tenants[0]) as tx:
        await tx.exec(text("select set_config('app.tenant_id', :id, false)"), params={"id": str(crowd.tenants[0])})
        await tx.commit()

    # Without cancelling any: whoever is cancelled takes the connection along, and it might be that one.
    await asyncio.gather(*(crowd.look_unbound(crowd.tenants[0]) for _ in range(TASKS // 4)))

    assert crowd.leaks
    assert all(leak.startswith("a block of None saw") for leak in crowd.leaks)


async def _bound_to(
    block: Callable[[None], AbstractAsyncContextManager[ReadTx]], everybody: asyncio.Barrier
) -> str | None:
    async with block(None) as tx:
        found = await tx.exec(text("select nullif(current_setting('app.tenant_id', true), '')"))  # type: ignore[call-overload]
        await everybody.wait()
        bound: str | None = found.scalar_one()
        return bound


def _counter(tenant: UUID) -> CounterRow:
    now = SystemClock().now()
    return CounterRow(
        tenant_id=tenant,
        id=uuid4(),
        name=uuid4().hex,
        created_at=now,
        created_by="TEST",
        updated_at=now,
        updated_by="TEST",
    )
