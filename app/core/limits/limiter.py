"""Counts attempts and requests in Valkey with `limits`, for all processes together. How often is not decided here.

Every call has a deadline. While Valkey is away, what may be guessed is closed, and everything else is counted within
this process: a limiter that takes the product down with it is worse than the flood.
"""

import asyncio
import hmac
import logging
from base64 import urlsafe_b64encode
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from time import time
from typing import Any, TypeVar

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core.addresses import network_of
from app.core.crypto import derive_key
from app.core.errors import RateLimited, Unavailable
from app.core.limits.buckets import RULES, Bucket, Rule
from app.core.limits.budgets import WINDOW_SECONDS, Balance, Budgets, Spending
from app.core.limits.exempt import Networks
from app.core.limits.fallback import Fallback
from app.core.live.connection import connect_redis
from app.settings import Settings

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 0.25
_AWAY_SECONDS = 1.0
"""How long it is not asked again after it has failed: else everybody would wait for the deadline."""
_TIMEOUTS = 3
"""So many late answers, one after the other, and it counts as away. A connection that fails does at once."""
_SAY_SECONDS = 60.0
_CONNECTIONS = 8

TENANT_REQUESTS = "requestsPerMinute"
"""Named as among the tenant's limits."""
CLIENT_REQUESTS = "requests"

Answer = TypeVar("Answer")


