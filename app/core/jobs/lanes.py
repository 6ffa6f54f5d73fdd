"""Lanes: which jobs wait for which. What has a lane of its own is not held up by what is slow or plentiful."""

from enum import StrEnum


class Lane(StrEnum):
    """A job's lane: a Dramatiq queue of its own, and threads of its own in every worker.

    URGENT: somebody stands and waits for it (it is your turn, a code). BULK: thousands at once, and nobody waits for
    one of them (broadcasts, exports). NORMAL: the rest.
    """

    URGENT = "URGENT"
    NORMAL = "NORMAL"
    BULK = "BULK"
