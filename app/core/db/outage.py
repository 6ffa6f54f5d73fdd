"""Telling a database that cannot answer for the moment from a question it refuses."""

from collections.abc import Awaitable, Callable
from socket import gaierror
from typing import Final, TypeVar

import asyncpg
from sqlalchemy import exc

Answer = TypeVar("Answer")

_TRIES: Final = 5

# Connecting may find nobody listening, nobody answering, or nobody of that name.
_GONE = (
    ConnectionError,
    TimeoutError,
    gaierror,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
)
# Ended by the server while others were in the way, or while it shuts down: the same again will do.
_WAITED_TOO_LONG = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


def is_worth_another_try(problem: BaseException) -> bool:
    """Whether a block failed because PostgreSQL was away or too busy, so that nothing of it has happened."""
    if isinstance(problem, exc.TimeoutError):
        return True
    if isinstance(problem, exc.DBAPIError):
        cause = getattr(problem.orig, "__cause__", None)
        return problem.connection_invalidated or isinstance(cause, _GONE + _WAITED_TOO_LONG)
    return isinstance(problem, _GONE)


def is_deadlock(problem: BaseException) -> bool:
    """Whether PostgreSQL ended a block because it and another one waited for each other: nothing of it has happened."""
    return isinstance(problem, exc.DBAPIError) and isinstance(
        getattr(problem.orig, "__cause__", None), asyncpg.DeadlockDetectedError
    )


async def again_after_deadlocks(block: Callable[[], Awaitable[Answer]]) -> Answer:
    """What a whole block answers, which is begun anew where others were in its way; five times at most.

    For what meets so many rows that no order of locks can be kept with everybody who is at work on one of them.
    """
    for _ in range(_TRIES - 1):
        try:
            return await block()
        except exc.DBAPIError as problem:
            if not is_deadlock(problem):
                raise
    return await block()
