"""Where a session may stand. Apart from the table, so that rules need none to run; `rules.py` has the moves."""

from enum import StrEnum


class SessionStatus(StrEnum):
    """Where a session stands; `sessions/rules.py` has the moves."""

    WAITING = "WAITING"
    CALLED = "CALLED"
    SERVING = "SERVING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"
    EXPIRED = "EXPIRED"
