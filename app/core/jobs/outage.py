"""Says once that something is away and once that it is back, however often it was tried in between."""

import asyncio
import logging
import random

import asyncpg
from redis.exceptions import RedisError
from sqlalchemy import exc

# What a block may raise while PostgreSQL is away, starting or stopping …
_DATABASE_AWAY = (
    exc.DBAPIError,
    exc.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
# … and what it never raises for that reason.
_DATABASE_REFUSED = (exc.IntegrityError, exc.ProgrammingError, exc.DataError)

REDIS_ERRORS = (RedisError, OSError, TimeoutError)

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


def is_database_away(problem: Exception) -> bool:
    """Whether a block failed because PostgreSQL was not there, not because of what was asked of it."""
    return isinstance(problem, _DATABASE_AWAY) and not isinstance(problem, _DATABASE_REFUSED)


def heed_cancellation() -> None:
    """Raise the cancellation a Redis command may have swallowed; to be called after one, in whatever goes on for long.

    redis-py writes inside `asyncio.wait_for`, which before Python 3.12 drops a cancellation that comes just when the
    write is done. A loop that trusted it would run for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Outage:
    """The state of one thing that may be away."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._failures = 0

    def failed(self, problem: Exception) -> None:
        """It was tried and did not work."""
        self._failures += 1
        if self._failures == 1:
            # Not the error's text: a database error's holds the statement's values.
            self._logger.warning(
                "%s is not available; trying again.", self._what, extra={"cause": type(problem).__name__}
            )

    def worked(self) -> None:
        """It was tried and worked."""
        if self._failures:
            self._logger.info("%s is available again.", self._what, extra={"failed_tries": self._failures})
            self._failures = 0

    def pause_seconds(self) -> float:
        """How long to wait before the next try: longer with each failure, and not the same for all who wait."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10))
        return longest * random.uniform(0.5, 1.0)
