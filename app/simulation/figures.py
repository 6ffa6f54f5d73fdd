"""What runs come to: waits, who left, how busy counters were, and how far the runs lie apart. Pure.

The formulas are those of `analytics`: whoever was called or left before is counted. Percentiles are by nearest rank.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app.simulation.records import Record
from app.simulation.values import CALLED_FATES, Fate, Played, Visit

_QUARTER = timedelta(minutes=15)
"""No zone's hours begin elsewhere."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run, or what was recorded. None where nothing could be counted."""

    visits: float
    called: float
    mean_wait_seconds: float | None
    p50_wait_seconds: float | None
    p90_wait_seconds: float | None
    p95_wait_seconds: float | None
    abandonment_rate: float | None
    no_show_rate: float | None
    service_level: float | None
    unserved: float
    """In line to the last, or refused because the line was full."""
    occupancy: float | None = None
    """Of the time counters worked, the part in which somebody was there."""
    counters: float | None = None
    """Counters at work, on average over the hours in which any was."""


@dataclass(frozen=True, slots=True)
class HourFigures:
    """An hour of the local day, over all days of the period; visits and counters are per day."""

    hour: int
    visits: float
    p90_wait_seconds: float | None
    abandonment_rate: float | None
    occupancy: float | None
    counters: float | None


@dataclass(frozen=True, slots=True)
class Range:
    """The median of the runs, and between which nine of ten of them lie."""

    median: float
    low: float
    high: float


def rank(values: Sequence[float], share: float) -> float | None:
    """The value of which `share` are not above, of sorted ones; None of none."""
    if not values:
        return None
    place = -(-share * len(values) // 1)
    return values[min(max(int(place) - 1, 0), len(values) - 1)]


def range_of(values: Iterable[float | None]) -> Range | None:
    """Of the runs that have it; None where none has."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    middle = len(known) // 2
    median = known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2
    return Range(median, rank(known, 0.05) or 0.0, rank(known, 0.95) or 0.0)


def figures(
    waits: Iterable[tuple[float, Fate]],
    threshold_seconds: float,
    busy_seconds: float | None = None,
    duty_seconds: float | None = None,
    duty_hours: float | None = None,
) -> RunFigures:
    """Of waits and fates. Only whoever was called, left, or was in line to the last says something of waiting."""
    counted = dict.fromkeys(Fate, 0)
    called: list[float] = []
    for waited, fate in waits:
        counted[fate] += 1
        if fate in CALLED_FATES:
            called.append(waited)
    called.sort()
    lost = counted[Fate.UNSERVED] + counted[Fate.REFUSED]
    answered = len(called) + counted[Fate.ABANDONED] + lost
    in_time = sum(1 for waited in called if waited <= threshold_seconds)
    return RunFigures(
        visits=sum(counted.values()),
        called=len(called),
        mean_wait_seconds=sum(called) / len(called) if called else None,
        p50_wait_seconds=rank(called, 0.5),
        p90_wait_seconds=rank(called, 0.9),
        p95_wait_seconds=rank(called, 0.95),
        abandonment_rate=counted[Fate.ABANDONED] / answered if answered else None,
        no_show_rate=counted[Fate.NO_SHOW] / len(called) if called else None,
        service_level=in_time / answered if answered else None,
        unserved=lost,
        occupancy=min(1.0, busy_seconds / duty_seconds) if busy_seconds is not None and duty_seconds else None,
        counters=duty_seconds / 3600 / duty_hours if duty_seconds and duty_hours else None,
    )


def of_run(played: Played, threshold_seconds: float) -> RunFigures:
    """One run."""
    busy = sum((ends_at - starts_at).total_seconds() for starts_at, ends_at in played.busy)
    duty = sum((ends_at - starts_at).total_seconds() for starts_at, ends_at in played.on_duty)
    waits = zip(played.waits, played.fates, strict=True)
    if not played.on_duty:
        return figures(waits, threshold_seconds)
    return figures(waits, threshold_seconds, busy, duty, _covered(played.on_duty) / 3600)


def of_records(records: Iterable[Record], threshold_seconds: float) -> RunFigures:
    """What was recorded; visits that had not ended are left out."""
    known = [(record.waited_seconds or 0.0, record.fate) for record in records if record.fate is not None]
    return figures(known, threshold_seconds)


def ranges(runs: Sequence[RunFigures]) -> dict[str, Range | None]:
    """Each figure over the runs, by its name."""
    return {field.name: range_of(getattr(run, field.name) for run in runs) for field in fields(RunFigures)}


class LocalHours:
    """Which hour of the local day an instant is in. Remembers every quarter of an hour it was asked of."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._hours: dict[int, int] = {}

    def of(self, at: datetime) -> int:
        """0 to 23."""
        quarter = int(at.timestamp()) // 900
        hour = self._hours.get(quarter)
        if hour is None:
            hour = self._hours[quarter] = at.astimezone(self._zone).hour
        return hour

    def seconds(self, spans: Iterable[tuple[datetime, datetime]]) -> list[float]:
        """How much of the spans lies in each hour of the day."""
        found = [0.0] * 24
        for starts_at, ends_at in spans:
            at = starts_at
            while at < ends_at:
                until = min(ends_at, _next_quarter(at))
                found[self.of(at)] += (until - at).total_seconds()
                at = until
        return found


def by_hour(
    hours: LocalHours, days: int, played: Sequence[tuple[Sequence[Visit], Played]], threshold_seconds: float
) -> list[HourFigures]:
    """The hours of the day in which anybody came or worked, over all runs together."""
    waits: dict[int, list[tuple[float, Fate]]] = {}
    busy, duty = [0.0] * 24, [0.0] * 24
    for visits, run in played:
        for visit, waited, fate in zip(visits, run.waits, run.fates, strict=True):
            waits.setdefault(hours.of(visit.joins_at), []).append((waited, fate))
        busy = [one + more for one, more in zip(busy, hours.seconds(run.busy), strict=True)]
        duty = [one + more for one, more in zip(duty, hours.seconds(run.on_duty), strict=True)]
    per_day = max(len(played) * days, 1)
    found = []
    for hour in range(24):
        if hour not in waits and not duty[hour]:
            continue
        run_figures = figures(waits.get(hour, ()), threshold_seconds, busy[hour], duty[hour])
        found.append(
            HourFigures(
                hour,
                run_figures.visits / per_day,
                run_figures.p90_wait_seconds,
                run_figures.abandonment_rate,
                run_figures.occupancy,
                duty[hour] / 3600 / per_day if duty[hour] else None,
            )
        )
    return found


def _next_quarter(at: datetime) -> datetime:
    seconds = at.minute % 15 * 60 + at.second
    return at + _QUARTER - timedelta(seconds=seconds, microseconds=at.microsecond)


def _covered(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """Seconds in which at least one span runs."""
    total, until = 0.0, None
    for starts_at, ends_at in sorted(spans):
        begins = starts_at if until is None or starts_at > until else until
        total += max((ends_at - begins).total_seconds(), 0.0)
        until = ends_at if until is None else max(until, ends_at)
    return total
