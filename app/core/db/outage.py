"""Telling a database that cannot answer for the moment from a question it refuses."""

from socket import gaierror

import asyncpg
from sqlalchemy import exc

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
