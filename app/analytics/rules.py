"""How figures are made of what was counted, and periods of instants. Pure: reads nothing, and knows no clock.

What is counted, and in which hour, is `contribution.py`'s.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.analytics.figures import Filters, Granularity, HeatCell, PeakHour, Period
from app.analytics.hours import hours_of
from app.core.errors import BadInput

LONGEST_BY_HOUR = timedelta(days=31)
LONGEST_BY_DAY = timedelta(days=732)
LONGEST = timedelta(days=1830)
_LONGEST = {Granularity.HOUR: LONGEST_BY_HOUR, Granularity.DAY: LONGEST_BY_DAY}

EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Nobody has waited before, and the rules of the clocks are not known for ever."""

MOST_SECONDS = 86_400
"""The longest threshold of the service level."""


def ensure_period(period: Period, granularity: Granularity | None = None) -> None:
    """`BadInput` unless there are figures of such a period, and in so many spans."""
    if not EARLIEST <= period.starts < period.ends <= LATEST:
        raise BadInput(f"`from` is before `to`, and both are between {EARLIEST.year} and {LATEST.year}.")
    longest = LONGEST if granularity is None else _LONGEST.get(granularity, LONGEST)
    # A change of the clocks makes no period too long.
    if period.ends - period.starts > longest + timedelta(hours=2):
        by = "" if granularity is None or longest == LONGEST else f" by {granularity.value}"
        raise BadInput(f"A period{by} is at most {longest.days} days long.")


def ensure_threshold(seconds: int) -> None:
    """`BadInput` unless it can be a threshold."""
    if not 1 <= seconds <= MOST_SECONDS:
        raise BadInput(f"`serviceLevelSeconds` is from 1 to {MOST_SECONDS:,}.")


def ensure_filters(filters: Filters) -> None:
    """`BadInput` if there are several: of each there are sums, of what several have in common there are none."""
    given = (filters.category_id, filters.priority, filters.counter_id, filters.user_id)
    if sum(each is not None for each in given) > 1:
        raise BadInput("`filter` takes one of `categoryId`, `priority`, `counterId` and `userId`.")
    if filters.priority is not None and not 0 <= filters.priority <= 9:
        raise BadInput("`filter.priority` is from 0 to 9.")


def hour_of(at: datetime, zone: ZoneInfo) -> datetime:
    """When the local hour of an instant began, as an instant."""
    return hours_of(zone.key).of(at).begins_at


def next_hour(at: datetime, zone: ZoneInfo) -> datetime:
    """When the local hour after that of an instant begins: half an hour later or sooner where the clocks are put so."""
    begin = following = hour_of(at, zone)
    while following == begin:
        at += timedelta(minutes=30)
        following = hour_of(at, zone)
    return following


def whole_hours(period: Period, zone: ZoneInfo) -> Period:
    """The local hours that the period touches."""
    ends = hour_of(period.ends, zone)
    return Period(hour_of(period.starts, zone), ends if ends == period.ends else next_hour(ends, zone))


def end_of_minute(at: datetime) -> datetime:
    """The minute an instant is in, at its end: what is worked out up to there stays the same for that long."""
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day: not 00:00 where the clocks are put on at midnight."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_of(at: datetime, zone: ZoneInfo) -> Period:
    """The local day of an instant."""
    day = at.astimezone(zone).date()
    return Period(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def before(period: Period, zone: ZoneInfo) -> Period:
    """The period before it: of as many local days, if it is of whole ones, else of as many hours."""
    first, end = period.starts.astimezone(zone).date(), period.ends.astimezone(zone).date()
    if Period(midnight(first, zone), midnight(end, zone)) == period:
        return Period(midnight(first - (end - first), zone), period.starts)
    return period.before()


def same_hours_before(period: Period, zone: ZoneInfo) -> Period:
    """The same hours of the local day before, for a part of a day that has begun at its midnight."""
    starts = midnight(period.starts.astimezone(zone).date() - timedelta(days=1), zone)
    return Period(starts, min(starts + (period.ends - period.starts), period.starts))


def spans(period: Period, granularity: Granularity, zone: ZoneInfo) -> list[Period]:
    """The period in spans that end where the local clock says; the first and the last may be shorter."""
    found, starts = [], period.starts
    while starts < period.ends:
        ends = min(_end_of_span(starts, granularity, zone), period.ends)
        found.append(Period(starts, ends))
        starts = ends
    return found


def _end_of_span(at: datetime, granularity: Granularity, zone: ZoneInfo) -> datetime:
    if granularity is Granularity.HOUR:
        return next_hour(at, zone)
    day = at.astimezone(zone).date()
    match granularity:
        case Granularity.DAY:
            day += timedelta(days=1)
        case Granularity.WEEK:
            day += timedelta(days=7 - day.weekday())
        case Granularity.MONTH:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return midnight(day, zone)


def hours_of_week(period: Period, zone: ZoneInfo) -> Counter[tuple[int, int]]:
    """How often the period has each hour of each day of the week, Monday 0; a change of the clocks is counted right."""
    found: Counter[tuple[int, int]] = Counter()
    for day in spans(period, Granularity.DAY, zone):
        weekday = day.starts.astimezone(zone).weekday()
        if day.ends - day.starts == timedelta(days=1):
            found.update((weekday, hour) for hour in range(24))
            continue
        at = day.starts
        while at < day.ends:
            found[weekday, at.astimezone(zone).hour] += 1
            at = next_hour(at, zone)
    return found


def peak_hours(cells: Iterable[HeatCell], most: int = 3) -> list[PeakHour]:
    """The hours of the day in which most visits begin, busiest first; hours without any are none."""
    by_hour: dict[int, list[HeatCell]] = {}
    for cell in cells:
        by_hour.setdefault(cell.hour, []).append(cell)
    peaks = [_peak_hour(hour, found) for hour, found in by_hour.items()]
    peaks.sort(key=lambda peak: (-peak.arrived_count, peak.hour))
    return [peak for peak in peaks[:most] if peak.arrived_count]


def _peak_hour(hour: int, cells: Sequence[HeatCell]) -> PeakHour:
    called = sum(cell.called_count for cell in cells)
    waited = sum(cell.called_count * (cell.mean_wait_seconds or 0.0) for cell in cells)
    return PeakHour(hour, sum(cell.arrived_count for cell in cells), waited / called if called else None)
