"""One line, played: by hand, by queueing theory, and by what no line may ever do."""

import math
import random
from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.queues.models import QueueDiscipline, QueueMode
from app.simulation.demand import Invented, invented
from app.simulation.engine import play
from app.simulation.values import Fate, Rules, Span, Visit, World

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def span(starts: float, ends: float, *, ends_shift: bool = True, away_seconds: float = 0.0) -> Span:
    return Span(at(starts), at(ends), ends_shift, away_seconds)


def staffed(*counters: list[Span], **rules: object) -> World:
    return World(Rules(**rules), counters)  # type: ignore[arg-type]


def called_at(visits: list[Visit], waits: list[float]) -> list[float]:
    return [(visit.joins_at - START).total_seconds() + wait for visit, wait in zip(visits, waits, strict=True)]


def test_one_counter_serves_in_order_and_needs_its_gap() -> None:
    visits = [Visit(at(0), 100), Visit(at(10), 50), Visit(at(300), 20)]
    played = play(visits, staffed([span(0, 1000)], gap_seconds=5.0))
    assert called_at(visits, played.waits) == [0, 105, 300]
    assert played.fates == [Fate.SERVED] * 3
    assert played.on_duty == [(at(0), at(1000))]


def test_the_discipline_decides_who_is_next() -> None:
    visits = [Visit(at(0), 100), Visit(at(10), 100, priority=0), Visit(at(50), 100, priority=2)]
    classes = play(visits, staffed([span(0, 1000)]))
    assert called_at(visits, classes.waits) == [0, 200, 100]
    too_late = play(visits, staffed([span(0, 1000)], discipline=QueueDiscipline.TIME_CREDIT, credits={2: 30.0}))
    assert called_at(visits, too_late.waits) == [0, 100, 200]
    worth_it = play(visits, staffed([span(0, 1000)], discipline=QueueDiscipline.TIME_CREDIT, credits={2: 41.0}))
    assert called_at(visits, worth_it.waits) == [0, 200, 100]


def test_who_runs_out_of_patience_leaves_unless_called_at_that_very_time() -> None:
    visits = [Visit(at(0), 100), Visit(at(0), 10, 99.0), Visit(at(0), 10, 100.0), Visit(at(0), 10, 105.0)]
    played = play(visits, staffed([span(0, 1000)]))
    assert played.fates == [Fate.SERVED, Fate.ABANDONED, Fate.SERVED, Fate.ABANDONED]
    assert played.waits == [0, 99, 100, 105]


def test_the_last_one_stays_until_the_line_is_empty_but_takes_breaks() -> None:
    visits = [Visit(at(0), 100), Visit(at(1), 100), Visit(at(2), 100)]
    stays = play(visits, staffed([span(0, 50)]))
    assert called_at(visits, stays.waits) == [0, 100, 200]
    goes = play(visits, staffed([span(0, 50, ends_shift=False), span(400, 410)]))
    assert called_at(visits, goes.waits) == [0, 400, 500]
    nobody = play(visits, staffed([span(0, 50, ends_shift=False)]))
    assert nobody.fates == [Fate.SERVED, Fate.UNSERVED, Fate.UNSERVED]
    assert nobody.waits[1] == math.inf


def test_a_break_is_not_shorter_because_a_service_was_longer() -> None:
    visits = [Visit(at(0), 100), Visit(at(1), 100)]
    away = [span(0, 50, ends_shift=False, away_seconds=60), span(110, 1000)]
    assert called_at(visits, play(visits, staffed(away)).waits) == [0, 160]
    # Even where it should have been back before it was free.
    away = [span(0, 20, ends_shift=False, away_seconds=60), span(80, 1000)]
    assert called_at(visits, play(visits, staffed(away)).waits) == [0, 160]


def test_nobody_more_than_the_cap_is_served_and_a_full_line_refuses() -> None:
    visits = [Visit(at(0), 100) for _ in range(4)]
    played = play(visits, staffed([span(0, 1000)], [span(0, 1000)], max_concurrent_users=1))
    assert called_at(visits, played.waits) == [0, 100, 200, 300]
    played = play(visits, staffed([span(0, 1000)], capacity=2))
    assert played.fates == [Fate.SERVED, Fate.SERVED, Fate.SERVED, Fate.REFUSED]


def test_a_metered_line_lets_in_one_for_each_slot_and_each_that_leaves() -> None:
    visits = [Visit(at(0), 100) for _ in range(5)]
    rated = play(visits, World(Rules(QueueMode.METERED, release_rate_per_minute=6)))
    assert called_at(visits, rated.waits) == [0, 10, 20, 30, 40]
    capped = play(visits, World(Rules(QueueMode.METERED, release_rate_per_minute=6, max_concurrent_users=2)))
    assert called_at(visits, capped.waits) == [0, 10, 100, 110, 200]
    held = play(visits, World(Rules(QueueMode.METERED, release_rate_per_minute=0)))
    assert held.fates == [Fate.UNSERVED] * 5


