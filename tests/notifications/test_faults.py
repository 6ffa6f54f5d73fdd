"""Real relays and workers while everything around them fails: by its key each message is received once, none is lost.

The numbers are small here; `python -m bench.deliveries` runs the same with those of the promise.
"""

import asyncio
import os
import sys
import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app.core.jobs.dispatch import Dispatcher
from app.notifications.models import NotificationStatus
from app.settings import Settings
from tests.jobs.support import until, worker
from tests.notifications.sink import Sink
from tests.notifications.test_killed import JOBS, SETTLED_SECONDS, real_world, relaying, serve_all, settled
from tests.notifications.world import World
from tests.servers import private_valkey

pytestmark = [pytest.mark.processes]

FULL = os.environ.get("FAULTS") == "full"
DELIVERIES = 200 if FULL else 6
KILL_EVERY_SECONDS = 0.7
PROVIDER_AWAY_SECONDS = 60.0 if FULL else 1.0
VALKEY_AWAY_SECONDS = (0.1, 5.0, 60.0)
# What is promised is measured by the benchmark, on a machine that does nothing else.
WITHIN_SECONDS = 30.0 if FULL else SETTLED_SECONDS

long = pytest.mark.skipif(not FULL, reason="`test_killed.py` does it shorter; here by `python -m bench.deliveries`")


async def hold_against(world: World, sink: Sink, wanted: set[str]) -> None:
    """What was received, held against what is written down: each once by its key, and nobody left out."""
    rows = await world.notifications()
    assert {row.recipient for row in rows} == wanted
    assert {row.status for row in rows} == {NotificationStatus.SENT}
    received = {(mail.recipient, mail.message["Message-ID"]) for mail in sink.mails}
    assert received == {(row.recipient, row.provider_message_id) for row in rows}


def say(what: str, seconds: float, sink: Sink) -> None:
    doubled = len(sink.mails) - len({mail.message["Message-ID"] for mail in sink.mails})
    words = f"{what}: settled {seconds:.1f} s after the fault's end; {len(sink.mails)} received, {doubled} doubled"
    sys.stderr.write(f"\n{words}\n")


@long
async def test_workers_killed_all_the_time(settings: Settings, sink: Sink) -> None:
    async with real_world(settings, sink) as world, relaying(world.settings, count=2):
        stop, kills = asyncio.Event(), 0

        async def kill() -> None:
            nonlocal kills
            while not stop.is_set():
                with worker(world.settings, JOBS) as victim:
                    # Long enough to start up, and to be in the middle of something.
                    sink.reached["RCPT"].clear()
                    waiting = [asyncio.create_task(event.wait()) for event in (sink.reached["RCPT"], stop)]
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
                    for each in waiting:
                        each.cancel()
                    await asyncio.wait([asyncio.create_task(stop.wait())], timeout=KILL_EVERY_SECONDS if FULL else 0)
                    victim.kill()
                    kills += 1

        killer = asyncio.create_task(kill())
        wanted = await serve_all(world, DELIVERIES, prefix="k")
        await until(lambda: _sent(sink, DELIVERIES // 2), seconds=240)
        stop.set()
        await killer
        with worker(world.settings, JOBS):
            took = await until(settled(world, len(wanted)), seconds=WITHIN_SECONDS)
        say(f"{kills} workers killed in {DELIVERIES} deliveries", took, sink)
        assert kills
        await hold_against(world, sink, wanted)


async def test_a_provider_that_fails_for_a_while_delays_and_loses_nothing(settings: Settings, sink: Sink) -> None:
    async with real_world(settings, sink) as world, relaying(world.settings):
        sink.refusing = "451 4.3.0 internal error"
        with worker(world.settings, JOBS):
            wanted = await serve_all(world, DELIVERIES, prefix="p")
            async with asyncio.timeout(60):
                await sink.reached["RCPT"].wait()
            began = time.monotonic()
            await until(lambda: _is_over(began, PROVIDER_AWAY_SECONDS), seconds=PROVIDER_AWAY_SECONDS + 5)
            assert sink.mails == []
            sink.refusing = None
            took = await until(settled(world, len(wanted)), seconds=WITHIN_SECONDS)
        say(f"a provider answers 451 for {PROVIDER_AWAY_SECONDS:g} s", took, sink)
        await hold_against(world, sink, wanted)
        assert len(sink.mails) == len(wanted)


@long
@pytest.mark.parametrize("away_seconds", VALKEY_AWAY_SECONDS)
async def test_valkey_is_emptied_and_away_and_all_is_said_three_times(
    settings: Settings, sink: Sink, away_seconds: float
) -> None:
    with private_valkey() as server:
        elsewhere = settings.model_copy(update={"redis_url": server.url})
        async with real_world(elsewhere, sink) as world, relaying(world.settings):
            dispatcher = Dispatcher(world.settings)
            with worker(world.settings, JOBS):
                wanted = await serve_all(world, DELIVERIES // 2, prefix="a")
                for _ in range(3):
                    await dispatcher.send([ref for _, ref in await world._due()])
                async with Redis.from_url(server.url) as redis:
                    await redis.flushall()
                server.daemon.kill()
                began = time.monotonic()
                wanted |= await serve_all(world, DELIVERIES // 2, prefix="b")
                await until(lambda: _is_over(began, away_seconds), seconds=away_seconds + 60)
                server.start()
                took = await until(settled(world, len(wanted)), seconds=WITHIN_SECONDS)
            await dispatcher.close()
            say(f"Valkey emptied, and away for {timedelta(seconds=away_seconds)}", took, sink)
            await hold_against(world, sink, wanted)
            assert len(sink.mails) == len(wanted)


async def _sent(sink: Sink, count: int) -> bool:
    return len(sink.mails) >= count


async def _is_over(began: float, seconds: float) -> bool:
    return time.monotonic() - began >= seconds
