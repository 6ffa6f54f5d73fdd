"""Which core runs what: the server that is measured has one for itself, everything else of the run shares the others.

Without two cores, or where the system has no affinity (macOS), nothing is pinned and the report says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
IS_PINNED = len(_available) >= 2
SERVERS: frozenset[int] = frozenset(_available[-1:])
OTHERS: frozenset[int] = frozenset(_available[:-1])


def pin_everything_else() -> None:
    """Keep this process, and what it starts from now on, off the servers' core."""
    if IS_PINNED:
        os.sched_setaffinity(0, OTHERS)


@contextmanager
def for_a_server() -> Iterator[None]:
    """What is started within runs on the servers' core: a child inherits it from the first instruction on."""
    if not IS_PINNED:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, SERVERS)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def described() -> str:
    """For the report."""
    if not IS_PINNED:
        return "nothing is pinned: there is no second core, or the system does not allow it"
    others = ", ".join(map(str, sorted(OTHERS)))
    (server,) = SERVERS
    return f"each measured server on core {server}; clients, PostgreSQL, Valkey, relay and this program on {others}"
