"""Which roll-up rows cover a period: months where it has whole ones, days at their edges, hours at those. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.analytics.figures import Granularity, Period
from app.analytics.models import Grain
from app.analytics.rules import midnight


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of one grain that begin at or after an instant and before another."""

    grain: Grain
    starts: datetime
    ends: datetime


def cover(period: Period, zone: ZoneInfo, finest: Granularity | None = None) -> list[Stretch]:
    """The rows that make up a period of whole local hours; with `finest`, none longer than such a span."""
    if finest is Granularity.HOUR:
        return _stretch(Grain.HOUR, period.starts, period.ends)
    first = period.starts.astimezone(zone).date()
    if midnight(first, zone) != period.starts:
        first += timedelta(days=1)
    last = period.ends.astimezone(zone).date()
    days_from, days_to = midnight(first, zone), midnight(last, zone)
    if days_from >= days_to:
        return _stretch(Grain.HOUR, period.starts, period.ends)
    edges = _stretch(Grain.HOUR, period.starts, days_from), _stretch(Grain.HOUR, days_to, period.ends)
    month = first if first.day == 1 else (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    months_from, months_to = midnight(month, zone), midnight(last.replace(day=1), zone)
    if months_from >= months_to or finest in (Granularity.DAY, Granularity.WEEK):
        return [*edges[0], Stretch(Grain.DAY, days_from, days_to), *edges[1]]
    return [
        *edges[0],
        *_stretch(Grain.DAY, days_from, months_from),
        Stretch(Grain.MONTH, months_from, months_to),
        *_stretch(Grain.DAY, months_to, days_to),
        *edges[1],
    ]


def _stretch(grain: Grain, starts: datetime, ends: datetime) -> list[Stretch]:
    return [Stretch(grain, starts, ends)] if starts < ends else []
