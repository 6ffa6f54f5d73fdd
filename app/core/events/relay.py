"""The relay: takes what is new in the event log to the bus and turns it into the jobs that follow. Decides nothing.

It is the only writer of `published_at`. Several relays may share the work: an event is published at least once, its
jobs are owed exactly once. Then events of one queue may reach the bus in the wrong order; their revisions tell.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, Text, text
from sqlalchemy import cast as sql_cast
from sqlmodel import col, select

from app.core.clock import SystemClock
from app.core.db import Database, WriteTx
from app.core.db.urls import SYSTEM_ROLE, role_url
from app.core.events.models import EventRow
from app.core.events.reactions import Fact, Reactions, jobs_owed
from app.core.events.seals import Entry, seal, sealing_key
from app.core.jobs import repository as jobs
from app.core.jobs.alive import keep_showing
from app.core.jobs.broker import redis_url
from app.core.jobs.context import SEND_AGAIN_AFTER
from app.core.jobs.dispatch import Dispatcher
from app.core.jobs.outage import Outage, heed_cancellation, is_database_away
from app.core.jobs.sweep import Sweep
from app.core.live.bus import Bus, BusUnavailable
from app.core.live.connection import connect_redis
from app.core.live.doorbell import RELAY_TOPIC
from app.settings import Settings

Fan = Callable[[WriteTx, Sequence[Fact]], Awaitable[None]]
"""What is owed for events without a job for each; called in the transaction in which they are relayed."""

logger = logging.getLogger(__name__)

BATCH = 500
"""Events relayed in one transaction."""

_POLL_SECONDS = 0.25
# Rings that come closer together are answered together: a busy second costs a hundred passes, not a thousand.
_LEAST_SECONDS_BETWEEN_PASSES = 0.01
_SWEEP_SECONDS = 1.0
_LATE_SECONDS = 10.0
_MISSED_AGGREGATES = 10_000
# Aggregates that decide who may still be here: after their events a tenant's sockets are looked at again.
_STANDING = frozenset({"tenant", "user", "api_key", "role"})

_COLUMNS = (
    col(EventRow.tenant_id),
    col(EventRow.aggregate_type),
    col(EventRow.aggregate_id),
    col(EventRow.revision),
    col(EventRow.occurred_at),
    col(EventRow.id),
    col(EventRow.type),
    # As text: most of it goes to the bus as it is.
    sql_cast(col(EventRow.data), Text),
    col(EventRow.actor),
    col(EventRow.request_id),
    sql_cast(col(EventRow.changes), Text),
    col(EventRow.address),
    col(EventRow.agent),
)


class Relay:
    """Relays in the loop it is used from, with the system role."""

    def __init__(
        self,
        system: Database,
        bus: Bus,
        reactions: Reactions,
        dispatcher: Dispatcher,
        *,
        sealing_key: bytes,
        fans: Sequence[Fan] = (),
    ) -> None:
        self._system = system
        self._sealing_key = sealing_key
        self._bus = bus
        self._reactions = reactions
        self._fans = fans
        self._dispatcher = dispatcher
        self._missed: dict[tuple[str, UUID], Fact] = {}
        self._is_behind = False
        # A fan has stumbled over the batch that comes now.
        self._is_careful = False
        # Age of the oldest event of the last batch when it was taken.
        self.lag_seconds = 0.0

    async def relay_once(self) -> int:
        """Relay the oldest events nobody else is relaying; how many there were, at most `BATCH`."""
        await self._catch_up()
        async with self._system.write(None) as tx:
            taken = await _take(tx, is_behind=self._is_behind)
            self._is_behind = len(taken) == BATCH
            if not taken:
                return 0
            facts = [_fact(entry) for entry in taken]
            self._measure((tx.now() - facts[0].occurred_at).total_seconds())
            # In the transaction, although it is network: if we die before the commit the events are published again,
            # and if we die after it they have been. The deadline is a second, and none is spent while the bus is down.
            await self._publish(facts)
            # Each event is published once in the log's own words, and so it is sealed once.
            await seal(tx, self._sealing_key, taken)
            owed = jobs_owed(self._reactions, facts)
            written = await jobs.write(tx, owed, send_at=tx.now() + SEND_AGAIN_AFTER)
            for fan in self._fans:
                await self._fan_out(tx, fan, facts)
            await _mark_published(tx, facts)
        self._is_careful = False
        await self._dispatcher.send(written)
        return len(facts)

    async def _fan_out(self, tx: WriteTx, fan: Fan, facts: Sequence[Fact]) -> None:
        """All at once; where that has failed event by event, so that one nobody can read stops no other."""
        if not self._is_careful:
            try:
                return await fan(tx, facts)
            except Exception:
                self._is_careful = True
                raise
        for fact in facts:
            try:
                async with tx.begin_nested():
                    await fan(tx, [fact])
            except Exception as problem:
                if is_database_away(problem):
                    raise
                logger.exception(
                    "What follows from an event could not be written down; it is passed over.",
                    extra={"event_id": fact.id, "event_type": fact.type},
                )
        return None

    async def _publish(self, facts: Sequence[Fact]) -> None:
        """Tell whoever listens. An event counts as published without it: jobs and log must not wait for the bus.

        Listeners whose connection broke read RESYNC when it is back, and then the log. Those whose connection did not
        break, because only ours did, are told of each aggregate's newest event as soon as we can.
        """
        if self._bus.connected:
            try:
                await self._bus.publish_many(list(messages_for(facts).items()))
                heed_cancellation()
                return
            except BusUnavailable:
                logger.debug("A batch was not published.")
        self._missed |= {(fact.aggregate_type, fact.aggregate_id): fact for fact in facts}
        while len(self._missed) > _MISSED_AGGREGATES:
            del self._missed[next(iter(self._missed))]

    async def _catch_up(self) -> None:
        if not self._missed or not self._bus.connected:
            return
        with suppress(BusUnavailable):
            await self._bus.publish_many(list(messages_for(list(self._missed.values())).items()))
            heed_cancellation()
            self._missed.clear()

    def _measure(self, lag_seconds: float) -> None:
        was_late, self.lag_seconds = self.lag_seconds > _LATE_SECONDS, max(0.0, lag_seconds)
        if (is_late := self.lag_seconds > _LATE_SECONDS) != was_late:
            logger.log(
                logging.WARNING if is_late else logging.INFO,
                "The relay is behind." if is_late else "The relay has caught up.",
                extra={"lag_seconds": round(self.lag_seconds, 1)},
            )


def messages_for(facts: Sequence[Fact]) -> dict[str, bytes]:
    """Events as messages, one per topic: the aggregate's own (`queue:<id>`), or the tenant's (`tenant:<id>`)."""
    topics: dict[str, list[dict[str, object]]] = {}
    for fact in facts:
        entry: dict[str, object] = {
            "revision": fact.revision,
            "type": fact.type,
            "data": orjson.Fragment(fact.json),
            "occurredAt": fact.occurred_at,
        }
        if fact.aggregate_type in _STANDING:
            topic = f"tenant:{fact.tenant_id}"
            entry |= {"aggregateType": fact.aggregate_type, "aggregateId": str(fact.aggregate_id)}
        else:
            topic = f"{fact.aggregate_type}:{fact.aggregate_id}"
        topics.setdefault(topic, []).append(entry)
    return {topic: orjson.dumps(entries) for topic, entries in topics.items()}


async def run_relay(settings: Settings, reactions: Reactions, fans: Sequence[Fan] = ()) -> None:
    """Relay and sweep until cancelled. Outlasts PostgreSQL and Redis being away."""
    system = Database(role_url(settings, SYSTEM_ROLE), pool_size=4, name="vq-relay", clock=SystemClock())
    bus = Bus(redis_url(settings), prefix=settings.bus_prefix)
    redis = connect_redis(redis_url(settings), max_connections=1)
    dispatcher = Dispatcher(settings)
    relay = Relay(system, bus, reactions, dispatcher, sealing_key=sealing_key(settings.secret), fans=fans)
    sweep = Sweep(system, dispatcher)
    rung = asyncio.Event()

    async def pass_on() -> None:
        while await relay.relay_once() == BATCH:
            pass

    async def wait_for_ring() -> None:
        await asyncio.sleep(_LEAST_SECONDS_BETWEEN_PASSES)
        with suppress(TimeoutError):
            async with asyncio.timeout(_POLL_SECONDS):
                await rung.wait()
        rung.clear()

    await bus.start()
    logger.info("Relay started.", extra={"event_types": sorted(reactions)})
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_listen(bus, rung), name="doorbell")
            tasks.create_task(_repeat(pass_on, wait_for_ring, "relay"), name="relay")
            tasks.create_task(_repeat(sweep.once, _every(_SWEEP_SECONDS), "sweep"), name="sweep")
            tasks.create_task(keep_showing(redis, settings, "relay"), name="alive")
    finally:
        await bus.stop()
        await dispatcher.close()
        await redis.aclose()
        await system.dispose()
        logger.info("Relay stopped.")


async def _listen(bus: Bus, rung: asyncio.Event) -> None:
    async with bus.subscribe(RELAY_TOPIC) as feed:
        async for _ in feed:
            feed.take()
            rung.set()


async def _repeat(work: Callable[[], Awaitable[object]], wait: Callable[[], Awaitable[None]], name: str) -> None:
    database = Outage(logger, f"The database ({name})")
    while True:
        try:
            await work()
        except Exception as problem:
            # Nobody restarts a relay at night: whatever it stumbles over, it says so and tries again.
            if is_database_away(problem):
                database.failed(problem)
            else:
                logger.exception("The %s failed; trying again.", name)
            heed_cancellation()
            await asyncio.sleep(max(_POLL_SECONDS, database.pause_seconds()))
        else:
            heed_cancellation()
            database.worked()
            await wait()


def _every(seconds: float) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.sleep(seconds)


async def _take(tx: WriteTx, *, is_behind: bool) -> list[Entry]:
    statement = (
        select(*_COLUMNS)  # type: ignore[call-overload]
        .where(col(EventRow.published_at).is_(None))
        .order_by(col(EventRow.occurred_at), col(EventRow.aggregate_id), col(EventRow.revision))
        .limit(BATCH)
        # Never by "greater than the last": what commits later may have happened earlier.
        .with_for_update(skip_locked=True)
    )
    if is_behind:
        # The statistics say that next to nothing is unpublished, so the planner would sort all of it for every batch:
        # 0.3 ms instead of 130 with 300,000 events behind. Another text, because the plan of the first is kept.
        await tx.exec(text("set local enable_bitmapscan = off"))  # type: ignore[call-overload]
        statement = statement.prefix_with("/* behind */")
    return [Entry(*row) for row in await tx.exec(statement)]


def _fact(entry: Entry) -> Fact:
    return Fact(
        id=entry.id,
        tenant_id=entry.tenant_id,
        aggregate_type=entry.aggregate_type,
        aggregate_id=entry.aggregate_id,
        revision=entry.revision,
        occurred_at=entry.occurred_at,
        type=entry.type,
        json=entry.data,
        request_id=entry.request_id,
    )


async def _mark_published(tx: WriteTx, facts: Sequence[Fact]) -> None:
    found = await tx.exec(  # type: ignore[call-overload]
        text(
            """
            update events set published_at = :now
            from unnest(
                cast(:tenant_ids as uuid[]), cast(:types as text[]), cast(:ids as uuid[]),
                cast(:revisions as bigint[]), cast(:times as timestamptz[])
            ) as relayed (tenant_id, aggregate_type, aggregate_id, revision, occurred_at)
            where events.tenant_id = relayed.tenant_id
                and events.aggregate_type = relayed.aggregate_type
                and events.aggregate_id = relayed.aggregate_id
                and events.revision = relayed.revision
                and events.occurred_at = relayed.occurred_at
            """
        ),
        params={
            "now": tx.now(),
            "tenant_ids": [fact.tenant_id for fact in facts],
            "types": [fact.aggregate_type for fact in facts],
            "ids": [fact.aggregate_id for fact in facts],
            "revisions": [fact.revision for fact in facts],
            "times": [fact.occurred_at for fact in facts],
        },
    )
    marked = cast(CursorResult[Any], found).rowcount
    if marked != len(facts):
        raise RuntimeError(f"{len(facts)} events were held, but {marked} could be marked as published")