def test_slots_that_were_missed_do_not_break_the_promise_of_a_minute() -> None:
    """At 120 a minute two slots are due at once after a rest; the minute has 120 releases all the same."""
    visits = [Visit(at(0), 1) for _ in range(130)]
    played = play(visits, World(Rules(QueueMode.METERED, release_rate_per_minute=120)))
    waits = sorted(played.waits)
    assert waits[:3] == [0, 0, 0.5]
    assert (waits[119], waits[120]) == (59.0, 60.0)


def test_waits_are_those_of_the_formula() -> None:
    """Erlang C: Poisson arrivals, exponential services, c counters; the mean wait is C ÷ (c·μ − λ)."""
    counters, service, per_hour, hours = 3, 100.0, 90.0, 160
    chance = random.Random(20261121)
    visits = [
        Visit(visit.joins_at, chance.expovariate(1 / service))
        for visit in invented(Invented(START, [per_hour] * hours, service), chance)
    ]
    everyday = [span(0, hours * 3600)]
    played = play(visits, staffed(*[everyday] * counters))
    load = per_hour / 3600 * service
    blocked = load**counters / math.factorial(counters) * counters / (counters - load)
    waiting = blocked / (sum(load**k / math.factorial(k) for k in range(counters)) + blocked)
    expected = waiting / (counters / service - per_hour / 3600)
    assert abs(sum(played.waits) / len(visits) / expected - 1) < 0.1
    assert abs(sum(wait > 0 for wait in played.waits) / len(visits) / waiting - 1) < 0.1


visit_lists = st.lists(
    st.builds(
        lambda joins, occupied, patience, priority, comes: Visit(at(joins), occupied, patience, priority, comes=comes),
        st.integers(0, 3_000),
        st.floats(0, 300),
        st.one_of(st.just(math.inf), st.floats(0, 500)),
        st.integers(0, 2),
        st.booleans(),
    ),
    max_size=40,
).map(lambda visits: sorted(visits, key=lambda visit: visit.joins_at))
span_lists = st.lists(
    st.tuples(st.integers(0, 3_000), st.integers(1, 1_000), st.booleans(), st.integers(0, 200)), min_size=1, max_size=4
)


def _counter(drawn: list[tuple[int, int, bool, int]]) -> list[Span]:
    found, free = [], 0
    for starts, length, ends_shift, away in sorted(drawn):
        starts = max(starts, free)
        found.append(span(starts, starts + length, ends_shift=ends_shift, away_seconds=float(away)))
        free = starts + length
    return found


def _most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    changes = sorted([(ends, -1) for starts, ends in spans] + [(starts, 1) for starts, ends in spans if ends > starts])
    level = most = 0
    for _, change in changes:
        level += change
        most = max(most, level)
    return most


@settings(max_examples=80, deadline=None)
@given(visit_lists, st.lists(span_lists, min_size=1, max_size=3), st.floats(0, 20))
def test_whatever_comes_a_staffed_line_keeps_its_promises(
    visits: list[Visit], drawn: list[list[tuple[int, int, bool, int]]], gap: float
) -> None:
    counters = [_counter(each) for each in drawn]
    played = play(visits, staffed(*counters, gap_seconds=gap))
    assert _most_at_once([pair for pair in played.busy if pair[0] < pair[1]]) <= len(counters)
    for visit, waited, fate in zip(visits, played.waits, played.fates, strict=True):
        if fate in (Fate.SERVED, Fate.NO_SHOW):
            assert 0 <= waited <= visit.patience_seconds
            assert (fate is Fate.SERVED) == visit.comes
        elif fate is Fate.ABANDONED:
            assert abs(waited - visit.patience_seconds) < 1e-5
        else:
            assert (fate, waited, visit.patience_seconds) == (Fate.UNSERVED, math.inf, math.inf)
    # Of one class whoever joined first is called first.
    for priority in range(3):
        calls = [
            (visit.joins_at, visit.joins_at + timedelta(seconds=waited))
            for visit, waited, fate in zip(visits, played.waits, played.fates, strict=True)
            if visit.priority == priority and fate in (Fate.SERVED, Fate.NO_SHOW)
        ]
        assert [call for _, call in calls] == sorted(call for _, call in calls)


@settings(max_examples=80, deadline=None)
@given(visit_lists, st.integers(1, 90), st.one_of(st.none(), st.integers(1, 5)))
def test_whatever_comes_rate_and_cap_are_exact(visits: list[Visit], rate: int, cap: int | None) -> None:
    rules = Rules(QueueMode.METERED, release_rate_per_minute=rate, max_concurrent_users=cap)
    played = play(visits, World(rules))
    calls = sorted(starts for starts, _ in played.busy)
    for number, call in enumerate(calls):
        assert number + 1 - bisect_right(calls, call - timedelta(seconds=60)) <= rate
    if cap is not None:
        assert _most_at_once(played.busy) <= cap
    assert Fate.UNSERVED not in played.fates
