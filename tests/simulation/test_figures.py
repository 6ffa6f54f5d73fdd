"""Figures by hand: what is counted, percentiles that somebody waited, and hours of the local day."""

from datetime import UTC, datetime, timedelta

import pytest

from app.simulation.figures import LocalHours, Range, figures, of_run, range_of, rank
from app.simulation.values import Fate, Played

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def test_each_share_is_of_those_it_can_be_of() -> None:
    waits = [(float(seconds), Fate.SERVED) for seconds in (10, 20, 30, 60, 61)]
    waits += [(5.0, Fate.ABANDONED), (0.0, Fate.REFUSED), (float("inf"), Fate.UNSERVED), (9.0, Fate.REMOVED)]
    waits += [(100.0, Fate.NO_SHOW)]
    found = figures(waits, 60, busy_seconds=50, duty_seconds=200, duty_hours=0.02)
    assert (found.visits, found.called, found.unserved) == (10, 6, 2)
    assert found.mean_wait_seconds == pytest.approx(281 / 6)
    assert (found.p50_wait_seconds, found.p90_wait_seconds, found.p95_wait_seconds) == (30, 100, 100)
    # Of the six called, one who left and two who were not served at all.
    assert (found.abandonment_rate, found.service_level) == (pytest.approx(1 / 9), pytest.approx(4 / 9))
    assert (found.no_show_rate, found.occupancy) == (pytest.approx(1 / 6), 0.25)
    assert found.counters == pytest.approx(200 / 3600 / 0.02)
    nobody = figures([], 60)
    assert (nobody.visits, nobody.p90_wait_seconds, nobody.abandonment_rate, nobody.service_level) == (
        0,
        None,
        None,
        None,
    )


def test_ranks_and_ranges() -> None:
    assert [rank([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], share) for share in (0.0, 0.5, 0.9, 0.91, 1.0)] == [1, 5, 9, 10, 10]
    assert rank([], 0.5) is None
    assert range_of([3.0, None, 1.0, 2.0, 4.0]) == Range(2.5, 1.0, 4.0)
    assert range_of(float(number) for number in range(1, 101)) == Range(50.5, 5.0, 95.0)
    assert range_of([None]) is None


def test_hours_are_those_of_the_local_day_and_of_half_hour_zones() -> None:
    spans = [(START, START + timedelta(hours=1)), (START + timedelta(minutes=50), START + timedelta(minutes=70))]
    berlin = LocalHours("Europe/Berlin").seconds(spans)
    assert (berlin[9], berlin[10], sum(berlin)) == (4_200, 600, 4_800)
    # 08:00 UTC is 13:30 there.
    kolkata = LocalHours("Asia/Kolkata").seconds(spans)
    assert (kolkata[13], kolkata[14]) == (1_800, 3_000)


def test_counters_are_averaged_over_the_time_in_which_any_works() -> None:
    hour = timedelta(hours=1)
    duty = [(START, START + hour), (START, START + 2 * hour), (START + 10 * hour, START + 11 * hour)]
    found = of_run(Played([0.0], [Fate.SERVED], [(START, START + hour)], duty), 60)
    assert (found.counters, found.occupancy) == (pytest.approx(4 / 3), pytest.approx(1 / 4))
