"""Budgets of requests: what is granted is exact, what is left is told, and a wait that is told is long enough."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.core.embedded.valkey import Valkey
from app.core.errors import RateLimited
from app.core.limits import WINDOW_SECONDS, Limiter, Spending
from app.core.limits.budgets import balance
from app.settings import Settings
from tests.protection.conftest import new_address
from tests.support.waiting import PATIENCE, eventually


def budget(most: int, cost: int = 1, key: str | None = None) -> Spending:
    """Somebody's, who is new."""
    return Spending(key or f"test/{uuid4().hex}", most, cost, "requests")


async def granted(limiter: Limiter, spending: Spending, times: int) -> int:
    """How many of so many that come at once are granted."""
    asked = [limiter.spend([spending], new_address()) for _ in range(times)]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(result, list | RateLimited) for result in results), results
    return sum(isinstance(result, list) for result in results)


async def test_a_budget_is_spent_exactly_by_all_processes_together(limited_settings: Settings) -> None:
    processes = [Limiter(limited_settings, deadline_seconds=PATIENCE) for _ in range(3)]
    spending = budget(100)
    assert sum(await asyncio.gather(*(granted(each, spending, 80) for each in processes))) == 100
    for each in processes:
        await each.stop()


async def test_what_is_left_and_when_it_is_renewed_is_told(limited_settings: Settings) -> None:
    limiter = Limiter(limited_settings, deadline_seconds=PATIENCE)
    spending, other = budget(100, cost=7), budget(50)
    first, second = await limiter.spend([spending, other], new_address())
    assert (first.left, second.left) == (93, 49)
    assert 55 <= first.seconds <= 60
    # The dear one is refused before the budget is used up, the cheap one still has its place.
    for _ in range(13):
        await limiter.spend([spending], new_address())
    with pytest.raises(RateLimited) as refusal:
        await limiter.spend([spending], new_address())
    assert 1 <= refusal.value.retry_after_seconds <= 2 * WINDOW_SECONDS
    (rest,) = await limiter.spend([budget(100, 2, spending.key)], new_address())
    assert rest.left == 0
    await limiter.stop()


async def test_what_costs_more_than_a_whole_budget_costs_the_budget(limited_settings: Settings) -> None:
    limiter, spending = Limiter(limited_settings, deadline_seconds=PATIENCE), budget(10, cost=50)
    (all_of_it,) = await limiter.spend([spending], new_address())
    assert all_of_it.left == 0
    with pytest.raises(RateLimited):
        await limiter.spend([spending], new_address())
    assert await limiter.spend([budget(0)], new_address()) == []
    await limiter.stop()


async def test_without_valkey_each_process_counts_for_itself(away: tuple[Settings, Valkey]) -> None:
    settings, valkey = away
    limiter, spending = Limiter(settings), budget(10)
    assert await granted(limiter, spending, 4) == 4
    valkey.stop()
    assert await granted(limiter, spending, 30) == 10
    valkey.start()

    async def asked_again() -> bool:
        try:
            return len(await limiter.spend([spending], new_address())) == 1
        except RateLimited:
            return False

    # It has forgotten everything, its scripts included.
    await eventually(asked_again)
    await limiter.stop()


async def test_a_server_that_has_forgotten_its_scripts_is_told_them(away: tuple[Settings, Valkey]) -> None:
    settings, _ = away
    limiter, spending = Limiter(settings, deadline_seconds=PATIENCE), budget(10)
    assert await granted(limiter, spending, 3) == 3
    assert settings.redis_url is not None
    async with Redis.from_url(settings.redis_url) as redis:
        await redis.script_flush()
    assert await granted(limiter, spending, 9) == 7
    await limiter.stop()


windows = st.tuples(st.integers(0, 1000), st.integers(0, 60_000), st.integers(0, 1000), st.integers(60_000, 120_000))


@given(window=windows, cost=st.integers(1, 100))
def test_who_waits_as_long_as_told_is_granted(window: tuple[int, int, int, int], cost: int) -> None:
    """By the script's own rule, with nobody else spending meanwhile."""
    most = 1000
    previous, previous_ms, current, current_ms = window

    def is_granted(after_ms: int) -> bool:
        before, before_ms, now, now_ms = previous, previous_ms - after_ms, current, current_ms - after_ms
        if now_ms < 60_000:
            before, before_ms, now = now, now_ms, 0
        return before * max(0, before_ms) // 60_000 + now + cost <= most

    if is_granted(0):
        return
    told = balance(budget(most, cost), False, window)
    assert is_granted(told.seconds * 1000)
    assert told.seconds <= 120
