"""Hours, days and months as the clock on a queue's wall shows them, by the instants at which they begin. Pure.

An hour that daylight saving repeats is two hours, one that it leaves out is none; half-hour zones have hours that begin
at half past (UTC).
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.analytics.models import Grain

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# Offsets and their changes are whole quarters of an hour.
_QUARTER_MS: Final = 900_000


class Span(NamedTuple):
    """An hour, day or month: when it begins, and what the wall's clock shows then, written as if it were UTC."""

    begins_at: datetime
    local_at: datetime


def milliseconds(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded down: differences of these add up without a rest."""
    return (at - EPOCH) // _MILLISECOND


class Hours:
    """The hours of one time zone."""

    __slots__ = ("_by_quarter", "_longer", "time_zone", "zone")

    def __init__(self, time_zone: str) -> None:
        self.time_zone = time_zone
        self.zone = ZoneInfo(time_zone)
        self._by_quarter: dict[int, Span] = {}
        self._longer: dict[tuple[Grain, datetime], Span] = {}

    def of(self, at: datetime) -> Span:
        """The hour an instant is in."""
        quarter = milliseconds(at) // _QUARTER_MS
        found = self._by_quarter.get(quarter)
        if found is None:
            local = at.astimezone(self.zone).replace(minute=0, second=0, microsecond=0)
            if len(self._by_quarter) > 50_000:
                self._by_quarter.clear()
            found = self._by_quarter[quarter] = Span(local.astimezone(UTC), local.replace(tzinfo=UTC, fold=0))
        return found

    def longer(self, grain: Grain, hour: Span) -> Span:
        """The day or month an hour is in; the hour itself, if that is what is asked for."""
        if grain is Grain.HOUR:
            return hour
        local = hour.local_at.replace(hour=0) if grain is Grain.DAY else hour.local_at.replace(day=1, hour=0)
        found = self._longer.get((grain, local))
        if found is None:
            begins_at = local.replace(tzinfo=self.zone).astimezone(UTC)
            found = self._longer[grain, local] = Span(begins_at, local)
        return found

    def parts(self, starts: datetime, ends: datetime) -> list[tuple[Span, int]]:
        """The hours a stretch of time lies in, with the whole milliseconds of each; they add up to the stretch's."""
        parts: list[tuple[Span, int]] = []
        at, last = milliseconds(starts), milliseconds(ends)
        while True:
            until = min((at // _QUARTER_MS + 1) * _QUARTER_MS, last)
            hour = self._of_quarter(at // _QUARTER_MS)
            if parts and parts[-1][0] == hour:
                parts[-1] = (hour, parts[-1][1] + until - at)
            else:
                parts.append((hour, until - at))
            at = until
            if at >= last:
                return parts

    def _of_quarter(self, quarter: int) -> Span:
        found = self._by_quarter.get(quarter)
        return self.of(EPOCH + quarter * _QUARTER_MS * _MILLISECOND) if found is None else found


@lru_cache(maxsize=1_000)
def hours_of(time_zone: str) -> Hours:
    """The hours of a zone by its name; what it has worked out is kept."""
    return Hours(time_zone)
