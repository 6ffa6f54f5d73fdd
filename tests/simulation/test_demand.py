"""Who comes: patience of who was called too soon to show it, and visits drawn anew that are like the recorded ones."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from app.simulation.demand import Invented, Observed, Share, invented
from app.simulation.patience import Patience
from app.simulation.records import Record, packed, unpacked, waiting
from app.simulation.values import Fate

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def record(
    joins: float, waited: float, occupied: float | None, *, fate: Fate = Fate.SERVED, priority: int = 0
) -> Record:
    entered_at = START + timedelta(seconds=joins)
    until = entered_at + timedelta(seconds=waited)
    if occupied is None:
        return Record(entered_at, None, until, fate, None, priority)
    return Record(entered_at, until, until + timedelta(seconds=occupied), fate, "one", priority)


def test_patience_is_that_of_kaplan_and_meier() -> None:
    patience = Patience.seen([(10, True), (20, False), (30, True), (30, False), (40, False), (50, True)])
    assert patience.seconds == (10, 30, 50)
    assert patience.staying == pytest.approx((5 / 6, 5 / 6 * 3 / 4, 0))
    assert patience.share(9) == 1
    assert patience.share(29) == pytest.approx(5 / 6)
    # Where the longest wait was served, people go on leaving as they did: 1 in 60 s here.
    tailed = Patience.seen([(10, True), (50, False)])
    assert tailed.share(70) == pytest.approx(0.5 * math.exp(-60 / 60))


def test_draws_are_distributed_so_and_beyond_what_is_known() -> None:
    chance = random.Random(7)
    patience = Patience.seen([(10, True), (20, False), (30, True), (30, False), (40, False), (50, True)])
    drawn = [patience.draw(chance) for _ in range(6_000)]
    assert {round(value, 6) for value in drawn} == {10, 30, 50}
    assert sum(value == 10 for value in drawn) / 6_000 == pytest.approx(1 / 6, abs=0.02)
    beyond = [patience.draw(chance, 25) for _ in range(6_000)]
    assert min(beyond) == 30
    assert sum(value == 30 for value in beyond) / 6_000 == pytest.approx(1 / 4, abs=0.02)
    assert Patience().draw(chance) == math.inf
    mean = sum(Patience.exponential(60).draw(chance, 100) - 100 for _ in range(6_000)) / 6_000
    assert mean == pytest.approx(60, rel=0.05)


def test_the_very_visits_come_again_and_only_the_unknown_is_drawn() -> None:
    records = [
        record(0, 0, 100),
        record(5, 30, None, fate=Fate.ABANDONED),
        record(10, 90, 0, fate=Fate.NO_SHOW, priority=1),
        record(20, 40, None, fate=Fate.REMOVED),
        Record(START + timedelta(seconds=30), None, None, None),
    ]
    visits = Observed(records).recorded(random.Random(1))
    assert [visit.joins_at for visit in visits] == [one.entered_at for one in records]
    assert visits[0].occupied_seconds == 100
    assert visits[0].patience_seconds > 0
    assert (visits[1].patience_seconds, visits[1].leaves_as) == (30, Fate.ABANDONED)
    assert (visits[2].comes, visits[2].occupied_seconds, visits[2].priority) == (False, 0, 1)
    assert visits[2].patience_seconds > 90
    assert (visits[3].patience_seconds, visits[3].leaves_as) == (40, Fate.REMOVED)
    assert {visit.occupied_seconds for visit in visits} <= {0, 100}
    assert unpacked([packed(records[:2]), packed(records[2:])]) == records


def test_visits_drawn_anew_are_as_many_and_of_the_same_kinds_quarter_by_quarter() -> None:
    records = [record(second, 0, 60, priority=second % 2) for second in range(0, 900, 3)]
    records += [record(3_600 + second, 0, 60) for second in range(0, 900, 9)]
    observed = Observed(records)
    runs = [observed.resampled(random.Random(seed)) for seed in range(40)]
    early = sum(visit.joins_at < START + timedelta(minutes=15) for run in runs for visit in run) / 40
    late = sum(visit.joins_at >= START + timedelta(hours=1) for run in runs for visit in run) / 40
    assert early == pytest.approx(300, rel=0.05)
    assert late == pytest.approx(100, rel=0.05)
    assert early + late == sum(map(len, runs)) / 40
    assert {len(run) for run in runs} != {400}
    assert all(run == sorted(run, key=lambda visit: visit.joins_at) for run in runs)
    assert len(observed.resampled(random.Random(1), 3.0)) == pytest.approx(1_200, rel=0.15)


def test_an_invented_demand_has_the_means_it_was_given() -> None:
    demand = Invented(START, [0, 600, 0], 120.0, 0.5, 300.0, (Share(0, 3), Share(2, 1)))
    visits = [visit for seed in range(10) for visit in invented(demand, random.Random(seed))]
    count = len(visits)
    assert count / 10 == pytest.approx(600, rel=0.05)
    assert all(START + timedelta(hours=1) <= visit.joins_at < START + timedelta(hours=2) for visit in visits)
    mean = sum(visit.occupied_seconds for visit in visits) / count
    deviation = math.sqrt(sum((visit.occupied_seconds - mean) ** 2 for visit in visits) / count)
    assert mean == pytest.approx(120, rel=0.03)
    assert deviation / mean == pytest.approx(0.5, rel=0.05)
    assert sum(visit.patience_seconds for visit in visits) / count == pytest.approx(300, rel=0.05)
    assert sum(visit.priority == 2 for visit in visits) / count == pytest.approx(0.25, abs=0.02)


def test_only_whoever_left_by_themselves_says_when_patience_ends() -> None:
    records = [record(0, 5, 10), record(0, 6, None, fate=Fate.ABANDONED), record(0, 7, None, fate=Fate.REMOVED)]
    assert waiting(records) == [(5, False), (6, True), (7, False)]
