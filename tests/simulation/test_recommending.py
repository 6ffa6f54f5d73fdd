"""What is recommended helps, and is what helps: small worlds in which it is plain what is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.queues.models import QueueDiscipline, QueueMode
from app.simulation.engine import play
from app.simulation.figures import Range
from app.simulation.recommending import Advice, Kind, Question, Recommendation, advice
from app.simulation.records import Record
from app.simulation.sentences import sentence
from app.simulation.study import Period
from app.simulation.values import CALLED_FATES, Rules, Span, Visit, World
from tests.simulation.sample_day import DAY as SAMPLE_DAY
from tests.simulation.sample_day import RULES, sample_day

MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)
DAY = Period(MIDNIGHT, MIDNIGHT + timedelta(days=1), "UTC")


def hour(number: float) -> datetime:
    return MIDNIGHT + timedelta(hours=number)


def every(seconds: float, starts: float, ends: float, occupied: float, *, priority: int = 0) -> list[Visit]:
    """Somebody comes every so many seconds between two hours."""
    count = int((ends - starts) * 3600 / seconds)
    joins = (hour(starts) + timedelta(seconds=seconds * number) for number in range(count))
    return [Visit(joins_at, occupied, priority=priority) for joins_at in joins]


def lived(visits: list[Visit], world: World) -> list[Record]:
    """Visits as they would have been recorded: whoever is free for longest calls."""
    visits = sorted(visits, key=lambda visit: visit.joins_at)
    played = play(visits, world)
    ends = [visit.joins_at + timedelta(seconds=waited) for visit, waited in zip(visits, played.waits, strict=True)]
    free = {f"counter {number}": MIDNIGHT for number in range(len(world.counters) or 1)}
    records = []
    for at, visit, fate in sorted(zip(ends, visits, played.fates, strict=True), key=lambda one: one[0]):
        assert fate in CALLED_FATES
        counter = min(free, key=free.__getitem__)
        free[counter] = at + timedelta(seconds=visit.occupied_seconds)
        shown = counter if world.counters else None
        records.append(Record(visit.joins_at, at, free[counter], fate, shown, visit.priority))
    return sorted(records, key=lambda record: record.entered_at)


def asked(visits: list[Visit], world: World, target: float) -> Advice:
    return advice(Question(lived(visits, world), DAY, world.rules, target, runs=3, seed=1))


def counters(count: int, starts: float = 8, ends: float = 18) -> list[list[Span]]:
    return [[Span(hour(starts), hour(ends))] for _ in range(count)]


def test_in_a_rush_one_more_counter_is_recommended_for_the_rush() -> None:
    calm = every(120, 8, 18, 200)
    found = asked([*calm, *every(90, 11, 12.8, 200)], World(Rules(), counters(3)), 120)
    assert found.recommendations
    first = found.recommendations[0]
    assert first.kind is Kind.MORE_COUNTERS
    assert first.difference in (1, 2)
    assert first.starts_hour in (11, 12)
    assert first.after_p90_seconds < first.before_p90_seconds
    assert first.improves_share == 1.0
    assert first.likely.low <= first.likely.median <= first.likely.high
    # What follows is on top of it: what was in the way is less in the way.
    assert all(later.before_p90_seconds < 2 * first.before_p90_seconds for later in found.recommendations)
    assert found.recommendations[-1].meets_target


def test_where_nobody_waits_one_counter_less_is_recommended() -> None:
    found = asked(every(100, 8, 18, 250), World(Rules(), counters(6)), 300)
    (only,) = found.recommendations
    assert (only.kind, only.difference, only.meets_target) == (Kind.FEWER_COUNTERS, -1, True)
    assert only.ends_hour == (only.starts_hour or 0) + 3
    assert only.after_p90_seconds <= 300
    assert sentence(only).startswith("One counter less from ")


def test_where_all_is_well_nothing_is_recommended() -> None:
    assert not asked(every(120, 8, 18, 100), World(Rules(), counters(1)), 300).recommendations
    assert advice(Question([], DAY, Rules(), 300, runs=3, seed=1)) == Advice(
        [], advice(Question([], DAY, Rules(), 300, runs=3, seed=1)).recorded, None
    )


def test_a_metered_line_is_told_what_is_in_the_way() -> None:
    """Twelve a minute come for half an hour and stay five minutes: 60 inside would do."""
    visits = every(5, 10, 10.5, 300)
    by_rate = Rules(QueueMode.METERED, release_rate_per_minute=6, max_concurrent_users=1_000)
    (rate,) = asked(visits, World(by_rate), 60).recommendations
    assert (rate.kind, rate.meets_target) == (Kind.RELEASE_RATE, True)
    assert rate.value is not None
    assert 9 <= rate.value <= 12
    by_cap = Rules(QueueMode.METERED, release_rate_per_minute=60, max_concurrent_users=30)
    (cap,) = asked(visits, World(by_cap), 60).recommendations
    assert (cap.kind, cap.meets_target) == (Kind.MAX_CONCURRENT_USERS, True)
    assert cap.value is not None
    assert 45 <= cap.value <= 60
    assert sentence(cap).startswith(f"Letting {cap.value} be inside at once cuts the P90 wait from ")


def test_time_credit_is_recommended_where_classes_starve() -> None:
    """Those of no priority come with others for two hours, more than can be served; no counter more may call."""
    visits = [*every(60, 9, 11, 46, priority=1), *every(120, 9, 11, 46)]
    rules = Rules(discipline=QueueDiscipline.PRIORITY, max_concurrent_users=1)
    (only,) = asked(visits, World(rules, counters(1)), 900).recommendations
    assert (only.kind, only.discipline, only.credits) == (Kind.DISCIPLINE, QueueDiscipline.TIME_CREDIT, ((1, 900),))
    assert "Time credit instead of classes (15 min for priority 1)" in sentence(only)


def test_the_sample_day_gets_counters_where_people_wait_longest() -> None:
    records = [record for record in sample_day() if record.entered_at.hour in range(12, 15)]
    found = advice(Question(records, SAMPLE_DAY, RULES, 180, runs=3, seed=1))
    assert found.recorded.p90_wait_seconds is not None
    assert found.simulated_p90_seconds is not None
    assert abs(found.simulated_p90_seconds / found.recorded.p90_wait_seconds - 1) < 0.2
    assert found.recommendations
    for each in found.recommendations:
        assert each.kind is Kind.MORE_COUNTERS
        assert each.after_p90_seconds < each.before_p90_seconds
        assert "the P90 wait of those who join then from" in sentence(each)
    hours = [(each.starts_hour, each.ends_hour) for each in found.recommendations]
    assert len(set(hours)) == len(hours)


def test_sentences_say_minutes_seconds_and_how_many() -> None:
    plain = Recommendation(
        kind=Kind.MORE_COUNTERS,
        starts_hour=10,
        ends_hour=12,
        difference=1,
        value=None,
        discipline=None,
        credits=(),
        before_p90_seconds=840.0,
        after_p90_seconds=360.0,
        likely=Range(350.0, 200.0, 620.0),
        improves_share=1.0,
        meets_target=True,
    )
    assert sentence(plain) == (
        "One more counter from 10:00 to 12:00 cuts the P90 wait of those who join then from 14 to 6.0 min; "
        "on days like these it would be between 3.3 and 10 min in nine of ten cases."
    )
    two = replace(plain, difference=2, before_p90_seconds=100.0, after_p90_seconds=40.0, likely=Range(30.0, 9.6, 90.0))
    assert sentence(two) == (
        "2 counters more from 10:00 to 12:00 cut the P90 wait of those who join then from 100 to 40 s; "
        "on days like these it would be between 10 and 90 s in nine of ten cases."
    )
