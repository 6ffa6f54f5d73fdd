"""The one clock: all times in the product are taken from a `Clock`, in UTC.

Not a scheduler. Tests hand in a `ManualClock` and move it instead of sleeping.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present time."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def by_database(self, told: datetime) -> datetime:
        """The present, where all machines have to agree: the database has told its time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC)

    def by_database(self, told: datetime) -> datetime:
        """What the database has told."""
        return told


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it was last moved to."""
        return self._now

    def by_database(self, told: datetime) -> datetime:
        """The time it was last moved to: nobody's clock goes on by itself where this one is used."""
        return self._now

    def advance(self, **delta: float) -> datetime:
        """Move forward by a `timedelta` given by keywords, e.g. `advance(seconds=90)`."""
        self._now += timedelta(**delta)
        return self._now
