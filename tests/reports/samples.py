"""A week of figures that nobody has counted: enough of everything to fill a report."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.analytics import rules
from app.analytics.figures import (
    Durations,
    Figures,
    Granularity,
    HeatCell,
    Period,
    Point,
    PositionShare,
    Satisfaction,
    Series,
    StaffFigures,
)
from app.reports.content import Content, Days, QueueRow, ReportSection, StaffRow

ZONE = "Europe/Berlin"
NAMES = (
    "Information",
    "مكتب الاستقبال 2",
    "日本語の列",
    "한국어 대기열",
    "中文队列",
    "कतार",
    "Очередь",
    "תור ראשון",
    "x" * 80,
)


def durations(count: int, seconds: float) -> Durations:
    """So many that took about so long."""
    if not count:
        return Durations(0, 0.0, None, None, None, None)
    return Durations(count, count * seconds, seconds, seconds * 0.8, seconds * 2, seconds * 2.5)


def figures(count: int, wait_seconds: float = 600.0) -> Figures:
    """So many visits."""
    whole: dict[str, Any] = {each.name: 0 for each in fields(Figures)}
    return Figures(
        **whole
        | {
            "joined_count": count,
            "called_count": count,
            "served_count": int(count * 0.85),
            "abandoned_count": int(count * 0.1),
            "no_show_count": int(count * 0.05),
            "wait": durations(count, wait_seconds),
            "service": durations(count, 200.0),
            "abandoned_wait": durations(count // 10, 300.0),
            "abandonment_rate": 0.1 if count else None,
            "no_show_rate": 0.05 if count else None,
            "service_level": 0.678 if count else None,
            "throughput_per_hour": count / 10,
            "occupancy": 0.7 if count else None,
            "mean_waiting_count": 3.0,
            "most_waiting_count": 12,
            "satisfaction": Satisfaction(count // 3, 4.2, 82.0, count // 4, 31.0),
        }
    )


def series(period: Period, granularity: Granularity) -> Series:
    """Busy from 8 to 18 o'clock."""
    random, zone = Random(1), ZoneInfo(ZONE)
    points = []
    for span in rules.spans(period, granularity, zone):
        is_open = granularity is not Granularity.HOUR or 8 <= span.starts.astimezone(zone).hour < 18
        points.append(Point(span, figures(random.randint(3, 60) if is_open else 0, random.uniform(200, 1500))))
    known: dict[str, Any] = {
        "period": period,
        "time_zone": ZONE,
        "granularity": granularity,
        "service_level_seconds": 600,
        "total": figures(2_000),
        "points": tuple(points),
    }
    # What else a series knows is nothing a report shows.
    return Series(**{each.name: known.get(each.name, 0) for each in fields(Series)})


def week() -> Content:
    """A report with every section, about queues with names of all scripts."""
    zone, random = ZoneInfo(ZONE), Random(2)
    period = Period(rules.midnight(date(2026, 11, 9), zone), rules.midnight(date(2026, 11, 16), zone))
    return Content(
        title="Weekly <b>report</b> & more",
        tenant_name="City Library",
        sections=tuple(ReportSection),
        queue_names=NAMES[:3],
        days=Days(date(2026, 11, 9), date(2026, 11, 15)),
        days_before=Days(date(2026, 11, 2), date(2026, 11, 8)),
        time_zone=ZONE,
        made_at=datetime(2026, 11, 16, 6, 0, tzinfo=UTC),
        series=series(period, Granularity.DAY),
        waits=series(period, Granularity.HOUR),
        before=figures(1_800),
        heat_map=tuple(
            HeatCell(day, hour, random.randint(1, 40) if 8 <= hour < 18 else 0, 3, 100.0, 1)
            for day in range(7)
            for hour in range(24)
        ),
        positions=(
            PositionShare(1, 1, 100, 2, 0.02),
            PositionShare(2, 5, 200, 10, 0.05),
            PositionShare(6, None, 150, 32, 0.213),
        ),
        queues=tuple(QueueRow(name, figures(100)) for name in NAMES),
        staff=tuple(
            StaffRow(name, StaffFigures(UUID(int=number), figures(50), 3600.0, 0.7, 12.5))
            for number, name in enumerate(("Zoë Müller", "Łukasz"))
        ),
    )


def nothing() -> Content:
    """The same, of a week in which nothing happened."""
    full = week()
    empty = replace(full.series, total=figures(0), points=())
    return replace(full, series=empty, waits=empty, before=figures(0), heat_map=(), positions=(), queues=(), staff=())