class Limiter:
    """One process's limiter. Opens nothing before it is asked."""

    def __init__(self, settings: Settings, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._settings = settings
        self._exempt = Networks(settings.rate_limit_exempt)
        self._key = derive_key(settings.secret, "rate limits")
        assert settings.redis_url is not None
        self._redis = connect_redis(
            settings.redis_url, deadline_seconds=deadline_seconds, max_connections=_CONNECTIONS, retries=0
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{settings.bus_prefix}limits",
            connection_pool=self._redis.connection_pool,  # type: ignore[arg-type] # annotated for what is in a URL
        )
        self._moving = MovingWindowRateLimiter(storage)
        self._budgets = Budgets(self._redis, f"{settings.bus_prefix}limits")
        self._fallback = Fallback()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deadline = deadline_seconds
        self._timeouts = 0
        self._away_until = 0.0
        self._said_at = -_SAY_SECONDS

    async def attempt(self, bucket: Bucket, address: str | None) -> None:
        """Count one attempt from an address. `RateLimited` if there were too many; such a one does not count.

        `Unavailable` where nobody may get through uncounted, and Valkey is away.
        """
        rule = RULES[bucket]
        most = rule.most(self._settings)
        if most == 0 or address in self._exempt:
            return
        who = self.place_of(address)
        item = RateLimitItemPerSecond(most, rule.seconds, namespace=bucket.value)
        if self._is_asked():
            try:
                wait = await self._in_time(self._counted(item, who))
            except (RedisError, OSError, TimeoutError) as problem:
                self._failed(problem)
            else:
                self._timeouts = 0
                if wait is None:
                    return
                raise _too_many(bucket, rule, wait)
        if rule.is_closed_unless_counted:
            raise Unavailable(
                _AWAY_SECONDS,
                f"Attempts to {rule.what} cannot be counted for the moment, so nobody gets through. Try again shortly.",
            )
        wait = self._fallback.hit(f"{bucket.value}/{who}", most, rule.seconds)
        if wait is not None:
            raise _too_many(bucket, rule, wait)

    async def spend(self, spendings: Sequence[Spending], address: str | None) -> list[Balance]:
        """Spend of several budgets. `RateLimited` if one of them has too little left; then that one is not charged.

        Nothing for those who are exempt, and where nobody can tell what is left.
        """
        wanted = [each for each in spendings if each.most]
        if not wanted or address in self._exempt:
            return []
        # Dearer than a whole budget: it would never be granted.
        wanted = [each if each.cost <= each.most else replace(each, cost=each.most) for each in wanted]
        if self._is_asked():
            try:
                balances = await self._balances(wanted)
            except (RedisError, OSError, TimeoutError) as problem:
                self._failed(problem)
            else:
                self._timeouts = 0
                for spending, balance in zip(wanted, balances, strict=True):
                    if not balance.is_spent:
                        raise _too_many_requests(spending, balance.seconds)
                return balances
        for each in wanted:
            if (wait := self._fallback.hit(each.key, each.most, WINDOW_SECONDS, each.cost)) is not None:
                raise _too_many_requests(each, wait)
        return []

    async def look(self, budget: Spending) -> Balance | None:
        """How a budget stands; None where nobody can tell."""
        if not self._is_asked():
            return None
        try:
            (balance,) = await self._balances([replace(budget, cost=0)])
        except (RedisError, OSError, TimeoutError) as problem:
            self._failed(problem)
            return None
        return balance

    async def _balances(self, wanted: Sequence[Spending]) -> list[Balance]:
        answers = self._budgets.spend(wanted)
        await asyncio.wait(answers, timeout=self._deadline)
        if not all(each.done() for each in answers):
            raise TimeoutError
        return [each.result() for each in answers]

    def is_exempt(self, address: str | None) -> bool:
        """Whether nothing is counted for this address."""
        return address in self._exempt

    def place_of(self, address: str | None) -> str:
        """Whoever is counted together, as a keyed hash: Valkey need not know people's addresses.

        Those who have no address (a proxy on a unix socket that does not say) are one.
        """
        network = (None if address is None else network_of(address)) or "nowhere"
        return urlsafe_b64encode(hmac.digest(self._key, network.encode(), "sha256")[:16]).rstrip(b"=").decode()

    async def stop(self) -> None:
        """Close the connections, once nothing is on its way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._budgets.stop()
        await self._redis.aclose()

    async def _counted(self, item: RateLimitItem, who: str) -> float | None:
        """Count one; or, where it would be one too many, the seconds until it would not."""
        if await self._moving.hit(item, who):
            return None
        return (await self._moving.get_window_stats(item, who)).reset_time - time()

    async def _in_time(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, or `TimeoutError` at the deadline.

        The work is not cancelled then, nor when the caller gives up: a connection in the middle of an answer is not
        to be used again. It has deadlines of its own, and ends by them.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait({task}, timeout=self._deadline)
        if not task.done():
            raise TimeoutError
        return task.result()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left who would look at it

    def _is_asked(self) -> bool:
        return asyncio.get_running_loop().time() >= self._away_until

    def _failed(self, problem: Exception) -> None:
        if isinstance(problem, TimeoutError | RedisTimeoutError):
            # One answer too late may be our own: a loop that was held up.
            self._timeouts += 1
            if self._timeouts < _TIMEOUTS:
                return
        now = asyncio.get_running_loop().time()
        if now >= self._away_until:
            if now - self._said_at > _SAY_SECONDS:
                self._said_at = now
                cause = type(problem).__name__
                logger.warning("Attempts cannot be counted: is VQ_REDIS_URL away?", extra={"cause": cause})
            self._away_until = now + _AWAY_SECONDS


def _too_many(bucket: Bucket, rule: Rule, wait_seconds: float) -> RateLimited:
    seconds = max(1, round(wait_seconds))
    return RateLimited(
        f"Too many attempts to {rule.what} from this network address: try again in {seconds} s.",
        seconds,
        limit=bucket.value,
    )


def _too_many_requests(spending: Spending, wait_seconds: float) -> RateLimited:
    seconds = max(1, round(wait_seconds))
    whose = "This tenant has" if spending.limit == TENANT_REQUESTS else "You have"
    return RateLimited(
        f"{whose} used up the {spending.most:,} requests of a minute: try again in {seconds} s. "
        "Operations of more than 100 points count as several.",
        seconds,
        limit=spending.limit,
    )
