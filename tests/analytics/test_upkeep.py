"""Months of facts come and go; what they add up to stays. And who may see any of it, and where it is read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from app.analytics import repository
from app.analytics.models import Rollup, SessionFact
from app.analytics.repository import LIVE
from app.analytics.upkeep import keep_months, kept_since
from app.core.clock import SystemClock
from app.core.db.urls import APP_ROLE, replica_url, role_url
from app.main import build_databases
from app.settings import Settings
from tests.analytics.counting import Counting, added_up, counting
from tests.metered.world import Opened, World, open_worlds
from tests.servers import own_database


@pytest.fixture
async def opened(migrated_settings: Settings) -> AsyncIterator[Opened]:
    """A database of the test's own: months are dropped for everybody."""
    worlds = await open_worlds(own_database(migrated_settings, "months"))
    yield worlds
    for db in worlds.databases:
        await db.dispose()


@pytest.fixture
async def counts(opened: Opened) -> AsyncIterator[Counting]:
    """Its fold."""
    made = counting(opened.settings, SystemClock())
    yield made
    await made.system.dispose()


async def write_visits(counts: Counting, world: World, *entered: datetime) -> None:
    """Visits, as a fold would have written them, with their roll-ups."""
    tenant_id, queue_id = world.queue
    made = [
        SessionFact(
            tenant_id=tenant_id,
            queue_id=queue_id,
            session_id=uuid4(),
            entered_at=at,
            joined_at=at,
            is_transfer=False,
            priority=0,
            party_size=1,
            waiting_ahead=0,
        )
        for at in entered
    ]
    async with counts.system.write(tenant_id) as tx:
        tx.add_all(made)
        await tx.flush()
        await repository.add_to_rollups(
            tx, LIVE, tenant_id, added_up(queue_id, "UTC", await counts.facts_in(tx, tenant_id, queue_id))
        )


async def test_months_that_are_over_are_dropped_and_what_they_add_up_to_stays(opened: Opened, counts: Counting) -> None:
    world = await opened.world(SystemClock(), time_zone="UTC")
    now = datetime.now(UTC)
    kept, old = kept_since(now, 3), kept_since(now, 4)
    async with counts.system.write(None) as tx:
        await tx.rows("select ensure_fact_partitions($1, 3)", old)
    # In the month that is over, in one that has no table of its own, and in the first that is kept.
    await write_visits(counts, world, old, old - timedelta(days=400), kept)
    before = await counts.rollups(world.queue.tenant_id)
    assert (
        sum(row.counts["entered"] for key, row in before.items() if key.grain == "MONTH" and key.dimension == "ALL")
        == 3
    )
    assert await counts.places(*world.queue) == {
        "session_facts_default",
        f"session_facts_{old:%Y_%m}",
        f"session_facts_{kept:%Y_%m}",
    }
    assert await keep_months(counts.system, 3) == 1
    assert [fact.entered_at for fact in await counts.facts(*world.queue)] == [kept]
    assert await counts.rollups(world.queue.tenant_id) == before
    assert await keep_months(counts.system, 3) == 0


async def test_nobody_sees_the_figures_of_another_tenant(opened: Opened, counts: Counting) -> None:
    world = await opened.world(SystemClock())
    await write_visits(counts, world, datetime.now(UTC))
    tables = [table.__tablename__ for table in (SessionFact, Rollup)] + ["analytics_cursors"]
    await counts.fold()
    for tenant_id, sees in (world.queue.tenant_id, True), (uuid4(), False):
        async with world.db.read(tenant_id) as tx:
            for table in tables:
                assert bool(await tx.rows(f"select from {table}")) is sees, table


async def test_figures_are_read_on_the_replica_as_the_serving_role(migrated_settings: Settings) -> None:
    assert replica_url(migrated_settings) is None
    assert build_databases(migrated_settings, SystemClock(), "test").replica is None
    there = own_database(migrated_settings, "replica").database_url
    settings = migrated_settings.model_copy(update={"read_database_url": there})
    wanted, own = make_url(str(replica_url(settings))), make_url(role_url(settings, APP_ROLE))
    assert (wanted.username, wanted.password) == (own.username, own.password)
    dbs = build_databases(settings, SystemClock(), "test")
    try:
        async with dbs.figures.read(None) as tx:
            ((name, role),) = await tx.rows("select current_database(), current_user")
        assert (name, role) == (make_url(str(there)).database, APP_ROLE)
        async with dbs.app.read(None) as tx:
            ((name,),) = await tx.rows("select current_database()")
        assert name == make_url(str(settings.database_url)).database
    finally:
        await dbs.dispose()
