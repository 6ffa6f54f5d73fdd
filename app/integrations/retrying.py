"""When a job asks another system again: as it wishes, or later and later. Pure but for the dice."""

import random
from datetime import timedelta

from app.core.jobs.kinds import RetryLater
from app.integrations.adapters.interface import AdapterFailed

_LONGEST = 600.0


def later(failure: AdapterFailed, attempt: int) -> RetryLater:
    """5 s, 10 s … 10 min, and not before the system wants to be asked; spread, so that all do not come at once."""
    seconds = min(_LONGEST, 5.0 * 2 ** min(attempt - 1, 10))
    wanted = 0.0 if failure.after is None else failure.after.total_seconds()
    return RetryLater(timedelta(seconds=max(seconds, wanted) * random.uniform(1.0, 1.25)), failure.reason)
