"""The Redis client of the product: waits for a connection instead of failing, fails soon when nothing answers."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import RedisError

from app.core.live.connection import connect_redis
from tests.live.servers import Valkey


@pytest.fixture(scope="module")
async def valkey() -> AsyncIterator[Valkey]:
    server = Valkey()
    await server.start()
    yield server
    server.close()


async def test_five_hundred_concurrent_commands_share_few_connections(valkey: Valkey) -> None:
    async with connect_redis(valkey.url, max_connections=8, deadline_seconds=5) as client:
        counts = await asyncio.gather(*(client.incr("counter") for _ in range(500)))
        assert sorted(counts) == list(range(1, 501))
        assert len(await client.client_list()) <= 8


async def test_a_restarted_server_is_used_without_an_error(valkey: Valkey) -> None:
    async with connect_redis(valkey.url) as client:
        await client.set("key", "1")
        valkey.kill()
        await valkey.start()
        await client.set("key", "2")
        assert await client.get("key") == b"2"


async def test_a_frozen_server_costs_no_more_than_the_deadlines(valkey: Valkey) -> None:
    async with connect_redis(valkey.url, deadline_seconds=0.2, retries=0) as client:
        await client.ping()
        valkey.freeze()
        started = time.monotonic()
        with pytest.raises(RedisError):
            await client.get("key")
        assert time.monotonic() - started < 15  # 20 s without a deadline
        valkey.thaw()
