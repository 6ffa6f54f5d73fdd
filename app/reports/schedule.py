"""When a scheduled report is due: at a time of the clock on the tenant's wall, every day, week or month. Pure.

A time that the clocks skip is the instant they skip to; of one that comes twice, it is the first.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


class Frequency(StrEnum):
    """How often."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`weekday` (Monday is 0) of a WEEKLY one, `month_day` of a MONTHLY one: 31 is the last day of any month."""

    frequency: Frequency
    at: time
    weekday: int | None = None
    month_day: int | None = None

    def is_on(self, day: date) -> bool:
        """Whether it is due on a day."""
        match self.frequency:
            case Frequency.DAILY:
                return True
            case Frequency.WEEKLY:
                return day.weekday() == self.weekday
            case Frequency.MONTHLY:
                last = calendar.monthrange(day.year, day.month)[1]
                return day.day == min(self.month_day or 1, last)

    def slots(self, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """When it is due after an instant, in order, without end."""
        day = after.astimezone(zone).date() - _DAY
        while True:
            if self.is_on(day):
                slot = instant(day, self.at, zone)
                if slot > after:
                    yield slot
            day += _DAY

    def next(self, after: datetime, zone: ZoneInfo) -> datetime:
        """When it is due next after an instant."""
        return next(self.slots(after, zone))


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A time of the day as an instant, in UTC."""
    local = datetime.combine(day, at, zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    # Skipped: read with the offset of before it lies beyond, with that of after it lies before the change between them.
    return _change(local.replace(fold=1).astimezone(UTC), found, zone)


def _change(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The instant between two at which the clocks are put on."""
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
