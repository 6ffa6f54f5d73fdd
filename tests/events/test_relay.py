"""Events to the bus and to jobs: at least once and exactly once, whatever is away and however many relays run."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from app.audit.verification import verify
from app.core.actor import Origin
from app.core.clock import ManualClock
from app.core.db import Databases, WriteTx
from app.core.db.admin import prepare_database
from app.core.events import Event, record
from app.core.events.models import EventRow
from app.core.events.reactions import Fact, each, latest
from app.core.events.relay import BATCH, Relay, run_relay
from app.core.events.upkeep import delete_old, make_partitions
from app.core.idempotency import IdempotencyKey
from app.core.jobs.alive import relay_alive
from app.core.jobs.broker import QUEUES, namespace
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.lanes import Lane
from app.core.jobs.models import Job
from app.core.jobs.repository import NewJob, write
from app.core.live.bus import RESYNC, Bus, Message
from app.core.live.doorbell import Doorbell
from app.settings import Settings
from tests.jobs.kinds import work
from tests.jobs.support import databases, new_tenant, until, write_job
from tests.servers import private_cluster, private_valkey, settings_for_tests


@dataclass(frozen=True, slots=True)
class Moved(Event):
    type: ClassVar[str] = "TEST_MOVED"
    number: int


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    type: ClassVar[str] = "TEST_RENAMED"


REACTIONS = {Moved.type: [each(work)]}


async def write_events(
    dbs: Databases, tenant_id: UUID, queue_id: UUID, revisions: Sequence[int], at: datetime | None = None
) -> None:
    async with dbs.app.write(tenant_id) as tx:
        for revision in revisions:
            record(tx, "queue", queue_id, revision, Moved(revision), at or tx.now())


async def unpublished(dbs: Databases) -> int:
    async with dbs.system.read(None) as tx:
        return len((await tx.exec(select(EventRow.id).where(col(EventRow.published_at).is_(None)))).all())


async def jobs(dbs: Databases) -> list[Job]:
    async with dbs.system.read(None) as tx:
        return list(await tx.exec(select(Job).order_by(col(Job.created_at))))


@asynccontextmanager
async def relaying(
    settings: Settings, dbs: Databases, count: int = 1, reactions=REACTIONS, fans=()
) -> AsyncIterator[list[Relay]]:
    """Relays with their own connections to the bus, not running by themselves."""
    buses = [Bus(settings.redis_url, prefix=settings.bus_prefix) for _ in range(count)]
    dispatchers = [Dispatcher(settings) for _ in range(count)]
    for bus in buses:
        await bus.start()
    try:
        yield [
            Relay(dbs.system, bus, reactions, own, sealing_key=b"key", fans=fans)
            for bus, own in zip(buses, dispatchers, strict=True)
        ]
    finally:
        for bus in buses:
            await bus.stop()
        for own in dispatchers:
            await own.close()


@asynccontextmanager
async def listening(settings: Settings, *topics: str) -> AsyncIterator[list[tuple[str, list[dict]]]]:
    """Everything that comes in on some topics, as it comes."""
    bus, heard = Bus(settings.redis_url, prefix=settings.bus_prefix), []
    await bus.start()

    async def listen(topic: str, ready: asyncio.Event) -> None:
        async with bus.subscribe(topic) as feed:
            ready.set()
            async for item in feed:
                content = orjson.loads(item.payload) if isinstance(item, Message) else RESYNC
                heard.append((topic, content))

    tasks = []
    for topic in topics:
        ready = asyncio.Event()
        tasks.append(asyncio.create_task(listen(topic, ready)))
        await ready.wait()
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bus.stop()


async def test_events_go_out_in_order_one_message_per_topic_and_owe_their_jobs(
    dbs: Databases, settings: Settings, clock: ManualClock
) -> None:
    tenant_id, one, two = await new_tenant(dbs), uuid4(), uuid4()
    await write_events(dbs, tenant_id, one, [1, 2])
    await write_events(dbs, tenant_id, two, [5])
    async with dbs.app.write(tenant_id) as tx:
        record(tx, "user", two, 3, Renamed(), clock.now() + timedelta(seconds=1))
    await write_events(dbs, tenant_id, one, [3], clock.now() + timedelta(seconds=1))
    topics = (f"queue:{one}", f"queue:{two}", f"tenant:{tenant_id}")
    async with listening(settings, *topics) as heard, relaying(settings, dbs) as [relay]:
        assert (await relay.relay_once(), await relay.relay_once()) == (5, 0)
        await until(lambda: _true(len(heard) == 3))
    messages = dict(heard)
    assert [entry["revision"] for entry in messages[topics[0]]] == [1, 2, 3]
    assert messages[topics[1]] == [
        {"revision": 5, "type": "TEST_MOVED", "data": {"number": 5}, "occurredAt": "2026-11-21T12:00:00+00:00"}
    ]
    [renamed] = messages[topics[2]]
    assert (renamed["aggregateType"], renamed["aggregateId"], renamed["revision"]) == ("user", str(two), 3)
    assert await unpublished(dbs) == 0
    assert sorted(job.args["data"]["number"] for job in await jobs(dbs)) == [1, 2, 3, 5]
    async with Redis.from_url(settings.redis_url) as redis:
        assert await redis.llen(f"{namespace(settings)}:{QUEUES[Lane.NORMAL]}") >= 4


@pytest.mark.parametrize("how", ["in Python", "in SQL"])
async def test_an_event_a_fan_stumbles_over_stops_no_other(
    dbs: Databases, settings: Settings, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    tenant_id, queue_id = await new_tenant(dbs), uuid4()
    await write_events(dbs, tenant_id, queue_id, [1, 2, 3])

    async def fan(tx: WriteTx, facts: Sequence[Fact]) -> None:
        for fact in facts:
            await write(tx, [NewJob(tenant_id, "test.fan", fact.data, f"fan {fact.id}")], send_at=tx.now())
            if fact.revision == 2 and how == "in SQL":
                await tx.rows("select 1 / 0")
            elif fact.revision == 2:
                raise KeyError("session")

    async with relaying(settings, dbs, reactions={}, fans=(fan,)) as [relay]:
        with pytest.raises((KeyError, DBAPIError)):
            await relay.relay_once()
        assert (await unpublished(dbs), await jobs(dbs)) == (3, [])
        assert (await relay.relay_once(), await relay.relay_once()) == (3, 0)
    assert sorted(job.args["number"] for job in await jobs(dbs)) == [1, 3]
    assert [record.event_type for record in caplog.records if record.levelname == "ERROR"] == ["TEST_MOVED"]


async def test_relays_beside_each_other_publish_each_event_once_and_write_each_job_once(
    dbs: Databases, settings: Settings
) -> None:
    tenant_id, queues = await new_tenant(dbs), [uuid4() for _ in range(6)]
    for queue_id in queues:
        await write_events(dbs, tenant_id, queue_id, range(1, 301))
    topics = [f"queue:{queue_id}" for queue_id in queues]
    async with listening(settings, *topics) as heard, relaying(settings, dbs, 3) as relays:
        total = 0
        while relayed := sum(await asyncio.gather(*(relay.relay_once() for relay in relays))):
            total += relayed
        assert total == 1800 > BATCH * len(relays)
        await until(lambda: _true(sum(len(entries) for _, entries in heard) >= 1800))
    for topic in topics:
        entries = [entry["revision"] for heard_on, items in heard if heard_on == topic for entry in items]
        assert sorted(entries) == list(range(1, 301))
    assert len(await jobs(dbs)) == 1800
    assert await unpublished(dbs) == 0


async def test_relaying_again_after_dying_before_the_commit_owes_nothing_twice(
    dbs: Databases, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, queue_id = await new_tenant(dbs), uuid4()
    await write_events(dbs, tenant_id, queue_id, [1, 2])
    async with relaying(settings, dbs) as [relay]:

        async def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("app.core.events.relay._mark_published", die)
            with pytest.raises(KeyboardInterrupt):
                await relay.relay_once()
        assert (await unpublished(dbs), await jobs(dbs)) == (2, [])
        assert await relay.relay_once() == 2
        async with dbs.system.write(None) as tx:
            for row in await tx.exec(select(EventRow)):
                row.published_at = None
        assert await relay.relay_once() == 2
    assert len(await jobs(dbs)) == 2


async def test_relays_that_die_at_any_moment_beside_each_other_leave_one_whole_chain(
    dbs: Databases, settings: Settings
) -> None:
    """While events are written and the addresses of others erased."""
    tenant_ids = [await new_tenant(dbs) for _ in range(2)]
    is_written = asyncio.Event()

    async def write(tenant_id: UUID) -> None:
        origin, queue_id = Origin("192.0.2.1", "curl"), uuid4()
        for revision in range(1, 61):
            async with dbs.app.write(tenant_id, origin=origin) as tx:
                record(tx, "test", queue_id, revision, Moved(revision), tx.now())
            if revision % 7 == 0:
                async with dbs.system.write(tenant_id) as tx:
                    await tx.rows(
                        "update events set address = null, agent = null where tenant_id = $1 and aggregate_id = $2"
                        " and revision = $3",
                        tenant_id,
                        queue_id,
                        revision,
                    )

    async def relay_and_die(relay: Relay, seed: int) -> None:
        chance = random.Random(seed)
        while not is_written.is_set():
            task = asyncio.create_task(relay.relay_once())
            await asyncio.wait({task}, timeout=chance.uniform(0.001, 0.2))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async with relaying(settings, dbs, 3, {}) as relays:
        dying = [asyncio.create_task(relay_and_die(relay, seed)) for seed, relay in enumerate(relays)]
        await asyncio.gather(*(write(tenant_id) for tenant_id in tenant_ids for _ in range(3)))
        is_written.set()
        await asyncio.gather(*dying)
        while await relays[0].relay_once():
            pass
    for tenant_id in tenant_ids:
        verdict = await verify(dbs.system, b"key", tenant_id)
        # Of the making of a test's tenant nobody writes an event.
        assert [each for each in verdict.findings if not each.place.startswith("tenant ")] == []
        assert (verdict.event_count, verdict.unsealed_count) == (180, 0)


async def test_one_job_stands_for_a_burst_of_one_queue(dbs: Databases, settings: Settings) -> None:
    tenant_id, queue_id = await new_tenant(dbs), uuid4()
    await write_events(dbs, tenant_id, queue_id, range(1, 51))
    async with relaying(settings, dbs, reactions={Moved.type: [latest(work)]}) as [relay]:
        await relay.relay_once()
    [job] = await jobs(dbs)
    assert job.args["revision"] == 50


async def test_events_of_a_tenant_that_is_gone_hold_nobody_up(dbs: Databases, settings: Settings) -> None:
    await write_events(dbs, uuid4(), uuid4(), [1])
    tenant_id = await new_tenant(dbs)
    await write_events(dbs, tenant_id, uuid4(), [1])
    async with relaying(settings, dbs) as [relay]:
        assert await relay.relay_once() == 2
    assert [job.tenant_id for job in await jobs(dbs)] == [tenant_id]


async def test_the_bus_is_down_and_jobs_are_written_all_the_same_and_listeners_are_told_afterwards(
    dbs: Databases, settings: Settings
) -> None:
    tenant_id, queue_id = await new_tenant(dbs), uuid4()
    with private_valkey() as server:
        settings = settings.model_copy(update={"redis_url": server.url})
        async with relaying(settings, dbs) as [relay]:
            server.daemon.kill()
            await until(lambda: _true(not relay._bus.connected))
            await write_events(dbs, tenant_id, queue_id, [1, 2, 3])
            assert await relay.relay_once() == 3
            assert (await unpublished(dbs), len(await jobs(dbs))) == (0, 3)
            server.start()
            # A listener whose own connection never broke, from the relay's point of view: it joins while we are away.
            async with listening(settings, f"queue:{queue_id}") as heard:
                await until(lambda: _true(relay._bus.connected))
                assert await relay.relay_once() == 0
                await until(lambda: _true(heard))
    [(_, [entry])] = heard
    assert entry["revision"] == 3


async def test_a_running_relay_outlasts_postgresql_and_redis_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.core")
    with private_cluster() as cluster:
        assert cluster.postgres is not None
        assert cluster.valkey is not None
        urls = {"database_url": cluster.postgres.url, "redis_url": cluster.valkey.url}
        settings = settings_for_tests(**urls)
        await prepare_database(settings)
        async with databases(settings) as dbs:
            tenant_id, queue_id = await new_tenant(dbs), uuid4()
            relay = asyncio.create_task(run_relay(settings, REACTIONS))
            await write_events(dbs, tenant_id, queue_id, [1])
            await until(lambda: _none_unpublished(dbs))
            assert await relay_alive(settings)

            cluster.valkey.daemon.kill()
            await write_events(dbs, tenant_id, queue_id, [2])
            await until(lambda: _none_unpublished(dbs))
            cluster.valkey.start()

            cluster.postgres.daemon.kill()
            await asyncio.sleep(1.0)  # several tries fall into it
            await asyncio.to_thread(cluster.postgres.start)
            await dbs.dispose()
            await write_events(dbs, tenant_id, queue_id, [3])
            await until(lambda: _none_unpublished(dbs))
            assert len(await jobs(dbs)) == 3
            # All of them are with Dramatiq in the end, whatever was lost with the server.
            async with Redis.from_url(settings.redis_url) as redis:
                key = f"{namespace(settings)}:{QUEUES[Lane.NORMAL]}.msgs"
                await until(lambda: _at_least(redis.hlen(key), 3))
            relay.cancel()
            with pytest.raises(asyncio.CancelledError):
                await relay
    said = [record.getMessage() for record in caplog.records if "database (relay)" in record.getMessage()]
    assert said == [
        "The database (relay) is not available; trying again.",
        "The database (relay) is available again.",
    ]


async def test_a_ring_is_answered_long_before_the_next_look(dbs: Databases, settings: Settings) -> None:
    async with databases(settings) as real:
        tenant_id, queue_id = await new_tenant(real), uuid4()
        relay = asyncio.create_task(run_relay(settings, REACTIONS))
        bus = Bus(settings.redis_url, prefix=settings.bus_prefix)
        await bus.start()
        doorbell, waits = Doorbell(bus), []
        try:
            async with bus.subscribe(f"queue:{queue_id}") as feed:
                for revision in range(1, 12):
                    await write_events(real, tenant_id, queue_id, [revision])
                    started = asyncio.get_running_loop().time()
                    doorbell.ring()
                    async with asyncio.timeout(10):
                        await anext(feed)
                    waits.append(asyncio.get_running_loop().time() - started)
        finally:
            await doorbell.close()
            await bus.stop()
            relay.cancel()
            await asyncio.gather(relay, return_exceptions=True)
        # Polling alone would take a quarter of a second each time.
        assert sorted(waits)[5] < 0.15


async def test_a_relay_ends_whenever_it_is_cancelled(settings: Settings) -> None:
    for number in range(60):
        relay = asyncio.create_task(run_relay(settings, REACTIONS))
        await asyncio.sleep(number * 0.002)  # each time caught at something else
        relay.cancel()
        done, _ = await asyncio.wait([relay], timeout=20)
        assert done, f"still running, {number * 2} ms after the start"
        assert relay.cancelled()


async def test_old_idempotency_keys_and_done_jobs_are_deleted_and_young_ones_kept(
    dbs: Databases, clock: ManualClock
) -> None:
    tenant_id = await new_tenant(dbs)
    old, young = clock.now() - timedelta(days=7, seconds=1), clock.now() - timedelta(days=6)
    async with dbs.app.write(tenant_id) as tx:
        for name, at in (("old", old), ("young", young)):
            tx.add(
                IdempotencyKey(
                    tenant_id=tenant_id, scope="test", key=name, input_hash="", result_id=uuid4(), created_at=at
                )
            )
    refs = [await write_job(dbs, tenant_id, "test.work") for _ in range(3)]
    async with dbs.system.write(None) as tx:
        for ref, done_at in zip(refs, (old, young, None), strict=True):
            row = (await tx.exec(select(Job).where(Job.id == ref.id))).one()
            row.done_at, row.created_at = done_at, old
    await delete_old(dbs.system)
    async with dbs.system.read(None) as tx:
        assert [key.key for key in await tx.exec(select(IdempotencyKey))] == ["young"]
    assert {job.id for job in await jobs(dbs)} == {ref.id for ref in refs[1:]}


async def test_partitions_are_made_by_the_relays_role(dbs: Databases) -> None:
    await make_partitions(dbs.system)
    await make_partitions(dbs.system)


async def _true(value: object) -> object:
    return value


async def _none_unpublished(dbs: Databases) -> bool:
    return await unpublished(dbs) == 0


async def _at_least(count, wanted: int) -> bool:
    return await count >= wanted
