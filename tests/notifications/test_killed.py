"""Real relays and workers, killed and cut off while mails are on their way: each mail arrives once, none is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from app.core.clock import SystemClock
from app.core.events.relay import run_relay
from app.core.jobs.dispatch import Dispatcher
from app.notifications.models import NotificationStatus
from app.reactions import REACTIONS
from app.settings import Settings
from tests.jobs.support import databases, forget, program, until, worker
from tests.notifications.sink import Sink
from tests.notifications.world import World
from tests.notifications.world import world as open_world
from tests.servers import private_valkey

pytestmark = pytest.mark.processes

JOBS = "app.reactions:JOBS"
# A lease of ten seconds, a sweep, a start of a worker; and a machine that does much else. How long it takes in quiet
# `python -m bench.deliveries` says.
SETTLED_SECONDS = 120.0
PENDING, SENT = NotificationStatus.PENDING, NotificationStatus.SENT


@asynccontextmanager
async def real_world(settings: Settings, sink: Sink) -> AsyncIterator[World]:
    """On the real clock, e-mail to the sink."""
    there = settings.model_copy(update={"smtp_url": sink.url, "smtp_from": "no-reply@shop.example"})
    async with databases(there) as dbs:
        await forget(dbs, there)
        async with open_world(there, dbs, SystemClock()) as opened:
            yield opened
        await forget(dbs, there)


@asynccontextmanager
async def relaying(settings: Settings, count: int = 1) -> AsyncIterator[None]:
    relays = [asyncio.create_task(run_relay(settings, REACTIONS)) for _ in range(count)]
    try:
        yield
    finally:
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


def settled(world: World, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        rows = await world.notifications()
        return len(rows) == count and all(row.status is not PENDING for row in rows)

    return check


async def serve_all(world: World, count: int, *, prefix: str) -> set[str]:
    """So many visitors join and are called; their addresses."""
    names = [f"{prefix}{number:02}" for number in range(count)]
    for name in names:
        # One at a time in line: nobody moves up, so each is owed exactly the call.
        await world.join(name)
        await world.call_next()
    return {f"{name}@example.com" for name in names}


async def test_killed_before_handing_over_the_mail_is_sent_by_another(settings: Settings, sink: Sink) -> None:
    async with real_world(settings, sink) as world, relaying(world.settings):
        never = asyncio.Event()
        sink.answers["RCPT"] = [never]
        with worker(world.settings, JOBS) as first:
            await world.join("anna")
            await world.call_next()
            async with asyncio.timeout(60):
                await sink.reached["RCPT"].wait()
            first.kill()
        sink.answers["RCPT"].clear()
        with worker(world.settings, JOBS):
            await until(settled(world, 1), seconds=SETTLED_SECONDS)
        [row] = await world.notifications()
        assert (row.status, row.attempts) == (SENT, 2)
        assert [mail.recipient for mail in sink.mails] == ["anna@example.com"]


async def test_killed_while_handing_over_it_is_handed_over_again_under_the_same_key(
    settings: Settings, sink: Sink
) -> None:
    async with real_world(settings, sink) as world, relaying(world.settings):
        thinking = asyncio.Event()
        sink.answers["DATA"] = [thinking]
        with worker(world.settings, JOBS) as first:
            await world.join("anna")
            await world.call_next()
            async with asyncio.timeout(60):
                await sink.reached["DATA"].wait()
            first.kill()
        # The server had it all, and takes it although nobody hears of that.
        thinking.set()
        sink.answers["DATA"].clear()
        with worker(world.settings, JOBS):
            await until(settled(world, 1), seconds=SETTLED_SECONDS)
        [row] = await world.notifications()
        assert (row.status, row.error, row.attempts) == (SENT, None, 2)
        assert {mail.message["Message-ID"] for mail in sink.mails} == {row.provider_message_id}


async def test_every_mail_once_with_two_relays_and_workers_killed_all_the_time(settings: Settings, sink: Sink) -> None:
    async with real_world(settings, sink) as world, relaying(world.settings, count=2):
        wanted: set[str] = set()
        for round_ in range(3):
            never = asyncio.Event()
            sink.reached["RCPT"].clear()
            with worker(world.settings, JOBS) as victim:
                # Its first mail gets stuck, so that it is certainly in the middle of something when it dies.
                sink.answers["RCPT"] = [never]
                wanted |= await serve_all(world, 8, prefix=f"r{round_}-")
                async with asyncio.timeout(20):
                    await sink.reached["RCPT"].wait()
                victim.kill()
            sink.answers["RCPT"].clear()
        with worker(world.settings, JOBS):
            await until(settled(world, len(wanted)), seconds=SETTLED_SECONDS)
        rows = await world.notifications()
        assert {row.recipient for row in rows if row.status is SENT} == wanted
        # By key: what a dead worker may have handed over was handed over again, as the same message.
        received = {mail.recipient: mail.message["Message-ID"] for mail in sink.mails}
        assert received == {row.recipient: row.provider_message_id for row in rows}
        assert {(mail.recipient, mail.message["Message-ID"]) for mail in sink.mails} == set(received.items())


async def test_messages_sent_three_times_and_redis_emptied_and_killed_in_between(
    settings: Settings, sink: Sink
) -> None:
    with private_valkey() as server:
        elsewhere = settings.model_copy(update={"redis_url": server.url})
        async with real_world(elsewhere, sink) as world, relaying(world.settings):
            with worker(world.settings, JOBS):
                wanted = await serve_all(world, 10, prefix="a")
                dispatcher = Dispatcher(world.settings)
                for _ in range(3):
                    await dispatcher.send([ref for _, ref in await world._due()])
                async with Redis.from_url(server.url) as redis:
                    await redis.flushall()
                wanted |= await serve_all(world, 5, prefix="b")
                server.daemon.kill()
                wanted |= await serve_all(world, 10, prefix="c")
                server.start()
                await until(settled(world, len(wanted)), seconds=SETTLED_SECONDS)
                await dispatcher.close()
        assert sorted(mail.recipient for mail in sink.mails) == sorted(wanted)


async def test_a_relay_killed_with_everything_in_its_hands_loses_nothing(settings: Settings, sink: Sink) -> None:
    relay = (
        "import asyncio\n"
        "from app.core.events.relay import run_relay\n"
        "from app.reactions import REACTIONS\n"
        "from app.settings import load_settings\n"
        "asyncio.run(run_relay(load_settings(), REACTIONS))\n"
    )
    async with real_world(settings, sink) as world:
        with worker(world.settings, JOBS):
            wanted: set[str] = set()
            for round_ in range(3):
                with program(world.settings, relay) as process:
                    wanted |= await serve_all(world, 6, prefix=f"r{round_}-")
                    await until(_some_sent(sink, round_ * 3))
                    process.kill()
            async with relaying(world.settings):
                await until(settled(world, len(wanted)), seconds=SETTLED_SECONDS)
        assert sorted(mail.recipient for mail in sink.mails) == sorted(wanted)


def _some_sent(sink: Sink, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return len(sink.mails) > count

    return check
