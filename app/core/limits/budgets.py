"""Budgets of requests per minute, spent in Valkey: a sliding window for each, counted by the scripts of `limits`.

Not its strategies: those ask once to spend and once more for what is left, each by itself. Here whoever comes while an
answer is on its way goes together, in one exchange, and is told both.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any

from limits.aio.storage.redis.bridge import RedisBridge
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

WINDOW_SECONDS = 60
_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Spending:
    """What somebody wants to spend of a budget, in requests."""

    key: str
    most: int
    cost: int
    limit: str
    """What the budget is called where somebody is told that it is used up."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How a budget stands after it was asked."""

    is_spent: bool
    """Whether it was granted. What is not granted costs nothing."""
    left: int
    seconds: int
    """Until the current window ends; where it was not granted, until it would be."""


class Budgets:
    """One process's way to the budgets."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._spend = redis.register_script(RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW).sha
        self._look = redis.register_script(RedisBridge.SCRIPT_SLIDING_WINDOW).sha
        self._waiting: list[tuple[Spending, asyncio.Future[Balance]]] = []
        self._talking: asyncio.Task[None] | None = None

    def spend(self, spendings: Sequence[Spending]) -> list[asyncio.Future[Balance]]:
        """Ask several budgets at once. What redis-py raises is in the answers."""
        loop = asyncio.get_running_loop()
        asked = [(spending, loop.create_future()) for spending in spendings]
        self._waiting += asked
        if self._talking is None or self._talking.done():
            self._talking = asyncio.create_task(self._talk(), name="budgets")
        return [future for _, future in asked]

    async def stop(self) -> None:
        """Wait for what is on its way."""
        if self._talking is not None:
            await self._talking

    async def _talk(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            try:
                answers = await self._exchange([spending for spending, _ in batch])
            except (RedisError, OSError) as problem:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(problem)
                        future.exception()  # whoever asked may have given up
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)

    async def _exchange(self, batch: Sequence[Spending]) -> list[Balance]:
        answers = await self._ask(batch)
        if any(isinstance(each, NoScriptError) for each in answers):
            # A new server, or one that was told to forget.
            for script in (RedisBridge.SCRIPT_ACQUIRE_SLIDING_WINDOW, RedisBridge.SCRIPT_SLIDING_WINDOW):
                await self._redis.script_load(script)
            # Another process may have told it meanwhile: what was spent already is not spent again.
            unspent = [isinstance(each, NoScriptError) for each in answers[::2]]
            again = await self._ask(
                [each if asked else replace(each, cost=0) for each, asked in zip(batch, unspent, strict=True)]
            )
            for place, asked in enumerate(unspent):
                again[2 * place] = again[2 * place] if asked else answers[2 * place]
            answers = again
        for each in answers:
            if isinstance(each, Exception):
                raise each
        return [
            balance(spending, bool(granted), window)
            for spending, granted, window in zip(batch, answers[::2], answers[1::2], strict=True)
        ]

    async def _ask(self, batch: Sequence[Spending]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for spending in batch:
            # Named as `limits` names them: in a cluster both lie on the same node.
            current = f"{self._prefix}:{{{spending.key}}}"
            keys = f"{current}/-1", current
            # A pipeline gives itself: there is nothing to wait for.
            _ = pipe.evalsha(self._spend, 2, *keys, spending.most, WINDOW_SECONDS, spending.cost)
            _ = pipe.evalsha(self._look, 2, *keys, WINDOW_SECONDS)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        return answers


def balance(spending: Spending, granted: bool, window: Sequence[Any]) -> Balance:
    """What the scripts' answer means: counts of the previous and the current window, and their times to live in ms."""
    previous, previous_ms, current, current_ms = (max(0, int(each or 0)) for each in window)
    window_ms = WINDOW_SECONDS * 1000
    # The current one is kept for two windows, and is the previous one in the second of them.
    ends_ms = max(0, current_ms - window_ms)
    weight = floor(previous * previous_ms / window_ms) + current
    left = max(0, spending.most - weight)
    if granted:
        return Balance(True, left, ceil(ends_ms / 1000))
    room = spending.most - spending.cost
    if current <= room:
        # It is the previous window that is in the way, and it fades.
        wait_ms = previous_ms - (room - current) * window_ms / previous if previous else 0.0
    else:
        wait_ms = ends_ms + window_ms * (1 - max(0, room) / current)
    return Balance(False, left, max(1, ceil(wait_ms / 1000)))
