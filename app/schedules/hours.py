"""Business hours: when a queue is open by its weekly hours, their exceptions and its time zone. Pure functions of time.

Knows no queue and no staff: what a queue does at a boundary, and who may overrule it, is `plan.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

# A yearly exception comes round within it. What lies further is seen when it has come nearer.
HORIZON = timedelta(days=370)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Weekday(StrEnum):
    """A day of the week, in the order of `date.weekday`."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


_NUMBER_OF = {day.value: number for number, day in enumerate(Weekday)}


class Period(NamedTuple):
    """Open from a time of the day to another; to the next day's if that is not later (equal: a day and a night)."""

    opens: time
    closes: time


class Interval(NamedTuple):
    """Open from an instant until just before another, both in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class HoursException:
    """Other hours on a date, or from a date to another (both included), perhaps every year. No periods: closed."""

    first_date: date
    last_date: date
    every_year: bool
    periods: tuple[Period, ...]
    name: str | None = None

    def covers(self, day: date) -> bool:
        """Whether it says what happens on a day."""
        if not self.every_year:
            return self.first_date <= day <= self.last_date
        first, last, this = _in_year(self.first_date), _in_year(self.last_date), _in_year(day)
        # From Christmas to New Year's Day the end has the smaller date.
        return first <= this <= last if first <= last else this >= first or this <= last


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a queue. Times of the day are those of the clock on its wall."""

    time_zone: str
    # From Monday to Sunday.
    weekly: tuple[tuple[Period, ...], ...]
    exceptions: tuple[HoursException, ...] = ()

    def periods_on(self, day: date) -> tuple[Period, ...]:
        """What opens on a day: its exception's periods, else its weekday's. An exception of one date beats a yearly."""
        covering = [exception for exception in self.exceptions if exception.covers(day)]
        if not covering:
            return self.weekly[day.weekday()]
        return min(covering, key=lambda exception: exception.every_year).periods

    def exception_on(self, day: date) -> HoursException | None:
        """The exception that counts on a day."""
        covering = [exception for exception in self.exceptions if exception.covers(day)]
        return min(covering, key=lambda exception: exception.every_year) if covering else None

    def intervals(self, after: datetime, until: datetime) -> Iterator[Interval]:
        """When it is open, in order, from the interval that is or ends after a time; each begins before `until`.

        What adjoins or overlaps is one interval, so that it is not closed for an instant at midnight. The last one may
        be cut off where the days that were looked at end.
        """
        zone = zone_of(self.time_zone)
        day, last_day = _local_date(after, zone) - 2 * _DAY, _local_date(until, zone) + _DAY
        open_since: datetime | None = None
        closes_at = after
        while day <= last_day:
            for period in sorted(self.periods_on(day)):
                starts_at, ends_at = _interval(period, day, zone)
                # Within an hour the clocks have skipped nothing is open.
                if ends_at <= max(starts_at, after):
                    continue
                if open_since is not None and starts_at > closes_at:
                    yield Interval(open_since, closes_at)
                    open_since = None
                if open_since is None:
                    if starts_at >= until:
                        return
                    open_since, closes_at = starts_at, ends_at
                closes_at = max(closes_at, ends_at)
            day += _DAY
        if open_since is not None:
            yield Interval(open_since, closes_at)

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at an instant."""
        return any(one.starts_at <= at < one.ends_at for one in self.intervals(at, at + _SECOND))

    def boundaries(self, start: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
        """When it opens (true) and closes (false) from `start` on, that instant included, until before `until`."""
        # An interval that ends at `start` has a boundary there: look from a moment before.
        for interval in self.intervals(start - _SECOND, until):
            if interval.starts_at >= start:
                yield interval.starts_at, True
            if start <= interval.ends_at < until:
                yield interval.ends_at, False


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment a clock on the wall shows a time of a day, in UTC.

    A time that the clocks skip is the moment they skip it; a time that they show twice is the first of the two.
    """
    local = datetime.combine(day, at, zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    # Skipped. Read with the offset before, it is after the skip; read with the one after, it is before.
    late, early = found, local.replace(fold=1).astimezone(UTC)
    old_offset = local.utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            break
        if middle.astimezone(zone).utcoffset() == old_offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def hours_of(
    weekly_hours: Iterable[Mapping[str, Any]] | None, exceptions: Iterable[Mapping[str, Any]], time_zone: str
) -> Hours | None:
    """Hours from their stored form; None if there are none, so that only staff opens and closes."""
    if weekly_hours is None:
        return None
    weekly: list[list[Period]] = [[] for _ in Weekday]
    for entry in weekly_hours:
        weekly[_NUMBER_OF[entry["day"]]].append(_period(entry))
    return Hours(time_zone, tuple(tuple(day) for day in weekly), tuple(_exception(entry) for entry in exceptions))


@lru_cache(512)
def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    return ZoneInfo(name)


def overlap(periods: Iterable[Period]) -> bool:
    """Whether two periods of the same day overlap."""
    ordered = sorted(periods)
    return any(one.closes <= one.opens or following.opens < one.closes for one, following in pairwise(ordered))


def collide(one: HoursException, other: HoursException) -> bool:
    """Whether two exceptions of the same kind (both yearly, or neither) speak of the same day."""
    if one.every_year != other.every_year:
        return False
    if not one.every_year:
        return one.first_date <= other.last_date and other.first_date <= one.last_date
    return any(
        first <= other_last and other_first <= last
        for first, last in _spans(one)
        for other_first, other_last in _spans(other)
    )


def _spans(one: HoursException) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """A yearly exception as days of one year: two spans if it goes over New Year."""
    first, last = _in_year(one.first_date), _in_year(one.last_date)
    return [(first, last)] if first <= last else [(first, (12, 31)), ((1, 1), last)]


def _in_year(day: date) -> tuple[int, int]:
    return day.month, day.day


def _local_date(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _interval(period: Period, day: date, zone: ZoneInfo) -> Interval:
    last_day = day if period.closes > period.opens else day + _DAY
    return Interval(instant(day, period.opens, zone), instant(last_day, period.closes, zone))


def _period(entry: Mapping[str, Any]) -> Period:
    return Period(time.fromisoformat(entry["opens"]), time.fromisoformat(entry["closes"]))


def _exception(entry: Mapping[str, Any]) -> HoursException:
    first = date.fromisoformat(entry["date"])
    return HoursException(
        first_date=first,
        last_date=first if entry["last_date"] is None else date.fromisoformat(entry["last_date"]),
        every_year=entry["every_year"],
        periods=tuple(_period(period) for period in entry["periods"]),
        name=entry["name"],
    )
