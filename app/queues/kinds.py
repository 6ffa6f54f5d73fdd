"""The closed sets that rules of a line are written in. Apart from the tables, so that rules need none to run."""

from enum import StrEnum


class QueueStatus(StrEnum):
    """What a queue lets happen: see `queues/rules.py` for the table."""

    PREQUEUE = "PREQUEUE"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"
    MAINTENANCE = "MAINTENANCE"
    ARCHIVED = "ARCHIVED"


class QueueMode(StrEnum):
    """Who calls. STAFFED: a member of staff at a counter. METERED: the system, at a rate and within a cap."""

    STAFFED = "STAFFED"
    METERED = "METERED"


class QueueDiscipline(StrEnum):
    """What decides the order of the line."""

    PRIORITY = "PRIORITY"
    TIME_CREDIT = "TIME_CREDIT"
    LOTTERY = "LOTTERY"
