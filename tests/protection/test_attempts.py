"""Attempts are counted exactly, for all processes together; and what happens while nobody can count."""

import asyncio
import os
import signal
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.core.embedded.valkey import Valkey
from app.core.errors import RateLimited, Unavailable
from app.core.limits import RULES, Bucket, Limiter, Rule
from app.settings import Settings
from tests.protection.conftest import new_address
from tests.support.waiting import PATIENCE, eventually


async def tried(limiter: Limiter, bucket: Bucket, address: str | None, times: int = 1) -> int:
    """How many of so many attempts at once get through."""
    attempts = [limiter.attempt(bucket, address) for _ in range(times)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert all(result is None or isinstance(result, RateLimited) for result in results), results
    return results.count(None)


async def test_exactly_so_many_get_through_however_many_processes_count(limited_settings: Settings) -> None:
    address = new_address()
    processes = [Limiter(limited_settings, deadline_seconds=PATIENCE) for _ in range(3)]
    through = await asyncio.gather(*(tried(each, Bucket.JOIN, address, 30) for each in processes))
    assert sum(through) == 20
    for each in processes:
        await each.stop()


async def test_a_refusal_says_how_long_to_wait_and_costs_nothing(limited_settings: Settings) -> None:
    address, limiter = new_address(), Limiter(limited_settings)
    assert await tried(limiter, Bucket.SIGN_IN, address, 5) == 5
    waits = []
    for _ in range(3):
        with pytest.raises(RateLimited) as refusal:
            await limiter.attempt(Bucket.SIGN_IN, address)
        waits.append(refusal.value.retry_after_seconds)
        assert refusal.value.limit == "sign-in"
    # Trying on does not push the end away.
    assert 890 <= waits[-1] <= waits[0] <= 900
    await limiter.stop()


async def test_the_window_moves_on(limited_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    short = Rule("rate_limit_sign_in", "sign in", is_closed_unless_counted=True, seconds=1)
    monkeypatch.setitem(RULES, Bucket.SIGN_IN, short)  # type: ignore[arg-type] # a dict, told as a mapping
    address, limiter = new_address(), Limiter(limited_settings)
    assert await tried(limiter, Bucket.SIGN_IN, address, 9) == 5

    async def let_in() -> bool:
        return await tried(limiter, Bucket.SIGN_IN, address) == 1

    await eventually(let_in)
    await limiter.stop()


async def test_what_is_one_place_in_the_network_is_counted_together(limited_settings: Settings) -> None:
    limiter, v4, net = Limiter(limited_settings), new_address(), f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}"
    assert await tried(limiter, Bucket.SIGN_IN, v4, 3) == 3
    assert await tried(limiter, Bucket.SIGN_IN, f"::ffff:{v4}", 3) == 2
    assert await tried(limiter, Bucket.SIGN_IN, new_address(), 3) == 3
    assert await tried(limiter, Bucket.SIGN_IN, f"{net}::1", 3) == 3
    assert await tried(limiter, Bucket.SIGN_IN, f"{net}:aaaa:bbbb:cccc:dddd", 3) == 2
    # Each thing is counted by itself.
    assert await tried(limiter, Bucket.JOIN, v4, 3) == 3
    await limiter.stop()


async def test_exempt_networks_and_limits_that_are_off_count_nothing(limited_settings: Settings) -> None:
    values = {"rate_limit_exempt": ("198.18.0.0/15", "2001:db8::/32"), "rate_limit_join": 0}
    limiter = Limiter(limited_settings.model_copy(update=values))
    for address in (new_address(), f"::ffff:{new_address()}", "2001:db8::7"):
        assert await tried(limiter, Bucket.SIGN_IN, address, 30) == 30
    elsewhere = f"203.0.113.{uuid4().bytes[0]}"
    assert await tried(limiter, Bucket.JOIN, elsewhere, 30) == 30
    # Neither is anything else let through for it, nor what is no address.
    assert await tried(limiter, Bucket.SIGN_IN, f"fe80::{uuid4().hex[:4]}%eth0", 30) == 5
    await limiter.stop()


async def test_valkey_is_not_told_anybodys_address(away: tuple[Settings, Valkey]) -> None:
    settings, _ = away
    address, limiter = new_address(), Limiter(settings)
    await limiter.attempt(Bucket.JOIN, address)
    assert settings.redis_url is not None
    async with Redis.from_url(settings.redis_url) as redis:
        keys = [key.decode() for key in await redis.keys("*")]
    assert len(keys) == 1
    assert keys[0].startswith(settings.bus_prefix)
    assert address not in keys[0]
    await limiter.stop()


async def test_without_valkey_guessing_is_closed_and_joining_is_counted_here(away: tuple[Settings, Valkey]) -> None:
    settings, valkey = away
    address, limiter = new_address(), Limiter(settings)
    valkey.stop()
    assert await tried(limiter, Bucket.JOIN, address, 30) == 20
    assert await tried(limiter, Bucket.JOIN, new_address(), 30) == 20
    for bucket in (Bucket.SIGN_IN, Bucket.CODES, Bucket.REGISTRATION):
        with pytest.raises(Unavailable, match=r"cannot be counted .* nobody gets through"):
            await limiter.attempt(bucket, address)
    valkey.start()

    async def open_again() -> bool:
        try:
            return await tried(limiter, Bucket.SIGN_IN, address) == 1
        except AssertionError:
            return False

    await eventually(open_again)
    await limiter.stop()


async def test_a_valkey_that_hangs_holds_nobody_up(away: tuple[Settings, Valkey]) -> None:
    settings, valkey = away
    limiter = Limiter(settings)
    assert await tried(limiter, Bucket.JOIN, new_address()) == 1
    assert valkey.daemon.pid is not None
    os.kill(valkey.daemon.pid, signal.SIGSTOP)
    try:
        assert await tried(limiter, Bucket.JOIN, new_address(), 200) == 20
        with pytest.raises(Unavailable):
            await limiter.attempt(Bucket.SIGN_IN, new_address())
    finally:
        os.kill(valkey.daemon.pid, signal.SIGCONT)
    await limiter.stop()
