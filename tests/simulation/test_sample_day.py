"""The simulation against a real day: with the staff that was there it has to bring back the waits that were."""

import random
from dataclasses import replace
from datetime import time, timedelta

import pytest

from app.simulation.demand import Observed
from app.simulation.engine import play
from app.simulation.figures import Range, of_run, rank
from app.simulation.staffing import worked
from app.simulation.study import Block, Demand, Study, answer
from app.simulation.values import Fate, World
from bench.simulation.days import replayed
from tests.simulation.sample_day import DAY, MIDNIGHT, RULES, sample_day

# Of this day; docs/simulation.md states it for all.
STATED_ERROR = 0.15


def study(**given: object) -> Study:
    asked = Study(Demand.RECORDED, DAY, RULES, RULES, runs=2, seed=1, threshold_seconds=60, records=sample_day())
    return replace(asked, **given)  # type: ignore[arg-type]


def test_the_recorded_staff_brings_back_the_recorded_waits() -> None:
    found = answer(study(runs=15))
    assert found.recorded is not None
    assert found.before is not None
    assert found.after is None
    # 2,208 calls of the source, less 13 nobody of flesh and blood took.
    assert (found.recorded.visits, found.recorded.called, found.counters) == (2195, 1560, 19)
    for name in ("mean_wait_seconds", "p90_wait_seconds", "abandonment_rate"):
        simulated, recorded = found.before.figures[name], getattr(found.recorded, name)
        assert simulated is not None
        assert simulated.median == pytest.approx(recorded, rel=STATED_ERROR), name
    assert found.before.figures["unserved"] == Range(0, 0, 0)
    assert sum(hour.visits for hour in found.before.hours) == pytest.approx(2195)


def test_breaks_kept_short_by_long_services_would_not() -> None:
    """What the stated error rests on: without the full length of breaks the line is served too well."""
    records = sample_day()
    counters, gap = worked(records)
    eager = [[replace(span, away_seconds=0.0) for span in spans] for spans in counters]
    played = play(Observed(records).recorded(random.Random("1:0")), World(RULES.with_gap(gap), eager))
    found = of_run(played, 60)
    assert found.mean_wait_seconds is not None
    simulated = answer(study(runs=3)).before
    assert simulated is not None
    assert simulated.figures["mean_wait_seconds"] is not None
    assert found.mean_wait_seconds < simulated.figures["mean_wait_seconds"].low


def test_one_more_counter_serves_sooner_and_one_less_later_and_a_seed_is_a_seed() -> None:
    records = sample_day()[:600]
    more = answer(study(records=records, blocks=[Block(time(10), time(12), difference=1)]))
    fewer = answer(study(records=records, blocks=[Block(time(10), time(12), difference=-1)]))
    waits = {}
    for name, found in (("more", more), ("fewer", fewer)):
        assert found.before is not None
        assert found.after is not None
        before = {hour.hour: hour.p90_wait_seconds for hour in found.before.hours}
        after = {hour.hour: hour.p90_wait_seconds for hour in found.after.hours}
        waits[name] = (after[10] or 0.0) - (before[10] or 0.0)
        # Nothing is otherwise before the change.
        assert after[8] == before[8]
    assert waits["more"] < 0 < waits["fewer"]
    assert answer(study(records=records, blocks=[Block(time(10), time(12), difference=1)])) == more
    assert answer(study(records=records, seed=2)).before != more.before


def test_a_part_of_the_day_with_exactly_so_many() -> None:
    noon = replace(DAY, starts_at=MIDNIGHT + timedelta(hours=12), ends_at=MIDNIGHT + timedelta(hours=13))
    records = [one for one in sample_day() if noon.starts_at <= one.entered_at < noon.ends_at]
    found = answer(study(records=records, period=noon, blocks=[Block(time(0), None, counters=30)]))
    assert found.after is not None
    assert found.after.figures["mean_wait_seconds"] is not None
    assert found.after.figures["mean_wait_seconds"].median < 1
    assert {hour.hour for hour in found.after.hours} == {12, 13} or {hour.hour for hour in found.after.hours} == {12}


def test_days_like_it_are_as_busy_and_busier_ones_lose_more() -> None:
    found = answer(study(demand=Demand.RESAMPLED, factor=1.2))
    assert found.before is not None
    assert found.after is not None
    for world, count in ((found.before, 2195), (found.after, 2634)):
        assert world.figures["visits"] is not None
        assert world.figures["visits"].median == pytest.approx(count, rel=0.05)
    left, before = found.after.figures["abandonment_rate"], found.before.figures["abandonment_rate"]
    assert left is not None
    assert before is not None
    assert left.low > before.high


def test_two_hours_go_as_they_went_through_a_server() -> None:
    """`vq replay --from 10:00 --to 12:00 --speed 120` reported this of its run; answers took 1.2 s of the day."""
    visits, there = replayed(36_000, 43_200, gap_seconds=1.2)
    played = play(visits, there)
    waits = sorted(played.waits)
    assert len(visits) == 391
    assert sum(fate is Fate.ABANDONED for fate in played.fates) == pytest.approx(92, abs=5)
    assert sum(waits) / 391 == pytest.approx(72, rel=0.1)
    assert (rank(waits, 0.5), rank(waits, 0.9), waits[-1]) == (
        pytest.approx(52, rel=0.1),
        pytest.approx(181, rel=0.1),
        pytest.approx(312, rel=0.1),
    )
