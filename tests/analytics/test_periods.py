"""Periods, spans and the rows that cover them, on every kind of clock; and what numbers become figures. Pure."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import floor
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics import rules, service
from app.analytics.contribution import POSITION_BUCKETS, position_bucket
from app.analytics.covering import cover
from app.analytics.figures import Filters, Granularity, HeatCell, Period
from app.analytics.hours import hours_of
from app.analytics.models import Grain
from app.analytics.sketch import bucket_of
from app.analytics.sums import COLUMNS, COUNTS, HISTOGRAMS, Sums, Tail, add_tails, change, figures_of, quantiles, up_to
from app.core.errors import BadInput

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
# Half an hour of daylight saving; clocks put on at midnight; quarters.
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"]
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@st.composite
def periods(draw: st.DrawFn, longest_hours: int = 24 * 45) -> tuple[Period, ZoneInfo]:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    starts = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 4 * 366 * 1440)))
    ends = starts + timedelta(seconds=draw(st.integers(1, longest_hours * 3600)))
    return rules.whole_hours(Period(starts, ends), zone), zone


def hours_in(starts: datetime, ends: datetime, zone: ZoneInfo) -> list[datetime]:
    """When each local hour of a stretch begins, by asking for every quarter of an hour."""
    hours, begins = hours_of(zone.key), []
    while starts < ends:
        begin = hours.of(starts).begins_at
        if not begins or begins[-1] != begin:
            begins.append(begin)
        starts += timedelta(minutes=15)
    return begins


@settings(max_examples=25, deadline=None)
@given(periods(), st.sampled_from([None, *Granularity]))
def test_a_period_is_covered_once_by_rows_that_fit_in_its_spans(
    period_and_zone: tuple[Period, ZoneInfo], by: Granularity | None
) -> None:
    period, zone = period_and_zone
    hours = hours_of(zone.key)
    stretches = cover(period, zone, by)
    covered: Counter[datetime] = Counter()
    spans = [period] if by is None else rules.spans(period, by, zone)
    # A row stands for every hour whose hour, day or month it is, wherever they lie around the period.
    around = hours_in(period.starts - 32 * 24 * HOUR, period.ends + 32 * 24 * HOUR, zone)
    for begin in around:
        for stretch in stretches:
            row = hours.longer(stretch.grain, hours.of(begin)).begins_at
            if stretch.starts <= row < stretch.ends:
                covered[begin] += 1
                span = next(each for each in spans if each.starts <= begin < each.ends)
                assert span.starts <= row < span.ends
    assert covered == Counter(hours_in(period.starts, period.ends, zone))
    assert spans[0].starts == period.starts
    assert [span.ends for span in spans] == [*(span.starts for span in spans[1:]), period.ends]


@settings(max_examples=30, deadline=None)
@given(periods(longest_hours=24 * 20))
def test_the_hours_of_the_week_are_counted_one_by_one(period_and_zone: tuple[Period, ZoneInfo]) -> None:
    period, zone = period_and_zone
    local = [begin.astimezone(zone) for begin in hours_in(period.starts, period.ends, zone)]
    # An hour that begins within a leap of the clocks is the one the clock on the wall shows from then on.
    if zone.key != "Australia/Lord_Howe":
        assert rules.hours_of_week(period, zone) == Counter((time.weekday(), time.hour) for time in local)


def test_days_are_as_long_as_the_clocks_make_them() -> None:
    short, long = rules.day_of(at("2026-03-29T12:00+02:00"), BERLIN), rules.day_of(at("2026-10-25T12:00+01:00"), BERLIN)
    assert [(day.hours, len(rules.spans(day, Granularity.HOUR, BERLIN))) for day in (short, long)] == [
        (23, 23),
        (25, 25),
    ]
    week = Period(at("2026-03-23T00:00+01:00"), at("2026-03-30T00:00+02:00"))
    assert rules.before(week, BERLIN) == Period(at("2026-03-16T00:00+01:00"), week.starts)
    part = Period(at("2026-03-29T00:00+01:00"), at("2026-03-29T05:00+02:00"))
    assert rules.before(part, BERLIN) == Period(part.starts - 4 * HOUR, part.starts)
    assert rules.same_hours_before(part, BERLIN) == Period(at("2026-03-28T00:00+01:00"), at("2026-03-28T04:00+01:00"))
    odd = rules.whole_hours(Period(at("2026-11-21T10:40+05:30"), at("2026-11-21T11:00:01+05:30")), KOLKATA)
    assert odd == Period(at("2026-11-21T10:00+05:30"), at("2026-11-21T12:00+05:30"))
    assert odd.starts.minute == 30
    (month,) = cover(Period(at("2026-03-01T00:00+01:00"), at("2026-04-01T00:00+02:00")), BERLIN)
    assert month.grain is Grain.MONTH
    assert rules.end_of_minute(at("2026-11-21T10:59:30Z")) == at("2026-11-21T11:00Z")


@pytest.mark.parametrize(
    ("starts", "ends", "by", "is_good"),
    [
        ("2026-01-01T00:00Z", "2026-02-01T00:00Z", Granularity.HOUR, True),
        ("2026-01-01T00:00Z", "2026-02-01T03:00Z", Granularity.HOUR, False),
        ("2026-01-01T00:00Z", "2028-01-03T00:00Z", Granularity.DAY, True),
        ("2026-01-01T00:00Z", "2028-01-04T00:00Z", Granularity.DAY, False),
        ("2020-01-01T00:00Z", "2025-01-01T00:00Z", Granularity.MONTH, True),
        ("2020-01-01T00:00Z", "2026-01-01T00:00Z", Granularity.MONTH, False),
        ("2026-01-01T00:00Z", "2026-01-01T00:00Z", None, False),
        ("1969-01-01T00:00Z", "1970-01-01T00:00Z", None, False),
        ("2199-12-31T00:00Z", "2200-01-02T00:00Z", None, False),
    ],
)
def test_periods_have_an_order_and_an_end(starts: str, ends: str, by: Granularity | None, is_good: bool) -> None:
    period = Period(at(starts), at(ends))
    if is_good:
        rules.ensure_period(period, by)
    else:
        with pytest.raises(BadInput):
            rules.ensure_period(period, by)


def test_one_filter_at_a_time_and_a_threshold_of_a_day_at_most() -> None:
    rules.ensure_filters(Filters(priority=9))
    for wrong in (Filters(priority=10), Filters(priority=1, counter_id=uuid4())):
        with pytest.raises(BadInput):
            rules.ensure_filters(wrong)
    rules.ensure_threshold(86_400)
    for seconds in (0, 86_401):
        with pytest.raises(BadInput):
            rules.ensure_threshold(seconds)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=300), st.integers(1, 86_400))
def test_percentiles_are_right_to_one_percent_and_shares_to_a_class(waits: list[int], threshold: int) -> None:
    buckets = Counter(bucket_of(wait) for wait in waits)
    ordered = sorted(waits)
    for share, found in zip((0.5, 0.9, 0.95), quantiles(buckets, (0.5, 0.9, 0.95)), strict=True):
        assert found == pytest.approx(ordered[floor(share * (len(waits) - 1))] / 1000, rel=0.0101)
    counted = up_to(buckets, threshold)
    assert sum(w <= threshold * 1000 for w in waits) <= counted <= sum(w <= threshold * 1021 for w in waits)


def row(**counts: object) -> dict[str, object]:
    return dict.fromkeys(COUNTS, 0) | dict.fromkeys(HISTOGRAMS) | {"waiting_max": 0} | counts


def test_each_figure_is_its_formula() -> None:
    sums = Sums()
    waits = [30_000, 60_000, 600_000]
    flat = [number for wait in waits for number in (bucket_of(wait), 1)]
    sums.add_row(row(entered=6, transferred_in=1, called=3, wait_ms=sum(waits), wait_buckets=flat, abandoned=1))
    sums.add_row(row(served=2, no_show=1, service_count=2, service_ms=240_000, rating_buckets=[1, 1, 4, 1, 5, 2]))
    sums.add_row(row(nps_buckets=[0, 1, 8, 1, 9, 2], waiting_ms=1_800_000, counter_ms=3_600_000, waiting_max=4))
    sums.add_row(
        row(called_ms=600_000, serving_ms=1_200_000, abandoned_ms=90_000, abandoned_buckets=[bucket_of(90_000), 1])
    )
    hour = Period(at("2026-11-21T10:00Z"), at("2026-11-21T11:00Z"))
    found = figures_of(sums, hour, at("2026-11-21T10:30Z"), 120, knows_line=True)
    assert (found.joined_count, found.transferred_in_count, found.arrived_count) == (5, 1, 6)
    assert (found.wait.count, found.wait.mean_seconds, found.service.mean_seconds) == (3, 230.0, 120.0)
    assert found.abandoned_wait.p50_seconds == pytest.approx(90, rel=0.01)
    assert (found.abandonment_rate, found.no_show_rate, found.service_level) == (1 / 4, 1 / 3, 2 / 4)
    # Half of the hour has passed.
    assert (found.throughput_per_hour, found.mean_waiting_count, found.most_waiting_count) == (4.0, 1.0, 4)
    assert found.occupancy == 0.5
    said = found.satisfaction
    assert (said.rating_count, said.mean_rating, said.csat, said.nps_count, said.nps) == (4, 3.75, 75.0, 4, 25.0)
    # Since half past nine nothing has happened to three people and one counter.
    add_tails(sums, [Tail(at("2026-11-21T09:30Z"), 3, 0, 1, 1)], hour, at("2026-11-21T10:30Z"))
    found = figures_of(sums, hour, at("2026-11-21T10:30Z"), 120, knows_line=True)
    assert (found.mean_waiting_count, found.occupancy) == (4.0, 3_600_000 / 5_400_000)
    add_tails(sums, [Tail(at("2026-11-21T10:45Z"), 9, 9, 9, 9)], hour, at("2026-11-21T10:30Z"))
    assert figures_of(sums, hour, at("2026-11-21T10:30Z"), 120, knows_line=True) == found
    hidden = figures_of(sums, hour, at("2026-11-21T10:30Z"), 120, knows_line=False)
    assert (hidden.occupancy, hidden.mean_waiting_count, hidden.most_waiting_count) == (None, None, None)


def test_of_nothing_there_is_no_share() -> None:
    found = figures_of(
        Sums(), Period(at("2026-11-21T10:00Z"), at("2026-11-21T11:00Z")), at("2026-11-21T09:00Z"), 60, knows_line=True
    )
    assert (found.abandonment_rate, found.no_show_rate, found.service_level, found.occupancy) == (None,) * 4
    assert (found.wait.mean_seconds, found.wait.p90_seconds, found.throughput_per_hour) == (None, None, 0.0)
    assert found.mean_waiting_count is None
    assert [change(*each) for each in ((0, 5), (None, 5), (5, None), (4.0, 5.0))] == [None, None, None, 0.25]


def test_peaks_are_the_busiest_hours_of_the_day_over_all_days() -> None:
    cells = [
        HeatCell(0, 9, 5, 2, 10.0, 1),
        HeatCell(1, 9, 4, 2, 20.0, 1),
        HeatCell(1, 10, 8, 0, None, 1),
        HeatCell(2, 3, 0, 0, None, 1),
    ]
    found = [(peak.hour, peak.arrived_count, peak.mean_wait_seconds) for peak in rules.peak_hours(cells)]
    assert found == [(9, 9, 15.0), (10, 8, None)]
    assert [position_bucket(position) for position in (1, 10, 11, 15, 16, 5_000)] == [0, 9, 10, 10, 11, 18]
    assert POSITION_BUCKETS[10] == (11, 15)


async def test_while_many_rows_are_added_up_everybody_else_has_turns() -> None:
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    row = {**dict.fromkeys(COLUMNS, 0), **dict.fromkeys(HISTOGRAMS), "served": 1}
    found = Sums()
    other = asyncio.create_task(beside())
    await service._add_up([row] * 500, lambda _: found)
    other.cancel()
    assert found.counts["served"] == 500
    assert turns == 10
