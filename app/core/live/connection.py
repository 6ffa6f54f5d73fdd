"""How this product connects to Redis or Valkey: bounded pool, few retries, short deadlines. It is not the bus."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


def connect_redis(url: str, *, deadline_seconds: float = 1.0, max_connections: int = 32, retries: int = 1) -> Redis:
    """A client that fails soon instead of hanging; nothing is connected before the first command.

    `deadline_seconds` bounds each step (a free connection, connecting, an answer); a call may take several, so whoever
    has a deadline of its own also puts `asyncio.timeout` around the call. One retry is there to replace a pooled
    connection whose server was restarted; commands that must not run twice take `retries=0`.
    """
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        url,
        # The plain pool raises as soon as all connections are busy; this one makes callers wait for their turn.
        timeout=deadline_seconds,
        max_connections=max_connections,
        socket_timeout=deadline_seconds,
        socket_connect_timeout=deadline_seconds,
        # from_url() means no retries, the constructor ten: say what is meant.
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), retries),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    return Redis.from_pool(pool)
